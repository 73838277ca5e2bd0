"""TFRecord files without TensorFlow: their records, with checksums verified."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c

from gates.errors import SluiceError

_READ_BYTES = 4 << 20
_LONGEST = 1 << 31
MASK_DELTA = 0xA282EAD8


def _masked(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def records_in(content: BinaryIO, path: str) -> Iterator[bytes]:
    """The records of an open and unpacked TFRecord file; damage is refused with the number of the record."""
    number = 0
    buffer = _Buffer(content)
    while header := buffer.take(12):
        number += 1
        if len(header) < 12:
            raise _damaged(path, number, "is cut short")
        length, length_crc = struct.unpack("<QI", header)
        if _masked(header[:8]) != length_crc or length > _LONGEST:
            raise _damaged(path, number, "has a wrong length checksum")
        body = buffer.take(length + 4)
        if len(body) < length + 4:
            raise _damaged(path, number, "is cut short")
        record = body[:-4]
        if _masked(record) != int.from_bytes(body[-4:], "little"):
            raise _damaged(path, number, "has a wrong checksum")
        yield record


def _damaged(path: str, number: int, what: str) -> SluiceError:
    return SluiceError(f"{path} is damaged or not a TFRecord file: record {number} {what}.", f"Look:  ls -l {path}")


class _Buffer:
    """Takes small pieces out of large reads."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        self._held = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        if len(self._held) - self._at < size:
            self._held = self._held[self._at :] + self._content.read(max(size, _READ_BYTES))
            self._at = 0
            while len(self._held) < size and (more := self._content.read(size - len(self._held))):
                self._held += more
        piece = self._held[self._at : self._at + size]
        self._at += len(piece)
        return piece
