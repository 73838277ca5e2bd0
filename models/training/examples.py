"""Transformed examples as tf.data: read fast and shuffled reproducibly."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from models.features import FeatureSpec

# From the features of a batch, its seed of shape [2] and the number of its epoch, from 0.
Augmentation = Callable[[dict[str, tf.Tensor], tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]

# Serialized rows are cached in memory up to this size of their files; else every epoch reads them again.
CACHED_FILE_BYTES = 128 * 2**20
# The shuffle buffer in rows; it must be large, because files may be in the order of time.
SHUFFLED_ROWS = 100_000
# The shuffle buffer in bytes, for rows that hold images.
SHUFFLED_BYTES = 2**30
# The distance between two seeds, so that their epochs have different orders.
EPOCHS_APART = 1_000_003


def training_batches(
    patterns: list[str],
    specs: tuple[FeatureSpec, FeatureSpec],
    batch_size: int,
    seed: int,
    first_epoch: int = 0,
    augmentation: Augmentation | None = None,
) -> tf.data.Dataset:
    """Batches of (features, label). `seed` and the number of the epoch decide the order and the augmentation.

    Each pass over the dataset is the next epoch; `first_epoch` is the number of the first, so that training after a
    kill continues with the same batches.
    """
    rows = _serialized_rows(patterns)
    waiting = _rows_that_fit(patterns)
    with tf.device("CPU"):
        next_epoch = tf.Variable(first_epoch, dtype=tf.int64, trainable=False)

    def number() -> tf.Tensor:
        return seed * EPOCHS_APART + next_epoch

    def one_epoch(_: tf.Tensor) -> tf.data.Dataset:
        next_epoch.assign_add(1)
        # TensorFlow would compare a tensor with 0 where the graph's own seed is 0, as it is under `train.seed: 0`.
        tf.random.set_seed(1)
        return rows.shuffle(waiting, seed=number(), reshuffle_each_iteration=False).batch(batch_size)

    batches = tf.data.Dataset.range(1).flat_map(one_epoch)
    parse = _parser(specs)
    if augmentation is None:
        return _ahead(batches, parse)

    @tf.autograph.experimental.do_not_convert
    def parse_and_augment(place: tf.Tensor, serialized: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        columns, labels = parse(serialized)
        # The seed of a batch is its epoch and its place in the epoch.
        return augmentation(columns, tf.stack([number(), place]), next_epoch - 1), labels

    return _ahead(batches.enumerate(), parse_and_augment)


def evaluation_batches(patterns: list[str], specs: tuple[FeatureSpec, FeatureSpec], batch_size: int) -> tf.data.Dataset:
    """Batches of (features, label) in the order of the files."""
    return _ahead(_serialized_rows(patterns).batch(batch_size), _parser(specs))


def rows_up_to(most: int, patterns: list[str]) -> int:
    """The number of rows of the files; no more than `most` are read."""
    count = _read(_files(patterns)).take(most).reduce(tf.constant(0, tf.int64), lambda rows, _: rows + 1)
    return int(count.numpy())


def _files(patterns: list[str]) -> list[str]:
    files = sorted(tf.io.gfile.glob(patterns))
    if not files:
        raise ValueError(f"no transformed examples match {patterns}")
    return files


def _read(files: list[str]) -> tf.data.Dataset:
    compression = "GZIP" if files[0].endswith(".gz") else ""
    return tf.data.TFRecordDataset(files, compression_type=compression, buffer_size=8 * 2**20)


def _serialized_rows(patterns: list[str]) -> tf.data.Dataset:
    files = _files(patterns)
    size = sum(tf.io.gfile.stat(file).length for file in files)
    return _read(files).cache() if size <= CACHED_FILE_BYTES else _read(files)


def _rows_that_fit(patterns: list[str]) -> int:
    """The shuffle buffer in rows, judged by the size of the first row."""
    for row in _read(_files(patterns)).take(1):
        return max(1, min(SHUFFLED_ROWS, SHUFFLED_BYTES // max(1, len(row.numpy()))))
    return 1


def _parser(specs: tuple[FeatureSpec, FeatureSpec]) -> Callable[[tf.Tensor], tuple[dict[str, tf.Tensor], tf.Tensor]]:
    """Parses whole batches, which costs a tenth of parsing row by row."""
    features, label = specs
    (label_name,) = label

    @tf.autograph.experimental.do_not_convert
    def parse(serialized: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        columns = tf.io.parse_example(serialized, {**features, **label})
        return columns, tf.expand_dims(columns.pop(label_name), -1)

    return parse


def _ahead(batches: tf.data.Dataset, prepare: Callable[..., Any]) -> tf.data.Dataset:
    """Prepares the next batches while the model trains on this one."""
    prepared = batches.map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return prepared.prefetch(tf.data.AUTOTUNE)
