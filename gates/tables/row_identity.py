"""A 128-bit hash of a row's content by column, independent of file, type width, precision and order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

Words = tuple[NDArray[np.uint64], NDArray[np.uint64]]
_EXACT = 1 << 53
# Up to here float32 resolves hundredths; beyond it different times and amounts would become equal.
_FINE_IN_FLOAT32 = 1 << 17
# Vectors are hashed as 64-bit floats, so that the width of a type does not matter; this many rows at a time.
_VECTORS_AT_ONCE = 4_096


def words_of(column: pa.ChunkedArray, name: str) -> Words:
    """A column's contribution to each row's two words; 0 where it has no value, so an empty column has no effect."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if len(array) == 0 or array.null_count == len(array):
        return np.zeros(len(array), np.uint64), np.zeros(len(array), np.uint64)
    values, present = _hashes(array)
    words = []
    for role in ("high", "low"):
        seed = np.uint64(xxhash.xxh3_64_intdigest(f"{role}\0{name}".encode()))
        words.append(np.where(present, _mix(values ^ seed), np.uint64(0)))
    return words[0], words[1]


def _hashes(array: pa.Array) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    present = np.asarray(array.is_valid())
    if pa.types.is_integer(array.type) or pa.types.is_boolean(array.type):
        whole = np.asarray(array.cast(pa.int64(), safe=False).fill_null(0))
        return _whole(whole), present
    if pa.types.is_floating(array.type):
        numbers = np.asarray(array.cast(pa.float64()).fill_null(np.nan))
        return _numbers(numbers), present & ~np.isnan(numbers)
    if pa.types.is_string(array.type):
        encoded = array.dictionary_encode()
        distinct = [xxhash.xxh3_64_intdigest(value.encode()) for value in encoded.dictionary.to_pylist()]
        return np.array([*distinct, 0], np.uint64)[np.asarray(encoded.indices.fill_null(len(distinct)))], present
    if pa.types.is_fixed_size_list(array.type):
        starts = range(0, len(array), _VECTORS_AT_ONCE)
        return np.concatenate([_vectors(array.slice(start, _VECTORS_AT_ONCE)) for start in starts]), present
    texts = [xxhash.xxh3_64_intdigest(repr(value).encode()) for value in array.to_pylist()]
    return np.array(texts, np.uint64), present


def _vectors(array: pa.FixedSizeListArray) -> NDArray[np.uint64]:
    width = array.type.list_size
    flat = np.zeros((len(array), width), dtype=np.float64)
    present = np.asarray(array.is_valid())
    flat[present] = np.asarray(array.flatten().cast(pa.float64(), safe=False)).reshape(-1, width)
    return np.array([xxhash.xxh3_64_intdigest(row) for row in flat], np.uint64)


def _whole(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A whole number that a float holds exactly is hashed as that float."""
    exact = (values <= _EXACT) & (values >= -_EXACT)
    as_float = np.where(exact, values, 0).astype(np.float64)
    return np.where(exact, _numbers(as_float), _mix(values.view(np.uint64) ^ np.uint64(0x5D))).astype(np.uint64)


def _numbers(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """A fraction that went through float32 and back is hashed as it was before."""
    with np.errstate(invalid="ignore"):
        fraction = (np.abs(values) < _FINE_IN_FLOAT32) & (values != np.rint(values))
    rounded = np.where(fraction, values, 0.0).astype(np.float32)
    return _mix((np.where(fraction, rounded, values) + 0.0).view(np.uint64))


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014): every input bit changes half of the output bits."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return mixed
