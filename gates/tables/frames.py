"""Converts what callers may pass as a table into Arrow tables: paths, Arrow tables, DataFrames, dicts of arrays."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from core.errors import SluiceError
from gates.tables.files import read_files
from gates.tables.sample import CellSample
from sources.formats import formats_of_files
from sources.reading import AS_USUAL, Reading

# An Arrow table or batch, a DataFrame of pandas or polars, anything else with Arrow's PyCapsule interface, a dict of
# arrays, or a path (file, folder, glob).
Given = Any

_ARROW_REFUSES = (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError)


def tables_of(
    given: Mapping[str, Given],
    column_types: Mapping[str, str] | None = None,
    reading: Reading = AS_USUAL,
    sample: CellSample | None = None,
) -> dict[str, pa.Table]:
    """An Arrow table of each side; `column_types` and `reading` are for those that are read from files, but its
    `ignore_columns` for all. `sample` bounds the rows of all sides together.

    Raises:
      SluiceError: when one cannot be understood or has no rows.
    """
    paths = {side: os.fspath(each) for side, each in given.items() if isinstance(each, str | os.PathLike)}
    sample = sample or CellSample()
    in_memory = {
        side: _in_usual_forms(side, _without(_table(side, each), reading))
        for side, each in given.items()
        if side not in paths
    }
    thinned = sample.thinned(in_memory)
    found = read_files(paths, column_types, reading, sample) | thinned()
    tables = {side: found[side] for side in given}
    for side, table in tables.items():
        if not table.num_columns:
            raise SluiceError(f"{side} has no columns.")
        if not table.num_rows:
            raise SluiceError(f"{side} has no rows.")
    return _of_one_precision(tables)


def _without(table: pa.Table, reading: Reading) -> pa.Table:
    ignored = [name for name in reading.ignore_columns if name in table.column_names]
    return table.drop(ignored) if ignored else table


def _table(side: str, given: Given) -> pa.Table:
    if isinstance(given, pa.Table):
        return given
    if isinstance(given, pa.RecordBatch):
        return pa.Table.from_batches([given])
    if hasattr(given, "to_arrow"):  # polars
        return _table(side, given.to_arrow())
    if isinstance(given, Mapping):
        return _of_columns(side, [(str(name), values) for name, values in given.items()])
    if hasattr(given, "iloc") and hasattr(given, "columns"):  # pandas
        return _of_columns(side, [(str(name), given.iloc[:, i]) for i, name in enumerate(given.columns)])
    if hasattr(given, "__arrow_c_stream__") and hasattr(pa.RecordBatchReader, "from_stream"):  # since Arrow 15
        return _of_a_stream(side, given)
    raise SluiceError(
        f"{side} is a {type(given).__name__}, which is not a table.",
        f"Give an Arrow table, a DataFrame, a dict of arrays, or the path of files: {formats_of_files()}.",
    )


def _of_a_stream(side: str, given: Given) -> pa.Table:
    try:
        return pa.RecordBatchReader.from_stream(given).read_all()
    except Exception as error:  # whatever the other library raises where its rows come from
        lines = str(error).splitlines() or [type(error).__name__]
        raise SluiceError(
            f"{side} is a {type(given).__name__}, whose rows Arrow cannot read: {lines[0]}",
            f"Give an Arrow table, a DataFrame, a dict of arrays, or the path of files: {formats_of_files()}.",
        ) from error


def _in_usual_forms(side: str, table: pa.Table) -> pa.Table:
    """Texts and bytes in Arrow's usual forms: not all that is done with columns is there for views."""
    for place, field in enumerate(table.schema):
        if _is_unread(field.type):
            raise _not_read(side, field)
        usual = _usual(field.type)
        if usual is not None:
            try:
                table = table.set_column(place, field.with_type(usual), table.column(place).cast(usual))
            except _ARROW_REFUSES as error:
                raise _not_read(side, field) from error
    return table


def _is_unread(form: pa.DataType) -> bool:
    """Whether it is a form that Arrow 18 ends the process on, or cannot convert."""
    if _name(form) in ("list", "large_list"):
        return _is_unread(form.value_type)
    return _name(form) in ("list_view", "large_list_view", "run_end_encoded")


def _usual(form: pa.DataType) -> pa.DataType | None:
    """What a column is converted to; None where it stays."""
    name = _name(form)
    if name in ("string_view", "binary_view"):
        return pa.large_string() if name == "string_view" else pa.large_binary()
    if name not in ("list", "large_list", "dictionary"):
        return None
    values = _usual(form.value_type)
    if values is None or name == "dictionary":
        return values
    return pa.list_(values) if name == "list" else pa.large_list(values)


def _name(form: pa.DataType) -> str:
    # Older Arrow has no functions that ask for the newer forms.
    return str(form).partition("<")[0]


def _not_read(side: str, field: pa.Field) -> SluiceError:
    return SluiceError(
        f"{side}: column `{field.name}` is {field.type}, a form of Arrow's that is not read.",
        "Convert the column to an array of values or lists, or leave it out.",
    )


def _of_columns(side: str, columns: list[tuple[str, Any]]) -> pa.Table:
    twice = [name for name, count in Counter(name for name, _ in columns).items() if count > 1]
    if twice:
        raise SluiceError(f"{side} has two columns named `{twice[0]}`.", "Rename or drop one of them.")
    arrays = {name: _array(side, name, values) for name, values in columns}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        (first, n), (other, m) = next((a, b) for a in lengths.items() for b in lengths.items() if a[1] != b[1])
        raise SluiceError(f"{side} has columns of different lengths: `{first}` has {n:,} rows, `{other}` {m:,}.")
    return pa.table(arrays)


def _array(side: str, name: str, values: Any) -> pa.Array:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, np.ndarray) and values.ndim > 1:
        return _vectors(values)
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise SluiceError(f"{side}: column `{name}` is a single value, not one for each row.")
    try:
        return pa.array(values, from_pandas=True)
    except _ARROW_REFUSES:
        return _of_mixed(list(values))


def _vectors(values: np.ndarray) -> pa.Array:
    flat = np.ascontiguousarray(values).reshape(len(values), -1)
    if not flat.shape[1] or flat.dtype.kind not in "biuf":
        return pa.array([str(row) for row in flat.tolist()])
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), flat.shape[1])


def _of_mixed(values: Iterable[Any]) -> pa.Array:
    """Python objects of several types: numbers when all of them are, else their text."""
    present = [None if _is_missing(value) else value for value in values]
    if all(value is None or isinstance(value, bool | int | float | Decimal | np.number) for value in present):
        return pa.array([None if value is None else _as_float(value) for value in present], pa.float64())
    return pa.array([None if value is None else _as_text(value) for value in present], pa.string())


def _is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT or NA."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas.NA has no truth; an array has several
        return type(value).__name__ == "NAType"


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond all floats
        return float("inf") if value > 0 else float("-inf")


def _as_text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates are no text


def _of_one_precision(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Casts 64-bit floats to 32 bits where another side has 32: a row of a CSV file and its copy in a TFRecord are the
    same row."""
    narrow: set[str] = set()
    for table in tables.values():
        narrow |= {field.name for field in table.schema if _float_bits(field.type) == 32}
    return {side: _narrowed(table, narrow) for side, table in tables.items()} if narrow else tables


def _narrowed(table: pa.Table, names: set[str]) -> pa.Table:
    for place, field in enumerate(table.schema):
        if field.name in names and pa.types.is_float64(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.float32(), safe=False))
    return table


def _float_bits(type_: pa.DataType) -> int:
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return _float_bits(type_.value_type)
    return int(type_.bit_width) if pa.types.is_floating(type_) else 0
