"""Converts raw columns, dense or sparse, into dense tensors with explicit missing values."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf
from tensorflow_transform import schema_inference

Column: TypeAlias = tf.Tensor | tf.SparseTensor
Tensors: TypeAlias = Mapping[str, Column]

MISSING_INT = tf.int64.min


def as_numbers(column: Column, origin: int = 0) -> tf.Tensor:
    """Float32 of shape [batch], NaN where missing. An `origin` is subtracted while the column is an integer, which
    keeps digits that float32 would lose."""
    if column.dtype.is_floating:
        return _dense(column, float("nan"))
    integers = _dense(column, MISSING_INT)
    known = tf.cast(integers - origin, tf.float32)
    return tf.where(tf.equal(integers, MISSING_INT), tf.constant(float("nan")), known)


def as_text(column: Column, missing: str) -> tf.Tensor:
    """Strings of shape [batch], `missing` for missing values."""
    text = _dense(column, "")
    return tf.where(tf.equal(text, ""), tf.constant(missing), text)


def as_categories(columns: Sequence[Column], limits: Sequence[tuple[int, int]]) -> list[tf.Tensor]:
    """For each column categories 1, 2, … for its first … last value; 0 for anything else and for a missing value."""
    integers = tf.stack([_dense(column, MISSING_INT) for column in columns])
    first = tf.constant([[low] for low, _ in limits], tf.int64)
    last = tf.constant([[high] for _, high in limits], tf.int64)
    inside = (integers >= first) & (integers <= last)
    ids = tf.unstack(tf.where(inside, integers - first + 1, tf.constant(0, tf.int64)), num=len(limits))
    return [categorical(column, high - low + 2) for column, (low, high) in zip(ids, limits, strict=True)]


def categorical(ids: tf.Tensor, size: int) -> tf.Tensor:
    """Declares in the transformed schema, which the model reads, that `ids` are categories 0 … `size` - 1."""
    schema_inference.set_tensor_schema_override(ids, tf.constant(0, tf.int64), tf.constant(size - 1, tf.int64))
    return ids


def _dense(column: Column, missing: float | int | str) -> tf.Tensor:
    if isinstance(column, tf.SparseTensor):
        one_a_row = tf.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1])
        column = tf.sparse.to_dense(one_a_row, default_value=tf.constant(missing, column.dtype))
    return tf.reshape(column, [-1])
