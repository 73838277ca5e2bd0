"""Many requests on one connection: each gets its own answer, and none waits for a worker that has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from serving.local.link import Link
from serving.protocol.errors import JSON
from serving.protocol.frames import Frame, FrameReader, FrameWriter

Answering = Callable[[list[Frame], asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _linked(folder: Path, after: int, answering: Answering) -> AsyncIterator[tuple[Link, asyncio.Event]]:
    """A link to a server that hands over every `after` frames, and whether it was lost."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader()
        found: list[Frame] = []
        while data := await reader.read(100):
            found += frames.frames(data)
            if len(found) >= after:
                await answering(found, writer)
                found = []
        writer.close()

    lost = asyncio.Event()
    server = await asyncio.start_unix_server(serve, folder / "link.sock")
    link = await Link.to(str(folder / "link.sock"), lost.set)
    try:
        yield link, lost
    finally:
        link.close()
        server.close()


async def _reversed(frames: list[Frame], writer: asyncio.StreamWriter) -> None:
    out = FrameWriter(writer.transport)
    for frame in reversed(frames):
        out.write(Frame(frame.number, 200, frame.body * 2))


async def _gone(_: list[Frame], writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _silent(_: list[Frame], __: asyncio.StreamWriter) -> None:
    return


def test_each_request_gets_its_own_answer_in_whatever_order_they_come(tmp_path: Path) -> None:
    async def run() -> list[bytes]:
        async with _linked(tmp_path, 50, _reversed) as (link, _):
            answers = await asyncio.gather(*(link.ask(b"%d," % number, JSON, 60) for number in range(50)))
            return [answer.body for answer in answers]

    assert asyncio.run(run()) == [b"%d,%d," % (number, number) for number in range(50)]


def test_who_waits_hears_that_the_worker_has_ended(tmp_path: Path) -> None:
    async def run() -> None:
        async with _linked(tmp_path, 2, _gone) as (link, lost):
            results = await asyncio.gather(link.ask(b"1", JSON, 60), link.ask(b"2", JSON, 60), return_exceptions=True)
            assert [type(each) for each in results] == [ConnectionError] * 2
            await asyncio.wait_for(lost.wait(), 60)
            with pytest.raises(ConnectionError):
                await link.ask(b"3", JSON, 60)

    asyncio.run(run())


def test_a_late_answer_is_given_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with _linked(tmp_path, 1, _silent) as (link, _):
            with pytest.raises(asyncio.TimeoutError):
                await link.ask(b"1", JSON, 0.01)

    asyncio.run(run())
