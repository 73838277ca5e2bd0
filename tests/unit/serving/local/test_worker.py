"""A version that cannot be served is named in the server's log, for whoever looks at its terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from serving.local.state import StoredModel
from serving.local.worker import Worker
from serving.worker.plan import WorkerSettings


def test_why_a_version_does_not_answer_is_a_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no model")
    stored = StoredModel(deployed_id="7", model="taxi", version="101")

    async def tried() -> str:
        changed = asyncio.Event()
        worker = Worker(stored, tmp_path, tmp_path, WorkerSettings(), changed.set)
        await asyncio.wait_for(changed.wait(), 300)
        await worker.stop()
        return caplog.text

    assert f"version 101 of taxi does not answer: {tmp_path} is no SavedModel" in asyncio.run(tried())
