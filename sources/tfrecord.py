"""TFRecord files of tf.Examples, or of PredictionLogs, without TensorFlow: reading with checksums verified, and framing
a batch of records at once."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import google_crc32c

from core.errors import SluiceError
from core.optional_packages import needed_for
from sources.format import BATCH_ROWS, Format, Part, Rows, check_names, check_stored, chosen
from sources.prediction_log import is_prediction_log
from sources.prediction_rows import rows_of_predictions
from sources.reading import Reading, to_leave_out
from sources.rejects import Reject
from sources.storage import open_content, plain_read_errors

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_NAME = re.compile(r"\.tfrecords?(-\d+-of-\d+)?(\.gz)?$|\.gz$", re.IGNORECASE)
_RECORDS_SEEN = 1000
_READ_BYTES = 4 << 20
_LONGEST = 1 << 31
MASK_DELTA = 0xA282EAD8
# The tags of the only field of a tf.Example, and of the second one of a tf.SequenceExample.
_FEATURES, _FEATURE_LISTS = 0x0A, 0x12


class TfRecord(Format[Part]):
    """TFRecord files, plain or gzip: of tf.Examples, or of the PredictionLogs in which an endpoint keeps its requests.

    TFX and Spark name shards `x.tfrecord-00000-of-00004` and `data_tfrecord-00000-of-00001.gz`, so a `.gz` that is of
    no other format is taken for one.

    Example:
      >>> TfRecord().survey("rides.tfrecord.gz").kinds
      {'company': <Kind.BYTES: 3>, 'fare': <Kind.FLOAT: 2>}
      >>> [rows.columns.to_pylist() for rows in TfRecord().read(TfRecord().whole("rides.tfrecord.gz"), only=["fare"])]
      [[{'fare': [5.25]}, {'fare': []}]]
    """

    name = "tfrecord"
    title = "TFRecord of tf.Example or PredictionLog"
    suffixes = (".tfrecord", ".tfrecord.gz", ".gz")
    row = "record"
    leaves_out = True
    mixes_numbers = False

    def matches(self, path: str) -> bool:
        """Also the shards of a file."""
        return _NAME.search(path) is not None

    def columns(self, path: str) -> tuple[str, ...] | None:
        """The features of the first records, when these are all; a feature may be absent from many records.

        Raises:
          SluiceError: when the file cannot be read or names no columns.
        """
        check_stored(path)
        records = list(islice(read_records(path), _RECORDS_SEEN))
        if not records:
            raise SluiceError(f"{path} {self.no_rows}.", f"Look:  ls -l {path}")
        if len(records) == _RECORDS_SEEN:
            return None
        if is_prediction_log(records[0]):
            rows = _rows(path, records, 1, self.reading)
            return None if rows.rejects else tuple(self.reading.kept(rows.columns.schema.names))
        return _names_in(path, records, self.reading)

    def whole(self, path: str) -> Part:
        """The only part: a TFRecord file cannot be entered in the middle."""
        return Part(path)

    def read(self, part: Part, only: list[str] | None = None) -> Iterator[Rows]:
        """Features as lists.

        Raises:
          SluiceError: when the file is damaged or cannot be read.
        """
        first = 1
        for records in _batched(read_records(part.path)):
            rows = _rows(part.path, records, first, self.reading)
            first += len(records)
            rows.columns = chosen(rows.columns, only, self.reading)
            yield rows


def _names_in(path: str, records: list[bytes], reading: Reading) -> tuple[str, ...] | None:
    """The features of Examples, also where one has two types, which may be a reason to leave it out; None when there is
    a record that is no Example."""
    from sources.example_fields import names_in

    decoder = _decoder()
    if any(_why_no_example(record, decoder, reading) for record in records):
        return None
    names = sorted({name for record in records for name in names_in(record)})
    check_names(path, names)
    return tuple(reading.kept(names))


def read_records(path: str) -> Iterator[bytes]:
    """The records of a TFRecord file, gzip or not.

    Raises:
      SluiceError: for damage, with the number of the record.
    """
    with plain_read_errors(path), open_content(path) as content:
        yield from records_in(content, path)


def frame_records(records: Sequence[bytes]) -> bytes:
    """The records as TFRecord bytes: length, its checksum, record, its checksum."""
    import numpy as np

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
    import numpy as np

    rotated = (crcs >> np.uint32(15)) | (crcs << np.uint32(17))
    return (rotated + np.uint32(MASK_DELTA)).astype("<u4")


def _batched(records: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(records, BATCH_ROWS)):
        yield batch


def _rows(path: str, records: list[bytes], first: int, reading: Reading) -> Rows:
    """The rows of consecutive records, of which the first one says what they are."""
    import numpy as np

    from sources.example_fields import features_in

    decoder = _decoder()
    lines = np.arange(first, first + len(records))
    if is_prediction_log(records[0]):
        return rows_of_predictions(path, records, lines)
    rows, count = None, features_in(records)
    if count is not None:
        with contextlib.suppress(RuntimeError):
            rows = Rows(decoder.DecodeBatch(records), lines, True)
    # Of a feature that a record has twice the decoder keeps one.
    held = -1 if rows is None else sum(len(each) - each.null_count for each in rows.columns.columns)
    if rows is None or (count != held and features_in(records, with_values=True) != held):
        rows = _decode_one_by_one(path, records, lines, decoder, reading)
    check_names(path, rows.columns.schema.names)
    return rows


def _decoder() -> Any:
    """The decoder of tf.Examples. It is C++ on Arrow: importing it does not import TensorFlow, as a test proves."""
    with needed_for("Decoding TFRecord"):
        from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    return ExamplesToRecordBatchDecoder()


def _other_field(record: bytes) -> int | None:
    """The tag of the first field that is not the only one of a tf.Example; the decoder leaves such fields out in
    silence."""
    at = 0
    while at < len(record):
        if record[at] != _FEATURES:
            return record[at]
        size = shift = 0
        at += 1
        while at < len(record) and record[at] >= 0x80:
            size |= (record[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
        at += (size | record[at] << shift) + 1 if at < len(record) else 0
    return None


def _decode_one_by_one(
    path: str, records: list[bytes], lines: npt.NDArray[np.int64], decoder: Any, reading: Reading
) -> Rows:
    """The good records of a batch, without the columns to leave out, and a reason for each of the others.

    Raises:
      SluiceError: when a feature has two types.
    """
    import pyarrow as pa

    from sources.example_fields import without

    good, rejects = [], []
    for place, record in enumerate(records):
        if why := _why_no_example(record, decoder, reading):
            rejects.append(Reject(path, int(lines[place]), why, repr(record[:200])))
        else:
            good.append(place)
    kept = [without(records[place], reading.ignore_columns) for place in good]
    try:
        batch = decoder.DecodeBatch(kept) if good else pa.RecordBatch.from_arrays([], [])
    except RuntimeError as error:
        raise _of_two_types(path, kept, lines[good].tolist(), reading, error) from error
    return Rows(batch, lines[good], True, rejects)


def _of_two_types(
    path: str, records: list[bytes], lines: list[int], reading: Reading, error: RuntimeError
) -> SluiceError:
    """The refusal of a feature that holds one type in one record and another in another."""
    from sources.example_fields import types_of

    seen: dict[str, tuple[str, int]] = {}
    for record, line in zip(records, lines, strict=True):
        for name, type_ in types_of(record).items():
            before, at = seen.setdefault(name, (type_, line))
            if before != type_:
                return SluiceError(
                    f"{path}, record {line}: `{name}` holds {type_}, and {before} in record {at}.",
                    to_leave_out([*reading.ignore_columns, name]),
                )
    return SluiceError(f"{path}: its records do not agree: {str(error).splitlines()[0]}")


def _why_no_example(record: bytes, decoder: Any, reading: Reading) -> str:
    from sources.example_fields import what_is_lost

    try:
        decoder.DecodeBatch([record])
    except RuntimeError:
        return "is not a tf.Example"
    other = _other_field(record)
    if other == _FEATURE_LISTS:
        return "is a tf.SequenceExample: write its feature lists as features of a tf.Example"
    return (
        "has a field that a tf.Example does not have"
        if other is not None
        else what_is_lost(record, reading.ignore_columns)
    )


def _masked(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def records_in(content: BinaryIO, path: str) -> Iterator[bytes]:
    """The records of an open and unpacked TFRecord file.

    Raises:
      SluiceError: for damage, with the number of the record.
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
