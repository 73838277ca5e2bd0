"""The worker answers its router frame by frame, with the protocol's errors, and finishes what has begun at SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from serving.local.link import Link
from serving.protocol.body import PROTOBUF
from serving.protocol.errors import JSON, RequestError
from serving.worker.link import answer_router
from serving.worker.request import Reply


class _Predictor:
    """Answers each body by what it says; `let_go` ends the waiting of `wait`."""

    def __init__(self) -> None:
        self.begun, self.let_go = asyncio.Event(), asyncio.Event()

    def start(self) -> None:
        return

    async def answer(self, body: bytes, form: str) -> Reply:
        if body == b"refuse":
            raise RequestError(429, "too many")
        if body == b"fail":
            raise ValueError("a defect")
        if body == b"wait":
            self.begun.set()
            await self.let_go.wait()
        return Reply(body.upper(), b"" if form == JSON else body.lower())


@asynccontextmanager
async def _working(folder: Path, predictor: Any) -> AsyncIterator[tuple[Link, asyncio.Task[None]]]:
    path = str(folder / "worker.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        worker = asyncio.create_task(answer_router(listening, predictor, drain_seconds=60))
        link = await Link.to(path, lambda: None)
        # Once it answers, it also takes the signal.
        assert (await link.ask(b"ready", JSON, 60)).body == b"READY"
        yield link, worker


def test_an_error_is_an_answer_and_a_defect_has_no_details(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> list[tuple[int, Any]]:
        async with _working(tmp_path, _Predictor()) as (link, worker):
            found = [await link.ask(body, JSON, 60) for body in (b"refuse", b"fail")]
            os.kill(os.getpid(), signal.SIGTERM)
            await worker
            return [(each.kind, json.loads(each.body)["error"]["message"]) for each in found]

    assert asyncio.run(run()) == [(429, "too many"), (500, "the endpoint failed; its log says why")]
    assert "a defect" in caplog.text


def test_what_has_begun_is_answered_before_the_worker_ends(tmp_path: Path) -> None:
    async def run() -> bytes:
        predictor = _Predictor()
        async with _working(tmp_path, predictor) as (link, worker):
            begun = asyncio.create_task(link.ask(b"wait", JSON, 60))
            await predictor.begun.wait()
            os.kill(os.getpid(), signal.SIGTERM)
            done, _ = await asyncio.wait([worker], timeout=0.05)
            assert not done, "the worker ended while it had a request"
            predictor.let_go.set()
            await worker
            return (await begun).body

    assert asyncio.run(run()) == b"WAIT"


def test_what_stands_beside_an_answer_comes_with_it_and_never_with_an_error(tmp_path: Path) -> None:
    async def run() -> list[tuple[int, bytes]]:
        async with _working(tmp_path, _Predictor()) as (link, worker):
            asked = [(b"Ride", PROTOBUF), (b"Ride", JSON), (b"refuse", PROTOBUF)]
            found = [await link.ask(body, form, 60) for body, form in asked]
            os.kill(os.getpid(), signal.SIGTERM)
            await worker
            return [(each.kind, each.beside) for each in found]

    assert asyncio.run(run()) == [(200, b"ride"), (200, b""), (429, b"")]
