"""The router's end of the connection to a worker: many requests at once, each answered by its number."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import cast

from serving.protocol.frames import FORMS, Frame, FrameReader, FrameWriter
from serving.protocol.notes import NOTE, Note, note_in


def _ignored(_: Note) -> None:
    """A worker that answers nobody else has nothing to note."""


class Link(asyncio.Protocol):
    """`on_lost` is called when the connection ends, by whichever side; `on_note` with each note of the worker."""

    def __init__(self, on_lost: Callable[[], None], on_note: Callable[[Note], None] = _ignored) -> None:
        self.ended = asyncio.Event()
        self._on_lost = on_lost
        self._on_note = on_note
        self._reader = FrameReader()
        self._numbers = itertools.count()
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        self._transport: asyncio.WriteTransport | None = None
        self._writer: FrameWriter | None = None

    @classmethod
    async def to(
        cls, unix_socket: str, on_lost: Callable[[], None], on_note: Callable[[Note], None] = _ignored
    ) -> Link:
        """A link to the worker that listens there; OSError when none does."""
        _, link = await asyncio.get_running_loop().create_unix_connection(lambda: cls(on_lost, on_note), unix_socket)
        return link

    async def ask(self, body: bytes, form: str, seconds: float) -> Frame:
        """The answer; ConnectionError when the link ends before it, asyncio.TimeoutError when it is late."""
        if self._writer is None:
            raise ConnectionError("the worker has ended")
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        answer: asyncio.Future[Frame] = loop.create_future()
        self._answers[number] = answer
        late = loop.call_later(seconds, _give_up, answer)
        try:
            self._writer.write(Frame(number, FORMS.index(form), body))
            return await answer
        finally:
            late.cancel()
            self._answers.pop(number, None)

    def close(self) -> None:
        """Ends the link; what has not been answered fails."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        # uvloop's transports have the methods without the class.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._writer = FrameWriter(self._transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        for frame in self._reader.frames(data):
            if frame.kind == NOTE:
                self._on_note(note_in(frame))
                continue
            # Nobody waits any more for an answer that came too late.
            answer = self._answers.get(frame.number)
            if answer is not None and not answer.done():
                answer.set_result(frame)

    def connection_lost(self, _: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._writer = None
        self.ended.set()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the worker ended before it answered"))
        self._on_lost()


def _give_up(answer: asyncio.Future[Frame]) -> None:
    if not answer.done():
        answer.set_exception(asyncio.TimeoutError())
