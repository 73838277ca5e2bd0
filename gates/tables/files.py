"""CSV, Parquet and TFRecord files as Arrow tables, by suffix; without TensorFlow."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import pyarrow as pa

from core.errors import SluiceError
from gates.tables import csv_text
from sources.locate import Format, files_of, look
from sources.storage import plain_read_errors
from sources.tfrecord import records_in

_GZIP_MAGIC = b"\x1f\x8b"
_BATCH_ROWS = 40_000


def read_files(paths: Mapping[str, str]) -> dict[str, pa.Table]:
    """The table of each path (a file, a folder or a glob).

    Raises:
      SluiceError: when files cannot be read, have no rows, or do not agree in their columns.
    """
    found = {side: files_of(path) for side, path in paths.items()}
    read = {side: _read(paths[side], files) for side, files in found.items()}
    cells = {side: table for side, table in read.items() if found[side][0][1] == "csv"}
    tables = {**read, **csv_text.typed_together(cells)}
    for side, table in tables.items():
        if not table.num_rows:
            raise SluiceError(f"{paths[side]} has no rows.", look(paths[side]))
    return {side: tables[side] for side in paths}


def _read(path: str, files: list[tuple[str, Format]]) -> pa.Table:
    parts = []
    for name, format_ in files:
        with plain_read_errors(name):
            parts.append({"csv": _csv, "parquet": _parquet, "tfrecord": _tfrecord}[format_](name))
    if files[0][1] != "tfrecord":
        _check_same_columns([name for name, _ in files], parts)
    try:
        return pa.concat_tables([_in_order(part, parts[0]) for part in parts], promote=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return _concatenated(path, parts)


def _in_order(part: pa.Table, first: pa.Table) -> pa.Table:
    same = set(part.column_names) == set(first.column_names)
    return part.select(first.column_names) if same else part


def _check_same_columns(names: list[str], parts: list[pa.Table]) -> None:
    for name, part in zip(names, parts, strict=True):
        if differing := sorted(set(parts[0].column_names) ^ set(part.column_names)):
            missing, there = (name, names[0]) if differing[0] in parts[0].column_names else (names[0], name)
            raise SluiceError(f"{missing} has no column `{differing[0]}`, and {there} has one.", look(name))


def _concatenated(path: str, parts: list[pa.Table]) -> pa.Table:
    """Numbers of several widths become the widest; numbers beside text cannot be joined."""
    columns = {}
    for name in dict.fromkeys(name for part in parts for name in part.column_names):
        types = {part.schema.field(name).type for part in parts if name in part.column_names}
        kinds = {each for each in types if not pa.types.is_null(each)}
        numeric = all(pa.types.is_integer(each) or pa.types.is_floating(each) for each in kinds)
        if len(kinds) > 1 and not numeric:
            told = " and ".join(sorted(str(each) for each in kinds))
            raise SluiceError(f"{path}: column `{name}` is of different types in its files ({told}).", look(path))
        to = kinds.pop() if len(kinds) == 1 else pa.float64()
        columns[name] = pa.chunked_array(
            [
                chunk
                for part in parts
                for chunk in (
                    part.column(name).cast(to, safe=False).chunks
                    if name in part.column_names
                    else [pa.nulls(part.num_rows, to)]
                )
            ],
            to,
        )
    return pa.table(columns)


def _unpacked(path: str) -> bytes:
    """The content of a file; whether it is gzip is told by its first bytes, for a suffix may lie."""
    raw = Path(path).read_bytes()
    return gzip.decompress(raw) if raw.startswith(_GZIP_MAGIC) else raw


def _csv(path: str) -> pa.Table:
    return csv_text.read_cells(_unpacked(path), path)


def _parquet(path: str) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        csv_text.check_names(path, file.schema_arrow.names)
        return file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, (FileNotFoundError, PermissionError)):
            raise
        why = str(error).splitlines()[0]
        raise SluiceError(f"{path} is damaged or not a Parquet file ({why}).", f"Look:  ls -l {path}") from error


def _tfrecord(path: str) -> pa.Table:
    # The decoder is C++ on Arrow: importing it does not import TensorFlow, as a test proves.
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder()
    batches = []
    for first, records in _batched(_records(path)):
        try:
            batches.append(pa.Table.from_batches([decoder.DecodeBatch(records)]))
        except RuntimeError as error:
            raise _not_examples(path, first, records, decoder, error) from error
    if not any(batch.num_rows for batch in batches):
        raise SluiceError(f"{path} holds no records.", f"Look:  ls -l {path}")
    return _joined(path, batches)


def _joined(path: str, batches: list[pa.Table]) -> pa.Table:
    try:
        return pa.concat_tables(batches, promote=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        for name in batches[0].column_names:
            types = {str(batch.schema.field(name).type) for batch in batches if name in batch.column_names}
            if len(types - {"null"}) > 1:
                told = f"{path}: feature `{name}` is of different types in different records."
                raise SluiceError(told, look(path)) from error
        raise SluiceError(f"{path}: its records do not agree ({error}).", look(path)) from error


def _records(path: str) -> Iterator[bytes]:
    with Path(path).open("rb") as stored:
        packed = stored.read(2) == _GZIP_MAGIC
        stored.seek(0)
        if not packed:
            yield from records_in(stored, path)
            return
        with gzip.GzipFile(fileobj=stored) as unpacked:
            yield from records_in(unpacked, path)  # type: ignore[arg-type]


def _batched(records: Iterable[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    stream, first = iter(records), 1
    while batch := list(islice(stream, _BATCH_ROWS)):
        yield first, batch
        first += len(batch)


def _not_examples(path: str, first: int, records: list[bytes], decoder: object, error: RuntimeError) -> SluiceError:
    for place, record in enumerate(records):
        try:
            decoder.DecodeBatch([record])  # type: ignore[attr-defined]
        except RuntimeError:
            return SluiceError(f"{path}: record {first + place} is not a tf.Example.", look(path))
    return SluiceError(f"{path}: its records do not agree ({str(error).splitlines()[0]}).", look(path))
