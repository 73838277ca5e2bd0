"""The same rows written in every format of tables that ingest and the gates read."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sources.tfrecord import frame_records

Columns = Mapping[str, Sequence[Any]]


def stored(path: Path, content: str | bytes) -> Path:
    """The content in a file, packed where the name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def write_csv(path: Path, columns: Columns) -> Path:
    """Missing values are empty cells."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return stored(path, text.getvalue())


def write_json_lines(path: Path, columns: Columns) -> Path:
    """Missing values are absent in even lines, and null in odd ones."""
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    kept = [{k: v for k, v in row.items() if v is not None or place % 2} for place, row in enumerate(rows)]
    return stored(path, "".join(json.dumps(row) + "\n" for row in kept))


def write_parquet(path: Path, columns: Columns) -> Path:
    """In groups of a few rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), path, row_group_size=7)
    return path


def write_tfrecord(path: Path, columns: Columns) -> Path:
    """Missing values are features without a value."""
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    names, lists = list(columns), []
    for values in columns.values():
        array = pa.array([v.encode() if isinstance(v, str) else v for v in values])
        type_ = {pa.binary(): pa.large_binary(), pa.float64(): pa.float32(), pa.null(): pa.int64()}
        held = [[] if v is None else [v] for v in array.to_pylist()]
        lists.append(pa.array(held, pa.large_list(type_.get(array.type, array.type))))
    records = RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_arrays(lists, names))
    return stored(path, frame_records(records))


WRITERS: dict[str, Callable[[Path, Columns], Path]] = {
    ".csv": write_csv,
    ".csv.gz": write_csv,
    ".parquet": write_parquet,
    ".pq": write_parquet,
    ".jsonl": write_json_lines,
    ".jsonl.gz": write_json_lines,
    ".ndjson": write_json_lines,
    ".tfrecord": write_tfrecord,
    ".tfrecord.gz": write_tfrecord,
    ".gz": write_tfrecord,
}
