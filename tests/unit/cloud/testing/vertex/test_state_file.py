"""What a server of Vertex AI leaves for the next one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from google.cloud.aiplatform_v1 import types

from cloud.testing.vertex.lineage import Lineage
from cloud.testing.vertex.names import Names
from cloud.testing.vertex.operations import Operations
from cloud.testing.vertex.state_file import StateFile
from cloud.testing.vertex.store import Collection, Store

PLACE = "projects/1/locations/europe-west4"


class Server:
    """The part of a server that keeps its state."""

    def __init__(self, path: Path) -> None:
        self.store = Store(Names("p", "1"))
        self.lineage = Lineage(self.store)
        self.endpoints = Collection(self.store, "endpoints", types.Endpoint)
        self.operations = Operations(self.store)
        self.file = StateFile(path, self.store, self.lineage)


def test_resources_come_back_in_their_order_with_lineage_and_operations(tmp_path: Path) -> None:
    path = tmp_path / "below" / "state.sqlite"
    first = Server(path)
    names = [first.endpoints.add(PLACE, types.Endpoint(display_name=f"e{number}")).name for number in range(12)]
    first.file.save()
    first.endpoints.delete(names[3])
    changed = first.endpoints.get(names[5])
    changed.labels["a"] = "b"
    first.endpoints.keep(changed)
    done = first.operations.start(names[5], changed, types.DeleteOperationMetadata)
    first.file.save()
    first.lineage.put("context", ["x", "y"])
    first.lineage.events.append(types.Event(artifact="x", execution="y", type_=types.Event.Type.OUTPUT))
    first.file.save()

    second = Server(path)
    assert [each.name for each in second.store.below(PLACE, "endpoints")] == [*names[:3], *names[4:]]
    assert second.endpoints.get(names[5]) == changed
    assert second.operations.get(done.name).done
    assert second.lineage.members == {"context": {"x", "y"}}
    assert second.lineage.events == first.lineage.events
    second.endpoints.add(PLACE, types.Endpoint(display_name="new"))
    second.file.save()
    assert len(list(Server(path).store.below(PLACE, "endpoints"))) == 12


def test_a_change_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    server = Server(path)
    kept = server.endpoints.add(PLACE, types.Endpoint(display_name="kept")).name
    server.file.save()
    server.endpoints.delete(kept)
    server.endpoints.add(PLACE, types.Endpoint(display_name="other"))
    with sqlite3.connect(path) as writer:
        # A process that dies while it writes: the last statement of the transaction cannot be carried out.
        writer.execute("CREATE TRIGGER dies BEFORE DELETE ON resources BEGIN SELECT RAISE(ABORT, 'killed'); END")
    with pytest.raises(sqlite3.DatabaseError, match="killed"):
        server.file.save()
    assert [each.display_name for each in Server(path).store.below(PLACE, "endpoints")] == ["kept"]
