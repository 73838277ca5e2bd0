"""Serialized examples become one table, whatever single batches lack."""

from __future__ import annotations

import warnings

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.evidence.data import table_of


def _batch(*rows: dict[str, float | None]) -> NDArray[np.object_]:
    return np.array([_example(row).SerializeToString() for row in rows], dtype=object)


def _example(row: dict[str, float | None]) -> tf.train.Example:
    example = tf.train.Example()
    for name, value in row.items():
        feature = example.features.feature[name]
        if value is not None:
            feature.float_list.value.append(value)
    return example


def test_a_column_that_a_batch_lacks_or_has_no_value_of_is_null_there() -> None:
    batches = [_batch({"fare": 1.0, "miles": None}), _batch({"miles": 2.0}), _batch({"fare": 3.0, "miles": 4.0})]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = table_of("train", batches)
    np.testing.assert_array_equal(table.numbers("fare"), [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(table.numbers("miles"), [np.nan, 2.0, 4.0])
