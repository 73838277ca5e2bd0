"""Reads Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from core.errors import SluiceError
from sources.format import BATCH_ROWS, PART_BYTES, FileSurvey, Part, Rows, _floats, check_names
from sources.kinds import Kind
from sources.storage import open_stored, plain_read_errors
from sources.typed import kind_of_type, values_are_whole


@dataclass(frozen=True)
class ParquetPart(Part):
    """Some row groups of a Parquet file."""

    groups: tuple[int, ...]
    first_row: int


def parquet_columns(path: str) -> tuple[str, ...]:
    """The columns of a Parquet file, from its footer.

    Raises:
      SluiceError: when the file is damaged or has no rows.
    """
    import pyarrow.parquet as pq

    with plain_parquet_errors(path), open_stored(path) as stored:
        file = pq.ParquetFile(stored)
        names = file.schema_arrow.names
        rows = file.metadata.num_rows
    check_names(path, names)
    if not rows:
        raise SluiceError(f"{path} holds no rows.", f"Look:  ls -l {path}")
    return tuple(names)


def parquet_texts(path: str, column: str) -> Iterator[str]:
    """The values of one text column.

    Raises:
      SluiceError: when the file is damaged.
    """
    import pyarrow.parquet as pq

    with plain_parquet_errors(path), open_stored(path) as stored:
        for batch in pq.ParquetFile(stored).iter_batches(BATCH_ROWS, columns=[column]):
            yield from batch.column(0).cast(pa.string()).drop_null().to_pylist()


def _survey_parquet(path: str, ints: frozenset[str]) -> FileSurvey:
    import pyarrow.parquet as pq

    with plain_parquet_errors(path), open_stored(path) as stored:
        file = pq.ParquetFile(stored)
        schema, metadata = file.schema_arrow, file.metadata
        check_names(path, schema.names)
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
    """Arrow's complaints about a Parquet file, in one sentence.

    Raises:
      SluiceError: when Arrow complains.
    """
    try:
        with plain_read_errors(path):
            yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        why = str(error).splitlines()[0]
        raise SluiceError(f"{path} is damaged or not a Parquet file ({why}).", f"Look:  ls -l {path}") from error
