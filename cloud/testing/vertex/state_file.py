"""The resources of Vertex AI in a file, so that the next server finds them: a change is there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import proto
from google.cloud.aiplatform_v1 import types
from google.longrunning import operations_pb2

from cloud.client_messages import client_messages
from cloud.testing.vertex.lineage import Lineage
from cloud.testing.vertex.store import Store

_OPERATION = operations_pb2.Operation.DESCRIPTOR.full_name
_TABLES = """
    CREATE TABLE IF NOT EXISTS resources (name TEXT PRIMARY KEY, kind TEXT NOT NULL, data BLOB NOT NULL, place INTEGER);
    CREATE TABLE IF NOT EXISTS lineage (id INTEGER PRIMARY KEY CHECK (id = 1), members TEXT NOT NULL, events BLOB);
"""


class StateFile:
    """Loads a store and its lineage, and writes what has changed since. Used under the lock of the API only."""

    def __init__(self, path: Path, store: Store, lineage: Lineage) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._store, self._lineage = store, lineage
        # The server's threads take turns, by the lock of the API.
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(_TABLES)
        self._written: dict[str, bytes] = {}
        self._lineage_written = ("", b"")
        self._load()

    def save(self) -> None:
        """Writes what has changed, in one transaction."""
        fresh = {name: _serialised(each) for name, each in self._store.resources.items()}
        digests = {name: hashlib.sha256(data).digest() for name, data in fresh.items()}
        changed = [name for name, digest in digests.items() if self._written.get(name) != digest]
        gone = [name for name in self._written if name not in fresh]
        members = json.dumps({name: sorted(each) for name, each in self._lineage.members.items()})
        events: bytes = types.LineageSubgraph.serialize(types.LineageSubgraph(events=self._lineage.events))
        if not changed and not gone and (members, events) == self._lineage_written:
            return
        rows = [(name, _kind(self._store.resources[name]), fresh[name], place) for place, name in enumerate(changed)]
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(
                "INSERT INTO resources VALUES (?, ?, ?, (SELECT IFNULL(MAX(place), 0) + 1 FROM resources) + ?)"
                " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, data = excluded.data",
                rows,
            )
            self._database.executemany("DELETE FROM resources WHERE name = ?", [(name,) for name in gone])
            self._database.execute("INSERT OR REPLACE INTO lineage VALUES (1, ?, ?)", (members, events))
        self._written, self._lineage_written = digests, (members, events)

    def _load(self) -> None:
        for name, kind, data in self._database.execute("SELECT name, kind, data FROM resources ORDER BY place"):
            self._store.resources[name] = _parsed(kind, data)
            self._written[name] = hashlib.sha256(data).digest()
        for members, events in self._database.execute("SELECT members, events FROM lineage"):
            self._lineage.members.update({name: set(each) for name, each in json.loads(members).items()})
            self._lineage.events.extend(types.LineageSubgraph.deserialize(events).events)


def _kind(resource: Any) -> str:
    return str(type(resource).meta.full_name if isinstance(resource, proto.Message) else resource.DESCRIPTOR.full_name)


def _serialised(resource: Any) -> bytes:
    message = type(resource).pb(resource) if isinstance(resource, proto.Message) else resource
    data: bytes = message.SerializeToString(deterministic=True)
    return data


def _parsed(kind: str, data: bytes) -> Any:
    if kind == _OPERATION:
        return operations_pb2.Operation.FromString(data)
    return client_messages()[kind].deserialize(data)
