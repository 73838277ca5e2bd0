"""Arrow columns on their way into tf.Examples: typed sources (Parquet, TFRecord) brought to the three kinds of a
tf.Example, and flat columns brought to the lists that tfx-bsl's encoder takes."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import SluiceError
from core.text import shortened
from sources.kinds import ARROW_TYPE, Kind, to_kind
from sources.reading import Reading, to_leave_out

Mask = npt.NDArray[np.bool_]
_LONGEST_TYPE = 60
_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
_EXACT_TO = {16: 1 << 11, 32: 1 << 24, 64: 1 << 53}  # by bits of a float: whole numbers up to here are all there


def is_list(type_: pa.DataType) -> bool:
    """Whether a column can hold several values in a row."""
    return pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)


def kind_of_type(type_: pa.DataType) -> Kind | None:
    """What a column of a typed source becomes; None when no tf.Example can hold it. Times become epoch seconds,
    booleans 0 and 1, decimals floats."""
    t = pa.types
    if is_list(type_):
        return None if is_list(type_.value_type) else kind_of_type(type_.value_type)
    if t.is_dictionary(type_):
        return kind_of_type(type_.value_type)
    if t.is_null(type_):
        return Kind.NONE
    if t.is_integer(type_) or t.is_boolean(type_) or t.is_timestamp(type_) or t.is_date(type_):
        return Kind.INT
    if t.is_floating(type_) or t.is_decimal(type_):
        return Kind.FLOAT
    if t.is_string(type_) or t.is_large_string(type_) or t.is_binary(type_) or t.is_large_binary(type_):
        return Kind.BYTES
    return None


def cannot_be_held(path: str, columns: Mapping[str, pa.DataType], reading: Reading) -> SluiceError:
    """The refusal of columns of such types, with the line that leaves them out, too."""
    name, type_ = next(iter(columns.items()))
    named = str(type_)
    if len(named) > _LONGEST_TYPE:
        named = f"{named[:_LONGEST_TYPE]}…"
    others = shortened([f"`{each}`" for each in list(columns)[1:]], 8)
    more = f" (nor can it hold {others})" if others else ""
    return SluiceError(
        f"{path}: column `{name}` has the type {named}, which a tf.Example cannot hold{more}.",
        to_leave_out([*reading.ignore_columns, *columns]),
    )


def typed_to_kind(array: pa.Array, kind: Kind, column: str) -> tuple[pa.Array, Mask]:
    """The column as `kind`, missing as null (or an empty list), and which rows hold values that do not fit.

    Raises:
      SluiceError: for values that no tf.Example can hold.
    """
    if is_list(array.type):
        return _list_to_kind(array, kind, column)
    try:
        plain = _as_text(array) if kind is Kind.BYTES else _plain(array)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        why = str(error).splitlines()[0]
        raise SluiceError(
            f"column `{column}` of type {array.type} holds what a tf.Example cannot hold ({why}).",
            f"Read it as text:  --set 'data.column_types={{{json.dumps(column)}: string}}'   {to_leave_out([column])}",
        ) from error
    unfit = np.zeros(len(plain), bool)
    if kind is Kind.NONE or plain.null_count == len(plain):
        return pa.nulls(len(plain), ARROW_TYPE[kind]), unfit
    if pa.types.is_large_binary(plain.type):
        return (plain, unfit) if kind is Kind.BYTES else to_kind(plain.cast(pa.string()), kind)
    if kind is Kind.BYTES:
        return plain.cast(pa.large_string()).cast(pa.large_binary()), unfit
    if kind is Kind.INT and pa.types.is_floating(plain.type):
        numbers = plain.to_numpy(zero_copy_only=False).astype(np.float64)
        missing = np.asarray(plain.is_null())
        whole = np.where(np.isfinite(numbers) & (np.abs(numbers) < 2.0**63), numbers, 0.5)
        unfit = (whole != np.floor(whole)) & ~missing
        return pa.array(np.where(unfit | missing, 0, whole).astype(np.int64), mask=unfit | missing), unfit
    return plain.cast(ARROW_TYPE[kind], safe=False), unfit


def values_are_whole(array: pa.Array) -> bool:
    """Whether every value of a column of numbers is whole, and surely the number that was meant."""
    plain = _plain(array.flatten() if is_list(array.type) else array).drop_null()
    if not pa.types.is_floating(plain.type):
        return True
    numbers = plain.to_numpy(zero_copy_only=False)
    return bool(((np.floor(numbers) == numbers) & (np.abs(numbers) <= _EXACT_TO[plain.type.bit_width])).all())


def _list_to_kind(array: pa.Array, kind: Kind, column: str) -> tuple[pa.Array, Mask]:
    lengths = np.asarray(pc.list_value_length(array).fill_null(0)).astype(np.int64)
    values, unfit = typed_to_kind(array.flatten(), kind, column)
    if values.null_count > unfit.sum():
        raise SluiceError(
            f"column `{column}` has lists with missing elements, which a tf.Example cannot hold.",
            to_leave_out([column]),
        )
    bad = np.zeros(len(array), bool)
    bad[np.repeat(np.arange(len(array)), lengths)[unfit]] = True
    if lengths.max(initial=0) > 1:
        return pa.LargeListArray.from_arrays(_offsets(lengths), values), bad
    places = np.where(lengths == 1, np.cumsum(lengths) - 1, 0)
    return values.take(pa.array(places, pa.int64(), mask=lengths == 0)), bad


def _plain(array: pa.Array) -> pa.Array:
    """int64, float, large_binary or null."""
    t, type_ = pa.types, array.type
    if t.is_dictionary(type_):
        return _plain(array.dictionary_decode())
    if t.is_timestamp(type_):
        return _seconds(array, _PER_SECOND[type_.unit])
    if t.is_date32(type_):
        return pc.multiply(array.cast(pa.int32()).cast(pa.int64()), 86_400)
    if t.is_date64(type_):
        return _seconds(array, 1000)
    if t.is_float16(type_):  # which this Arrow casts to nothing
        return pa.array(array.to_numpy(zero_copy_only=False).astype(np.float32), mask=np.asarray(array.is_null()))
    if t.is_decimal(type_):
        return array.cast(pa.float64())
    if t.is_boolean(type_) or t.is_integer(type_):
        return array.cast(pa.int64())
    if t.is_string(type_):
        return array.cast(pa.large_string()).cast(pa.large_binary())
    if t.is_large_string(type_) or t.is_binary(type_):
        return array.cast(pa.large_binary())
    return array


def _as_text(array: pa.Array) -> pa.Array:
    """As `_plain`, but for numbers that only text can hold."""
    if pa.types.is_dictionary(array.type):
        return _as_text(array.dictionary_decode())
    if pa.types.is_uint64(array.type):
        return array.cast(pa.large_string()).cast(pa.large_binary())
    if pa.types.is_decimal(array.type):
        return pa.array([None if each is None else str(each).encode() for each in array.to_pylist()], pa.large_binary())
    return _plain(array)


def _seconds(array: pa.Array, per_second: int) -> pa.Array:
    """Times as whole seconds since 1970, rounded down; in integers, as a float holds no nanoseconds of today."""
    valid = np.asarray(array.is_valid())
    units = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return pa.array(np.floor_divide(units, per_second), pa.int64(), mask=~valid)


def as_lists(column: pa.Array) -> pa.LargeListArray:
    """A value in a list of one, a missing one as an empty list: a tf.Example feature with no values."""
    if pa.types.is_large_list(column.type):
        return column
    valid = np.asarray(column.is_valid())
    values = column if valid.all() else column.drop_null()
    return pa.LargeListArray.from_arrays(_offsets(valid), values)


def untyped(rows: int) -> pa.LargeListArray:
    """A column without any value: a tf.Example feature without a kind, as the official CsvExampleGen writes it."""
    return pa.array([None] * rows, pa.large_list(pa.int64()))


def _offsets(lengths: npt.NDArray[np.int64] | Mask) -> pa.Array:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return pa.array(offsets)
