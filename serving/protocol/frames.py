"""Requests and answers between a router and a worker, on one connection: frames with a number, in any order.

Three integers stand before each body: the number of the request, the status of the answer or the form of the request,
and the length of the body.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from serving.protocol.body import PROTOBUF
from serving.protocol.errors import JSON

_HEAD = struct.Struct("!QHI")
FORMS = (JSON, PROTOBUF)  # of a request; a frame has its index


@dataclass(frozen=True)
class Frame:
    """An answer has the number of its request. `kind` is its HTTP status; of a request, the index of its form."""

    number: int
    kind: int
    body: bytes


class FrameReader:
    """Cuts what comes through a connection into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def frames(self, received: bytes) -> Iterator[Frame]:
        """The frames that are whole now that this was received."""
        buffer = self._buffer
        buffer += received
        begin = 0
        while len(buffer) - begin >= _HEAD.size:
            number, kind, length = _HEAD.unpack_from(buffer, begin)
            end = begin + _HEAD.size + length
            if len(buffer) < end:
                break
            yield Frame(number, kind, bytes(memoryview(buffer)[begin + _HEAD.size : end]))
            begin = end
        del buffer[:begin]


class FrameWriter:
    """Writes the frames of one turn of the event loop by one call of the system: it costs more than all the rest."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, frame: Frame) -> None:
        """Sends a frame before the loop waits again."""
        if not self._parts:
            asyncio.get_running_loop().call_soon(self.flush)
        self._parts += (_HEAD.pack(frame.number, frame.kind, len(frame.body)), frame.body)

    def flush(self) -> None:
        """Sends what was written, now; nothing when the other side has gone."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.writelines(parts)
