"""TFRecord framing without TensorFlow: reading with checksums verified, and framing a batch of records at once."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

import google_crc32c
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.errors import SluiceError
from sources.format import BATCH_ROWS, FileSurvey, Part, Rows, _floats
from sources.kinds import Kind
from sources.rejects import Reject
from sources.storage import open_content, plain_read_errors
from sources.typed import kind_of_type, values_are_whole

_READ_BYTES = 4 << 20
_LONGEST = 1 << 31
MASK_DELTA = 0xA282EAD8


def read_records(path: str) -> Iterator[bytes]:
    """The records of a TFRecord file, gzip or not; damage is refused with the number of the record.

    Raises:
      SluiceError: when a record is damaged.
    """
    with plain_read_errors(path), open_content(path) as content:
        yield from records_in(content, path)


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
    return (rotated + np.uint32(MASK_DELTA)).astype("<u4")


@dataclass(frozen=True)
class TfRecordPart(Part):
    """A whole TFRecord file: it cannot be entered in the middle."""


def _survey_tfrecord(path: str, ints: frozenset[str]) -> FileSurvey:
    kinds: dict[str, Kind] = {}
    fractional: set[str] = set()
    empty = True
    for rows in _read_tfrecord(TfRecordPart(path)):
        empty = empty and not rows.columns.num_rows and not rows.rejects
        for entry in rows.columns.schema:
            kind = kind_of_type(entry.type, entry.name, path)
            if kinds.get(entry.name) and kind and kinds[entry.name] is not kind:
                raise SluiceError(f"{path}: feature `{entry.name}` is of different types in different records.")
            kinds[entry.name] = max(kinds.get(entry.name, Kind.NONE), kind)
            asked = kind is Kind.FLOAT and entry.name in ints - fractional
            if asked and not values_are_whole(rows.columns.column(entry.name)):
                fractional.add(entry.name)
    return FileSurvey(path, kinds, [TfRecordPart(path)], empty, _floats(kinds) & ints - fractional)


def _read_tfrecord(part: TfRecordPart) -> Iterator[Rows]:
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder()
    first = 1
    for records in _batched(read_records(part.path)):
        lines = np.arange(first, first + len(records))
        first += len(records)
        try:
            yield Rows(decoder.DecodeBatch(records), lines, True)
        except RuntimeError:
            yield _decode_one_by_one(part.path, records, lines, decoder)


def _batched(records: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(records, BATCH_ROWS)):
        yield batch


def _decode_one_by_one(path: str, records: list[bytes], lines: npt.NDArray[np.int64], decoder: Any) -> Rows:
    """Which records of a batch are no tf.Examples, or else which feature has two types."""
    good, rejects = [], []
    for place, record in enumerate(records):
        try:
            decoder.DecodeBatch([record])
            good.append(place)
        except RuntimeError:
            rejects.append(Reject(path, int(lines[place]), "is not a tf.Example", repr(record[:200])))
    try:
        batch = decoder.DecodeBatch([records[place] for place in good]) if good else pa.RecordBatch.from_arrays([], [])
    except RuntimeError as error:
        raise SluiceError(f"{path}: its records do not agree: {str(error).splitlines()[0]}") from error
    return Rows(batch, lines[good], True, rejects)


def _masked(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def records_in(content: BinaryIO, path: str) -> Iterator[bytes]:
    """The records of an open and unpacked TFRecord file; damage is refused with the number of the record.

    Raises:
      SluiceError: when a record is damaged.
    """
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
