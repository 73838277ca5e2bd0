"""A 64-bit hash of each row, of the values in its tf.Example, computed column by column.

It does not depend on file, format, order or batch. A missing value adds nothing, so a new empty column moves no row to
another split; and a small whole number has the same hash as int and as float, so neither does a column that changes
from int to float when one file has a fraction."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

Hashes = npt.NDArray[np.uint64]
_EXACT_IN_FLOAT32 = 1 << 24
_STEP = np.uint64(0xD6E8FEB86659FD93)
_VALUES_IN_CACHE = 1 << 14


def hash_content(batch: pa.RecordBatch, leave_out: Collection[str] = ()) -> Hashes:
    """The hash of the values of each row, before any salt."""
    total = np.zeros(batch.num_rows, np.uint64)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name not in leave_out:
            total += hash_column(column, name)
    return total


def salted(content: Hashes, salt: str) -> Hashes:
    """Hashes of the same rows, independent for different salts."""
    return _mix(content ^ _seed("salt", salt))


def hash_key(column: pa.LargeListArray, salt: str) -> Hashes:
    """One hash for each entity, independent of its column's name."""
    return _mix(hash_column(column, "") ^ _seed("salt", salt))


def hash_column(column: pa.LargeListArray, name: str) -> Hashes:
    """The part of a column in the hash of each row; 0 where it has no value."""
    offsets = np.asarray(column.offsets)
    lengths = np.diff(offsets)
    total = np.zeros(len(column), np.uint64)
    if offsets[0] == offsets[-1]:
        return total
    seed = _seed("column", name)
    if lengths[0] > 1 and (lengths == lengths[0]).all() and pa.types.is_int64(column.values.type):
        return _hash_vectors(column.values[offsets[0] : offsets[-1]], int(lengths[0]), seed)
    values = _hash_values(column.values)[offsets[0] : offsets[-1]]
    rows = np.repeat(np.arange(len(column)), lengths)
    if lengths.max() <= 1:
        total[rows] = _mix(values ^ seed)
        return total
    # The place within the row counts, too.
    places = np.arange(len(values)) - np.repeat(offsets[:-1] - offsets[0], lengths)
    np.add.at(total, rows, _mix(_mix(values ^ seed) + places.astype(np.uint64) * _STEP))
    return total


def _hash_vectors(values: pa.Int64Array, width: int, seed: np.uint64) -> Hashes:
    """For equally many integers in each row, such as pixels: a few rows at a time, so that they stay in the cache."""
    table = values.to_numpy(zero_copy_only=False).view(np.uint64).reshape(-1, width)
    steps = np.arange(width).astype(np.uint64) * _STEP
    total = np.empty(len(table), np.uint64)
    rows = max(1, _VALUES_IN_CACHE // width)
    for start in range(0, len(table), rows):
        some = slice(start, start + rows)
        total[some] = _mix(_mix(_mix(table[some]) ^ seed) + steps).sum(axis=1, dtype=np.uint64)
    return total


def _hash_values(values: pa.Array) -> Hashes:
    if pa.types.is_int64(values.type):
        return _mix(values.to_numpy(zero_copy_only=False).view(np.uint64))
    if pa.types.is_float32(values.type):
        return _hash_floats(values.to_numpy(zero_copy_only=False))
    encoded = values.dictionary_encode()
    distinct = np.array([xxhash.xxh3_64_intdigest(value) for value in encoded.dictionary.to_pylist()], np.uint64)
    return distinct[np.asarray(encoded.indices)]


def _hash_floats(numbers: npt.NDArray[np.float32]) -> Hashes:
    with np.errstate(invalid="ignore"):
        whole = (np.abs(numbers) <= _EXACT_IN_FLOAT32) & (np.floor(numbers) == numbers)
    as_int = np.where(whole, numbers, 0).astype(np.int64).view(np.uint64)
    # All NaNs are one value; the high bit keeps bit patterns apart from the whole numbers.
    bits = np.where(np.isnan(numbers), np.float32(np.nan), numbers).view(np.uint32).astype(np.uint64)
    return _mix(np.where(whole, as_int, bits | np.uint64(1 << 63)))


def _seed(role: str, text: str) -> np.uint64:
    return np.uint64(xxhash.xxh3_64_intdigest(f"{role}\0{text}".encode()))


def _mix(x: Hashes) -> Hashes:
    """The finaliser of splitmix64: every input bit changes about half of the output bits."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
