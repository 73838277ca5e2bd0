"""TFRecord framing without TensorFlow: reading with checksums verified, and framing a batch of records at once."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import google_crc32c
import numpy as np
import numpy.typing as npt

from pipeline.errors import SluiceError
from pipeline.ingest.files import open_content, plain_read_errors

_READ_BYTES = 4 << 20
_LONGEST = 1 << 31
_MASK_DELTA = 0xA282EAD8


def _masked(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def read_records(path: str) -> Iterator[bytes]:
    """The records of a TFRecord file, gzip or not; damage is refused with the number of the record."""
    with plain_read_errors(path), open_content(path) as content:
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
    return SluiceError(f"{path} is damaged or not a TFRecord file: record {number} {what}.")


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


def frame_records(records: Sequence[bytes]) -> bytes:
    """The records as TFRecord bytes: length, its checksum, record, its checksum."""
    lengths = np.fromiter(map(len, records), "<u8", len(records))
    crcs = np.fromiter(map(google_crc32c.value, records), np.uint32, len(records))
    distinct, place = np.unique(lengths, return_inverse=True)
    length_crcs = np.array([google_crc32c.value(struct.pack("<Q", int(n))) for n in distinct], np.uint32)
    head = np.empty(len(records), [("length", "<u8"), ("crc", "<u4")])
    head["length"] = lengths
    head["crc"] = _masked_all(length_crcs)[place.reshape(-1)]
    heads, tails = head.tobytes(), _masked_all(crcs).tobytes()
    pieces = [b""] * (3 * len(records))
    pieces[0::3] = [heads[at : at + 12] for at in range(0, len(heads), 12)]
    pieces[1::3] = records
    pieces[2::3] = [tails[at : at + 4] for at in range(0, len(tails), 4)]
    return b"".join(pieces)


def _masked_all(crcs: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    rotated = (crcs >> np.uint32(15)) | (crcs << np.uint32(17))
    return (rotated + np.uint32(_MASK_DELTA)).astype("<u4")
