"""Requests and answers between a router and a worker, on one connection: frames with a number, in any order.

Four integers stand before each body: the number of the request, the status of the answer or the form of the request,
the length of the body, and that of what stands beside it.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from typing import NamedTuple

from serving.protocol.body import PROTOBUF
from serving.protocol.errors import JSON

_HEAD = struct.Struct("!QHII")
# A request for which the serving log needs more predictions beside the answer than the record of answers does.
PROTOBUF_LOGGED = f"{PROTOBUF};logged"
FORMS = (JSON, PROTOBUF, PROTOBUF_LOGGED)  # of a request; a frame has its index


class Frame(NamedTuple):
    """An answer has the number of its request. `kind` is its HTTP status; of a request, the index of its form.
    `beside`: the first predictions in JSON, where the body of an answer is not.
    """

    number: int
    kind: int
    body: bytes
    beside: bytes = b""


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
            number, kind, length, more = _HEAD.unpack_from(buffer, begin)
            middle = begin + _HEAD.size + length
            end = middle + more
            if len(buffer) < end:
                break
            beside = bytes(memoryview(buffer)[middle:end]) if more else b""
            yield Frame(number, kind, bytes(memoryview(buffer)[begin + _HEAD.size : middle]), beside)
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
        head = _HEAD.pack(frame.number, frame.kind, len(frame.body), len(frame.beside))
        self._parts += (head, frame.body, frame.beside) if frame.beside else (head, frame.body)

    def flush(self) -> None:
        """Sends what was written, now; nothing when the other side has gone."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.writelines(parts)
