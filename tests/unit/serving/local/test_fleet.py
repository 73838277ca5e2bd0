"""What an endpoint serves before its workers are there, and afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from serving.local.fleet import Address, Fleet
from serving.local.state import StateFile, StoredModel
from serving.protocol.errors import RequestError
from serving.worker.plan import WorkerSettings


def test_an_endpoint_that_begins_again_has_no_traffic_before_its_workers_are_there(tmp_path: Path) -> None:
    file = StateFile(tmp_path, "taxi")
    stored = StoredModel(deployed_id="1", model="taxi", version="1")
    file.change(lambda state: state.model_copy(update={"deployed": [stored], "traffic": {"1": 100}}))

    async def begun() -> None:
        fleet = Fleet(file, Address("http://127.0.0.1:1"), tmp_path, WorkerSettings())
        assert fleet.unready() == ["taxi"]
        with pytest.raises(RequestError, match="no version of `taxi` has traffic yet"):
            fleet.choose()
        await fleet.stop()

    asyncio.run(begun())
