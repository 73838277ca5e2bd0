"""uvicorn's HTTP connection with limits of time and room: a client that is slow, silent or endless costs itself alone.

uvicorn waits for ever for the head and the body of a request, and for a client that does not read its answer.
"""

from __future__ import annotations

import asyncio
import functools
import http
import math
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.protocol.body import BODY_LIMIT
from serving.protocol.errors import JSON, error_body

# Kept for files, links to workers and what libraries open.
_OTHER_FILES = 256
# A body may come in chunks of one byte, each with five bytes around it.
_BYTES_ON_THE_WIRE = 6


@dataclass(frozen=True)
class Limits:
    """Seconds for the head of a request, its body, and each part of the answer to be read; bytes of the head, of one
    body, and of all bodies together that are not answered yet; connections at once."""

    head_seconds: float = 20
    body_seconds: float = 60
    read_seconds: float = 60
    head_bytes: int = 65_536
    body_bytes: int = BODY_LIMIT
    held_bytes: int = 268_435_456
    connections: int = 4096


class Room:
    """What all connections of a server share. When it is full, the connection goes that kept the server waiting for
    longest: an honest client has sent its request by then."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._most = min(limits.connections, _files_allowed() - _OTHER_FILES)
        self._held = 0
        # In the order in which they began to keep the server waiting.
        self._waited_for: dict[GuardedHttp, None] = {}

    def wait_for(self, connection: GuardedHttp) -> None:
        """The server waits for this client, from now on."""
        self._waited_for[connection] = None

    def wait_no_more(self, connection: GuardedHttp) -> None:
        """The client has sent its request, or has gone."""
        self._waited_for.pop(connection, None)

    def admit(self, connections: int) -> None:
        """Makes room for the newest of so many connections."""
        if connections > self._most:
            self._end_the_slowest()

    def hold(self, connection: GuardedHttp, size: int) -> bool:
        """Makes room for a part of a body; False when all that is held is being answered."""
        self._held += size
        while self._held > self.limits.held_bytes:
            if not self._end_the_slowest(but=connection):
                return False
        return True

    def release(self, size: int) -> None:
        """A body is not needed any more."""
        self._held -= size

    def _end_the_slowest(self, but: GuardedHttp | None = None) -> bool:
        slowest = next((each for each in self._waited_for if each is not but), None)
        if slowest is None:
            return False
        slowest.end()
        return True


class GuardedHttp(HttpToolsProtocol):
    """One connection; see Limits."""

    def __init__(self, *args: Any, room: Room, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = room
        self._limits = room.limits
        self._request_timer = _Timer(self.loop)
        self._answer_timer = _Timer(self.loop)
        self._is_awaited = True  # the server has nothing to do but to wait for this client
        self._is_in_head = True
        self._received = 0  # bytes of this request, as they came
        self._held = 0  # bytes of bodies that are not answered yet

    def end(self) -> None:
        """Ends the connection now, whatever it is about."""
        self._leave()
        self.transport.abort()

    def refuse(self, code: int, message: str) -> None:
        """Answers with an error in the place of the application, and ends the connection."""
        if self.transport.is_closing() or self._answers():
            self.end()
            return
        self._leave()
        body = error_body(code, message)
        head = f"HTTP/1.1 {code} {http.HTTPStatus(code).phrase}\r\ncontent-type: {JSON}\r\n"
        head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()
        self._answer_timer.start(self._limits.read_seconds, self.end)

    def send_400_response(self, msg: str) -> None:
        """As Vertex words its errors."""
        self.refuse(400, msg)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._room.wait_for(self)
        self._room.admit(len(self.connections))
        self._request_timer.start(self._limits.head_seconds, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._leave()
        self._answer_timer.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._received += len(data)
        if self._is_awaited and not self._request_timer.runs:
            self._request_timer.start(self._limits.head_seconds, self._head_is_late)
        super().data_received(data)
        limits = self._limits
        if self.transport.is_closing():
            return
        if self._is_in_head and self._received > limits.head_bytes:
            self.refuse(431, f"the head of the request is longer than {limits.head_bytes} bytes")
        elif self._received > limits.head_bytes + _BYTES_ON_THE_WIRE * limits.body_bytes:
            self.end()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._is_in_head = False
        self._request_timer.start(self._limits.body_seconds, self._body_is_late)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body, which is held until the answer unless that has been given."""
        if self.transport.is_closing():
            return
        if not self.cycle.response_complete:
            self._held += len(body)
            if not self._room.hold(self, len(body)):
                self.refuse(429, "too many bytes wait to be answered; come again")
                return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there, as a whole."""
        self._is_in_head, self._received = True, 0
        self._request_timer.stop()
        if self.cycle.response_complete:
            # Answered before it was read to its end: the next request may come.
            self._request_timer.start(self._limits.head_seconds, self._head_is_late)
        else:
            self._is_awaited = False
            self._room.wait_no_more(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is written, or waits for the client to read."""
        self._free()
        super().on_response_complete()
        if self.transport.is_closing():
            self._answer_timer.start(self._limits.read_seconds, self.end)
        elif self._is_in_head and not self.pipeline:
            self._is_awaited = True
            self._room.wait_for(self)

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._answer_timer.start(self._limits.read_seconds, self.end)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._answer_timer.stop()

    def timeout_keep_alive_handler(self) -> None:
        """No further request has come. An answer that nobody has read by now would keep the connection for ever."""
        if self.transport.get_write_buffer_size():
            self.end()
        else:
            super().timeout_keep_alive_handler()

    def _answers(self) -> bool:
        """Whether an error would be taken for the answer to another request, or for a part of one."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        return cycle.response_started or not cycle.more_body or bool(self.pipeline)

    def _head_is_late(self) -> None:
        if self._received:
            self.refuse(408, f"the head of the request did not come within {self._limits.head_seconds:g} s")
        else:
            self.end()

    def _body_is_late(self) -> None:
        self.refuse(408, f"the body of the request did not come within {self._limits.body_seconds:g} s")

    def _leave(self) -> None:
        self._request_timer.stop()
        self._room.wait_no_more(self)
        self._free()

    def _free(self) -> None:
        self._room.release(self._held)
        self._held = 0


class _Timer:
    """Calls once, unless it is stopped or started again before."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None

    @property
    def runs(self) -> bool:
        return self._handle is not None

    def start(self, seconds: float, late: Callable[[], None]) -> None:
        self.stop()
        self._handle = self._loop.call_later(seconds, late)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def guarded(limits: Limits) -> Any:
    """The class of connections for a server of uvicorn, with room of its own."""
    return functools.partial(GuardedHttp, room=Room(limits))


def open_as_many_files_as_allowed() -> None:
    """Raises this process's limit of open files, connections among them, to what the system lets it have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _files_allowed() -> float:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if allowed == resource.RLIM_INFINITY else allowed
