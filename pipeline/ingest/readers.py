"""One way to read all formats: a file is surveyed once (columns, kinds, where to cut it), then read part by part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import SluiceError
from pipeline.ingest import csv_blocks, idx_files, image_folder
from pipeline.ingest.csv_blocks import CsvPart
from pipeline.ingest.files import open_stored, plain_read_errors
from pipeline.ingest.idx_files import IdxPart
from pipeline.ingest.image_folder import FolderPart
from pipeline.ingest.kinds import Kind, kind_of_texts, texts_are_whole
from pipeline.ingest.pictures import IMAGE, LABEL, PictureShape, as_lists_of_pixels
from pipeline.ingest.records import read_records
from pipeline.ingest.rejects import Reject
from pipeline.ingest.typed import kind_of_type, values_are_whole

BATCH_ROWS = 40_000
PART_BYTES = 64 << 20  # what one worker takes at a time
# A line of a table that names a picture stands for thousands of times as many bytes.
_PICTURES_BLOCK_BYTES = 128 << 10


@dataclass(frozen=True)
class ParquetPart:
    """Some row groups of a Parquet file."""

    path: str
    groups: tuple[int, ...]
    first_row: int


@dataclass(frozen=True)
class TfRecordPart:
    """A whole TFRecord file: it cannot be entered in the middle."""

    path: str


Part = CsvPart | ParquetPart | TfRecordPart | IdxPart | FolderPart


@dataclass
class Rows:
    """Consecutive rows of one file. `typed`: the columns have their kinds; else they are text to be converted."""

    columns: pa.RecordBatch
    lines: npt.NDArray[np.int64]
    typed: bool
    rejects: list[Reject] = field(default_factory=list)


@dataclass
class FileSurvey:
    """What one file holds: the kind of each column, and the parts in which it can be read. `whole`: those of the
    columns asked for that are float and have whole numbers only. `shape`: of the pictures, where the file says so."""

    path: str
    kinds: dict[str, Kind]
    parts: list[Part]
    empty: bool
    whole: frozenset[str] = frozenset()
    shape: PictureShape | None = None


def survey_file(
    path: str, format_: str, ints: frozenset[str] = frozenset(), names_pictures: bool = False
) -> FileSurvey:
    """Reads a file once, without keeping it; `ints`: columns to look at more closely, as they may be ints;
    `names_pictures`: its rows are small and their pictures large."""
    if format_ == "idx":
        return _survey_idx(path)
    if format_ == "image_folder":
        return _survey_folder(path)
    if format_ == "csv":
        return _survey_csv(path, ints, names_pictures)
    return {"parquet": _survey_parquet, "tfrecord": _survey_tfrecord}[format_](path, ints)


def read_part(part: Part, only: list[str] | None = None) -> Iterator[Rows]:
    """The rows of a part in bounded batches; `only` reads some of the columns."""
    if isinstance(part, CsvPart):
        return _read_csv(part, only)
    if isinstance(part, ParquetPart):
        return _read_parquet(part, only)
    if isinstance(part, IdxPart):
        return _read_idx(part)
    if isinstance(part, FolderPart):
        return _read_folder(part)
    return _read_tfrecord(part)


def _survey_idx(path: str) -> FileSurvey:
    parts = idx_files.cut(path)
    return FileSurvey(path, {IMAGE: Kind.INT, LABEL: Kind.INT}, list(parts), False, shape=parts[0].shape)


def _read_idx(part: IdxPart) -> Iterator[Rows]:
    labels = idx_files.read_labels(part)
    at = 0
    for pixels in idx_files.read_pixels(part, part.shape.batch_rows):
        some = slice(at, at + len(pixels))
        columns = [as_lists_of_pixels(pixels), pa.array(labels[some].astype(np.int64))]
        lines = part.first + np.arange(at, at + len(pixels)) + 1
        yield Rows(pa.RecordBatch.from_arrays(columns, [IMAGE, LABEL]), lines, True)
        at += len(pixels)


def _survey_folder(path: str) -> FileSurvey:
    part = image_folder.all_of(path)
    return FileSurvey(path, {IMAGE: Kind.BYTES, LABEL: Kind.BYTES}, [part], not part.pictures)


def _read_folder(part: FolderPart) -> Iterator[Rows]:
    paths = [f"{part.path}/{picture}" for picture in part.pictures]
    classes = [picture.split("/", 1)[0] for picture in part.pictures]
    columns = [pa.array(values, pa.string()) for values in (paths, classes)]
    yield Rows(pa.RecordBatch.from_arrays(columns, [IMAGE, LABEL]), part.first + np.arange(len(paths)) + 1, True)


def _survey_csv(path: str, ints: frozenset[str], names_pictures: bool) -> FileSurvey:
    header = csv_blocks.read_header(path)
    if names_pictures:
        header = replace(header, block_bytes=_PICTURES_BLOCK_BYTES)
    kinds = dict.fromkeys(header.columns, Kind.NONE)
    fractional: set[str] = set()
    ends: list[tuple[int, int]] = []
    empty = True
    for block in csv_blocks.read_blocks(header, ends=ends):
        empty = empty and not block.rows.num_rows and not block.rejects
        for name, column in zip(header.columns, block.rows.columns, strict=True):
            kinds[name] = kind_of_texts(column, kinds[name])
            if kinds[name] is Kind.FLOAT and name in ints - fractional and not texts_are_whole(column):
                fractional.add(name)
    part_bytes = min(PART_BYTES, 4 * _PICTURES_BLOCK_BYTES) if names_pictures else PART_BYTES
    parts: list[Part] = list(csv_blocks.cut_into_parts(header, part_bytes, ends))
    return FileSurvey(path, kinds, parts, empty, _floats(kinds) & ints - fractional)


def _floats(kinds: dict[str, Kind]) -> frozenset[str]:
    return frozenset(name for name, kind in kinds.items() if kind is Kind.FLOAT)


def _read_csv(part: CsvPart, only: list[str] | None) -> Iterator[Rows]:
    for block in csv_blocks.read_blocks(part, only):
        for start in range(0, max(block.rows.num_rows, 1), BATCH_ROWS):
            piece = slice(start, start + BATCH_ROWS)
            yield Rows(block.rows.slice(start, BATCH_ROWS), block.lines[piece], False, [] if start else block.rejects)


def parquet_columns(path: str) -> tuple[str, ...]:
    """The columns of a Parquet file, from its footer."""
    import pyarrow.parquet as pq

    with plain_parquet_errors(path), open_stored(path) as stored:
        file = pq.ParquetFile(stored)
        names = file.schema_arrow.names
        rows = file.metadata.num_rows
    csv_blocks.check_names(path, names)
    if not rows:
        raise SluiceError(f"{path} holds no rows.", f"Look:  ls -l {path}")
    return tuple(names)


def parquet_texts(path: str, column: str) -> Iterator[str]:
    """The values of one text column."""
    import pyarrow.parquet as pq

    with plain_parquet_errors(path), open_stored(path) as stored:
        for batch in pq.ParquetFile(stored).iter_batches(BATCH_ROWS, columns=[column]):
            yield from batch.column(0).cast(pa.string()).drop_null().to_pylist()


def _survey_parquet(path: str, ints: frozenset[str]) -> FileSurvey:
    import pyarrow.parquet as pq

    with plain_parquet_errors(path), open_stored(path) as stored:
        file = pq.ParquetFile(stored)
        schema, metadata = file.schema_arrow, file.metadata
        csv_blocks.check_names(path, schema.names)
        kinds = {entry.name: kind_of_type(entry.type, entry.name, path) for entry in schema}
        filled = _columns_with_values(file)
        kinds = {name: kind if name in filled else Kind.NONE for name, kind in kinds.items()}
        whole = frozenset(name for name in sorted(_floats(kinds) & ints) if _is_whole(file, name))
        parts: list[Part] = []
        groups: list[int] = []
        size = row = first_row = 0
        for group in range(metadata.num_row_groups):
            groups.append(group)
            size += metadata.row_group(group).total_byte_size
            row += metadata.row_group(group).num_rows
            if size >= PART_BYTES or group == metadata.num_row_groups - 1:
                parts.append(ParquetPart(path, tuple(groups), first_row + 1))
                groups, size, first_row = [], 0, row
    return FileSurvey(path, kinds, parts, metadata.num_rows == 0, whole)


def _is_whole(file: Any, name: str) -> bool:
    return all(values_are_whole(batch.column(0)) for batch in file.iter_batches(BATCH_ROWS, columns=[name]))


def _columns_with_values(file: Any) -> set[str]:
    """Columns that are not missing throughout, by the file's own statistics where it has them."""
    metadata = file.metadata
    filled: set[str] = set()
    unsure: set[str] = set()
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            name = chunk.path_in_schema.split(".")[0]
            statistics = chunk.statistics
            if statistics is None or not statistics.has_null_count or "." in chunk.path_in_schema:
                unsure.add(name)
            elif statistics.null_count < chunk.num_values:
                filled.add(name)
    for name in sorted(unsure - filled):
        for batch in file.iter_batches(BATCH_ROWS, columns=[name]):
            if batch.column(0).null_count < len(batch.column(0)):
                filled.add(name)
                break
    return filled


def _read_parquet(part: ParquetPart, only: list[str] | None) -> Iterator[Rows]:
    import pyarrow.parquet as pq

    row = part.first_row
    with plain_parquet_errors(part.path), open_stored(part.path) as stored:
        file = pq.ParquetFile(stored)
        for batch in file.iter_batches(BATCH_ROWS, row_groups=list(part.groups), columns=only, use_threads=False):
            yield Rows(batch, np.arange(row, row + batch.num_rows), True)
            row += batch.num_rows


@contextmanager
def plain_parquet_errors(path: str) -> Iterator[None]:
    """Arrow's complaints about a Parquet file, in one sentence."""
    try:
        with plain_read_errors(path):
            yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        why = str(error).splitlines()[0]
        raise SluiceError(f"{path} is damaged or not a Parquet file ({why}).", f"Look:  ls -l {path}") from error


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
