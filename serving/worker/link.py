"""The worker's end of the connection to its router: every frame is answered by itself, as soon as it can be."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import cast

from serving.protocol.errors import DEFECT, RequestError, error_body
from serving.protocol.frames import FORMS, Frame, FrameReader, FrameWriter
from serving.protocol.notes import Note, frame_of
from serving.worker.predictor import Predictor

_OK = 200
# A router that reads no notes must not fill the memory of its workers.
MOST_UNREAD_BYTES = 32 << 20
Beside = Callable[[Callable[[Note], None]], AbstractAsyncContextManager[None]]


async def answer_router(
    listening: socket.socket, predictor: Predictor, drain_seconds: float, beside: Beside | None = None
) -> None:
    """Answers until SIGTERM, then finishes what has begun. `beside` answers others meanwhile, and is given a function
    by which the router learns of it."""
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    predictor.start()
    links: set[_Link] = set()
    server = await loop.create_unix_server(lambda: _Link(predictor, links), sock=listening)

    def note(note: Note) -> None:
        for link in links:
            link.note(note)

    async with beside(note) if beside else nullcontext():
        await ending.wait()
    server.close()
    if links:
        await asyncio.wait([loop.create_task(link.drain()) for link in links], timeout=drain_seconds)


class _Link(asyncio.Protocol):
    """Is one of `links` while it is open."""

    def __init__(self, predictor: Predictor, links: set[_Link]) -> None:
        self._predictor = predictor
        self._links = links
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader = FrameReader()
        self._closed = asyncio.Event()
        self._transport: asyncio.WriteTransport | None = None
        self._writer: FrameWriter | None = None
        self._lost_notes = 0

    def note(self, note: Note) -> None:
        """Sends a note, unless too many wait to be read."""
        if self._transport is None or self._writer is None:
            return
        if self._transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            self._lost_notes += 1
            return
        self._writer.write(frame_of(replace(note, lost=self._lost_notes)))
        self._lost_notes = 0

    async def drain(self) -> None:
        """Returns once all that came is answered and the answers are on their way."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._transport is not None and self._writer is not None:
            self._writer.flush()
            # Writes what it still holds before it closes.
            self._transport.close()
            await self._closed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods without the class.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._writer = FrameWriter(self._transport)
        self._links.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._links.discard(self)
        self._closed.set()

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for frame in self._reader.frames(data):
            task = loop.create_task(self._answer(frame))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, asked: Frame) -> None:
        beside = b""
        try:
            body, beside = await self._predictor.answer(asked.body, FORMS[asked.kind])
            status = _OK
        except RequestError as refused:
            status, body = refused.code, error_body(refused.code, refused.message)
        except Exception as problem:
            logging.getLogger(__name__).error("a request failed", exc_info=problem)
            status, body = 500, error_body(500, DEFECT)
        assert self._writer is not None
        self._writer.write(Frame(asked.number, status, body, beside))
