"""Parquet: columns with types, in groups of rows that can be read one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.errors import SluiceError
from core.text import shortened
from sources.format import (
    BATCH_ROWS,
    PART_BYTES,
    FileSurvey,
    Format,
    Part,
    Rows,
    batch_rows,
    check_names,
    check_stored,
    chosen,
)
from sources.reading import Reading, to_leave_out
from sources.storage import open_stored, plain_read_errors

# What Arrow says of a missing list in a column of lists of a fixed size, up to version 12.
_MISSING_LIST = "Expected all lists to be of size"


@dataclass(frozen=True)
class ParquetPart(Part):
    """Some row groups of a Parquet file, and the number of their first row."""

    groups: tuple[int, ...]
    first_row: int = 1


class Parquet(Format[ParquetPart]):
    """Parquet files.

    Example:
      >>> Parquet().survey("rides.parquet").kinds
      {'fare': <Kind.FLOAT: 2>, 'company': <Kind.BYTES: 3>}
      >>> [rows.columns.num_rows for rows in Parquet().read(Parquet().whole("rides.parquet"), only=["fare"])]
      [2]
    """

    name = "parquet"
    title = "Parquet"
    suffixes = (".parquet", ".pq")

    def columns(self, path: str) -> tuple[str, ...]:
        """From the footer.

        Raises:
          SluiceError: when the file cannot be read or names no columns.
        """
        check_stored(path)
        with _opened(path, self.reading) as file:
            if not file.metadata.num_rows:
                raise SluiceError(f"{path} {self.no_rows}.", f"Look:  ls -l {path}")
            return tuple(self.reading.kept(file.schema_arrow.names))

    def whole(self, path: str) -> ParquetPart:
        """All row groups.

        Raises:
          SluiceError: when the file cannot be read.
        """
        with _opened(path, self.reading) as file:
            return ParquetPart(path, tuple(range(file.metadata.num_row_groups)))

    def survey(self, path: str, ints: frozenset[str] = frozenset(), names_images: bool = False) -> FileSurvey:
        """By the schema and the statistics in the footer; columns are read only where these leave a doubt.

        Raises:
          SluiceError: when the file is damaged or cannot be read.
        """
        from sources.kinds import Kind
        from sources.typed import cannot_be_held, kind_of_type

        kinds: dict[str, Kind] = {}
        unheld = {}
        with _opened(path, self.reading) as file:
            wanted = self.reading.kept(file.schema_arrow.names)
            for entry in map(file.schema_arrow.field, wanted):
                kind = kind_of_type(entry.type)
                if kind is None:
                    unheld[entry.name] = entry.type
                else:
                    kinds[entry.name] = kind
            if unheld:
                raise cannot_be_held(path, unheld, self.reading)
            filled = _columns_with_values(file, wanted)
            kinds = {name: kind if name in filled else Kind.NONE for name, kind in kinds.items()}
            floats = sorted(name for name in ints if kinds.get(name) is Kind.FLOAT)
            whole = frozenset(name for name in floats if _is_whole(file, name))
            return FileSurvey(path, kinds, _cut(path, file.metadata), file.metadata.num_rows == 0, whole)

    def read(self, part: ParquetPart, only: list[str] | None = None) -> Iterator[Rows]:
        """Group by group.

        Raises:
          SluiceError: when the file is damaged or cannot be read.
        """
        import numpy as np

        row = part.first_row
        with _opened(part.path, self.reading) as file:
            if only is None and self.reading.ignore_columns:
                only = self.reading.kept(file.schema_arrow.names)
            rows = batch_rows(len(file.schema_arrow.names if only is None else only))
            for batch in file.iter_batches(rows, row_groups=list(part.groups), columns=only, use_threads=False):
                # Arrow takes `a` for `a` and `a.b`.
                columns = chosen(batch, only)
                yield Rows(columns, np.arange(row, row + batch.num_rows), True)
                row += batch.num_rows


def _cut(path: str, metadata: Any) -> list[ParquetPart]:
    parts: list[ParquetPart] = []
    groups: list[int] = []
    size = row = first_row = 0
    for group in range(metadata.num_row_groups):
        groups.append(group)
        size += metadata.row_group(group).total_byte_size
        row += metadata.row_group(group).num_rows
        if size >= PART_BYTES or group == metadata.num_row_groups - 1:
            parts.append(ParquetPart(path, tuple(groups), first_row + 1))
            groups, size, first_row = [], 0, row
    return parts


def _is_whole(file: Any, name: str) -> bool:
    from sources.typed import values_are_whole

    return all(values_are_whole(column) for column in _read_alone(file, name))


def _read_alone(file: Any, name: str) -> Iterator[Any]:
    # Arrow takes `a` for `a` and `a.b`, so the column is found by its name.
    for batch in file.iter_batches(BATCH_ROWS, columns=[name]):
        yield batch.column(batch.schema.get_field_index(name))


def _columns_with_values(file: Any, wanted: list[str]) -> set[str]:
    """Those of the wanted columns that are not missing throughout, by the file's own statistics where it has them."""
    metadata = file.metadata
    flat = _flat_columns(file)
    filled: set[str] = set()
    unsure = set(wanted).difference(flat.values())
    for group in range(metadata.num_row_groups):
        for place, name in flat.items():
            chunk = metadata.row_group(group).column(place)
            statistics = chunk.statistics
            if statistics is None or not statistics.has_null_count:
                unsure.add(name)
            elif statistics.null_count < chunk.num_values:
                filled.add(name)
    for name in sorted(unsure.intersection(wanted) - filled):
        if any(column.null_count < len(column) for column in _read_alone(file, name)):
            filled.add(name)
    return filled


def _flat_columns(file: Any) -> dict[int, str]:
    """The place of each column of single values among the file's own columns. A column of lists or structs has none
    or several, whose paths begin with its name; but a dot may also be a part of a name, so places are counted."""
    found, place = {}, 0
    for entry in file.schema_arrow:
        leaves = _leaves(entry.type)
        if not entry.type.num_fields:
            found[place] = entry.name
        place += leaves
    return found if place == file.metadata.num_columns else {}


def _leaves(type_: Any) -> int:
    """How many columns a Parquet file has for a column of this type."""
    import pyarrow as pa

    if isinstance(type_, pa.BaseExtensionType):
        return _leaves(type_.storage_type)
    if pa.types.is_map(type_):
        return _leaves(type_.key_type) + _leaves(type_.item_type)
    if pa.types.is_struct(type_):
        return sum(_leaves(type_[place].type) for place in range(type_.num_fields))
    if type_.num_fields and not pa.types.is_dictionary(type_):
        return _leaves(type_.value_type)
    return 1


@contextmanager
def _opened(path: str, reading: Reading) -> Iterator[Any]:
    """A Parquet file; Arrow's complaints about it are one sentence, and its columns can be told apart."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with plain_read_errors(path), open_stored(path) as stored:
            file = pq.ParquetFile(stored)
            check_names(path, file.schema_arrow.names)
            try:
                yield file
            except pa.ArrowInvalid as error:
                if _MISSING_LIST in str(error) and (names := _with_missing_lists(file)):
                    raise _cannot_be_read(path, names, reading) from error
                raise
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        why = str(error).splitlines()[0]
        raise SluiceError(f"{path} is damaged or not a Parquet file ({why}).", f"Look:  ls -l {path}") from error


def _with_missing_lists(file: Any) -> list[str]:
    """The columns that Arrow cannot read for a list of a fixed size that is missing."""
    import pyarrow as pa

    found = []
    for name in file.schema_arrow.names:
        try:
            for _ in _read_alone(file, name):
                pass
        except pa.ArrowInvalid as error:
            if _MISSING_LIST in str(error):
                found.append(name)
    return found


def _cannot_be_read(path: str, names: list[str], reading: Reading) -> SluiceError:
    import pyarrow as pa

    one, *others = names
    more = f" (nor {shortened([f'`{name}`' for name in others], 8)})" if others else ""
    return SluiceError(
        f"{path}: column `{one}` holds lists of a fixed size, some of which are missing, and Arrow {pa.__version__} "
        f"cannot read it{more}. Lists of any size can be read.",
        to_leave_out([*reading.ignore_columns, *names]),
    )
