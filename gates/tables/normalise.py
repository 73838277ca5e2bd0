"""Converts Arrow columns of any type into the forms that the checks use: numbers, strings, vectors."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import SluiceError

_ENCODED = (b"\x89PNG", b"\xff\xd8\xff")
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_SHORTEST_VECTOR = 2


def is_number(type_: pa.DataType) -> bool:
    """Integers, floats and booleans."""
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_))


def is_bytes(type_: pa.DataType) -> bool:
    """Bytes, which may be text."""
    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_))


def is_image(type_: pa.DataType) -> bool:
    """Whether each row has the same number of numbers."""
    return bool(pa.types.is_fixed_size_list(type_)) and is_number(type_.value_type)


def normalised(name: str, raw: pa.Table, images: Mapping[str, Sequence[str]] | None = None) -> pa.Table:
    """The table with every column in its normal form. `images`: names of images, each with the columns that hold its
    pixels and that it replaces; no other columns are joined.

    Raises:
      SluiceError: when two columns have one name, or a pixel of an image is no number.
    """
    twice = [column for column, count in Counter(raw.column_names).items() if count > 1]
    if twice:
        raise SluiceError(
            f"{name} has two columns named `{twice[0]}`: which of them is meant cannot be known.",
            "Rename or drop one of them, then run the command again.",
        )
    columns = {column: _normal_form(raw.column(column)) for column in raw.column_names}
    table = pa.table(columns) if columns else raw
    for image, members in (images or {}).items():
        table = _with_image(name, table, image, members)
    return table


def _normal_form(column: pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray) and isinstance(column.type, pa.BaseExtensionType):
        # Arrow cannot join the chunks of an extension type.
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    array = _in_one_piece(column)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _normal_form(array.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return pc.divide(array.cast(pa.int64()).cast(pa.float64(), safe=False), _PER_SECOND[kind.unit])
    if pa.types.is_date32(kind):
        return pc.multiply(array.cast(pa.int32()).cast(pa.float64()), 86_400.0)
    if pa.types.is_date64(kind):
        return pc.divide(array.cast(pa.int64()).cast(pa.float64(), safe=False), 1e3)
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        return array.cast(pa.int64(), safe=False) if pa.types.is_duration(kind) else array.cast(pa.string())
    if pa.types.is_float16(kind):  # which this Arrow cannot cast
        return pa.array(array.to_numpy(zero_copy_only=False).astype(np.float64), from_pandas=True)
    if pa.types.is_decimal(kind):
        return array.cast(pa.float64(), safe=False)
    if pa.types.is_large_string(kind):
        return array.cast(pa.string())
    if is_bytes(kind):
        return _of_bytes(array)
    if _is_list(kind):
        return _of_lists(array)
    return array


def _in_one_piece(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        return array.chunk(0) if array.num_chunks else pa.array([], array.type)
    return array


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _of_bytes(array: pa.Array) -> pa.Array:
    """Text where it is text; else images, raw or encoded."""
    try:
        return array.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        pass
    values = array.to_pylist()
    present = [value for value in values if value is not None]
    decode = _decoded if all(value.startswith(_ENCODED) for value in present) else _raw
    try:
        pixels = [None if value is None else decode(value) for value in values]
    except OSError:  # begins like an image and is none
        pixels = [None if value is None else _raw(value) for value in values]
    sizes = {each.size for each in pixels if each is not None}
    if len(sizes) != 1:
        return pa.array([None if value is None else value.hex() for value in values], pa.string())
    return _vectors([None if each is None else each.reshape(-1) for each in pixels], sizes.pop())


def _decoded(value: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(value)))


def _raw(value: bytes) -> np.ndarray:
    return np.frombuffer(value, np.uint8)


def _vectors(rows: list[np.ndarray | None], width: int) -> pa.Array:
    flat = np.concatenate([np.zeros(width, np.float32) if row is None else row for row in rows])
    array = pa.FixedSizeListArray.from_arrays(pa.array(flat), width)
    if any(row is None for row in rows):
        return _with_missing(array, np.array([row is None for row in rows]))
    return array


def _with_missing(array: pa.FixedSizeListArray, missing: np.ndarray) -> pa.Array:
    order = np.where(missing, -1, np.arange(len(array)))
    return array.take(pa.array(order, mask=missing))


def _of_lists(array: pa.Array) -> pa.Array:
    """Lists of one value at most are scalars (as tf.Example has them), of one length vectors, else left as they are."""
    lengths = pc.list_value_length(array)
    present = lengths.drop_null() if lengths.null_count else lengths
    if pa.types.is_list(array.type.value_type) or pa.types.is_fixed_size_list(array.type.value_type):
        return _of_nested(array)
    longest = pc.max(present).as_py() or 0
    if longest <= 1:
        return _normal_form(_flattened(array, lengths))
    sizes = set(pc.unique(present).to_pylist()) - {0}
    if len(sizes) == 1 and is_number(array.type.value_type) and longest >= _SHORTEST_VECTOR:
        filled = np.asarray(lengths.fill_null(0)) > 0
        vectors = pa.FixedSizeListArray.from_arrays(array.flatten(), longest)
        place = np.cumsum(filled) - 1
        return vectors if filled.all() else vectors.take(pa.array(np.where(filled, place, 0), mask=~filled))
    return array


def _flattened(array: pa.Array, lengths: pa.Array) -> pa.Array:
    filled = np.asarray(lengths.fill_null(0)) > 0
    place = np.cumsum(filled) - 1
    return array.flatten().take(pa.array(np.where(filled, place, 0), mask=~filled))


def single_values(column: pa.ChunkedArray | pa.Array) -> pa.Array | None:
    """The column in one piece, with lists of one value at most as that value; None when a row has several."""
    array = _in_one_piece(column)
    if not _is_list(array.type):
        return array
    lengths = pc.list_value_length(array)
    return _flattened(array, lengths) if (pc.max(lengths).as_py() or 0) <= 1 else None


def _of_nested(array: pa.Array) -> pa.Array:
    try:
        rows = [None if value is None else np.asarray(value, dtype=np.float32) for value in array.to_pylist()]
    except (TypeError, ValueError):  # ragged, or not numbers
        return array
    shapes = {row.shape for row in rows if row is not None}
    if len(shapes) != 1:
        return array
    return _vectors([None if row is None else row.reshape(-1) for row in rows], int(np.prod(shapes.pop())))


def _with_image(name: str, table: pa.Table, image: str, members: Sequence[str]) -> pa.Table:
    """The table with one image in place of the columns of its pixels; a row that lacks one of them has no image. A
    table that lacks some of the columns stays as it is, and the checks of the schema report them."""
    held = [column for column in members if column in table.column_names]
    if len(held) < len(members) or (image in table.column_names and image not in members):
        return table
    for column in held:
        kind = table.column(column).type
        if not (is_number(kind) or pa.types.is_null(kind)):
            raise SluiceError(f"`{column}`, a pixel of the image `{image}`, holds {kind} in {name}, and no number.")
    pixels = [_in_one_piece(table.column(each).cast(pa.float32(), safe=False)) for each in held]
    flat = np.stack([each.to_numpy(zero_copy_only=False) for each in pixels], axis=1)
    missing = np.isnan(flat).any(axis=1)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), len(held))
    return table.drop(held).append_column(image, _with_missing(vectors, missing) if missing.any() else vectors)
