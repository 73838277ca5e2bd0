"""Transformed examples as tf.data: what Transform wrote, read fast, shuffled the same way each time."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

FeatureSpec = dict[str, Any]  # tf.io.FixedLenFeature and its kin by name

# Serialized rows are kept in memory when their files are no larger than this; else every epoch reads them again.
CACHED_FILE_BYTES = 128 * 2**20
# Rows that wait together to be drawn from; data in the order of time would otherwise be learnt in that order.
SHUFFLED_ROWS = 100_000


class CategoricalFeature(tf.io.FixedLenFeature):
    """One integer a row whose values 0 … `size` - 1 are names, as the transformed schema says."""

    size: int

    @classmethod
    def of_size(cls, size: int) -> "CategoricalFeature":
        """The spec of a category with `size` values."""
        feature: CategoricalFeature = cls([], tf.int64)
        feature.size = size
        return feature


def transformed_feature_spec(transformed: tft.TFTransformOutput, label: str) -> tuple[FeatureSpec, FeatureSpec]:
    """The specs of the features and of the label."""
    spec = transformed.transformed_feature_spec()
    for feature in transformed.transformed_metadata.schema.feature:
        if feature.int_domain.is_categorical and feature.int_domain.min == 0 and spec[feature.name].shape == []:
            spec[feature.name] = CategoricalFeature.of_size(feature.int_domain.max + 1)
    return {name: spec[name] for name in spec if name != label}, {label: spec[label]}


def training_batches(
    patterns: list[str], specs: tuple[FeatureSpec, FeatureSpec], batch_size: int, seed: int
) -> tf.data.Dataset:
    """Batches of (features, label) in an order that `seed` decides, another one each epoch."""
    rows = _serialized_rows(patterns).shuffle(SHUFFLED_ROWS, seed=seed, reshuffle_each_iteration=True)
    return _parsed(rows.batch(batch_size), specs)


def evaluation_batches(patterns: list[str], specs: tuple[FeatureSpec, FeatureSpec], batch_size: int) -> tf.data.Dataset:
    """Batches of (features, label) in the order of the files, parsed once."""
    return _parsed(_serialized_rows(patterns).batch(batch_size), specs)


def _serialized_rows(patterns: list[str]) -> tf.data.Dataset:
    files = sorted(tf.io.gfile.glob(patterns))
    if not files:
        raise ValueError(f"no transformed examples match {patterns}")
    compression = "GZIP" if files[0].endswith(".gz") else ""
    rows = tf.data.TFRecordDataset(files, compression_type=compression, buffer_size=8 * 2**20)
    size = sum(tf.io.gfile.stat(file).length for file in files)
    return rows.cache() if size <= CACHED_FILE_BYTES else rows


def _parsed(batches: tf.data.Dataset, specs: tuple[FeatureSpec, FeatureSpec]) -> tf.data.Dataset:
    """Parses whole batches, which costs a tenth of parsing row by row."""
    features, label = specs
    (label_name,) = label

    @tf.autograph.experimental.do_not_convert
    def parse(serialized: tf.Tensor) -> tuple[Mapping[str, tf.Tensor], tf.Tensor]:
        columns = tf.io.parse_example(serialized, {**features, **label})
        return columns, tf.expand_dims(columns.pop(label_name), -1)

    return batches.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
