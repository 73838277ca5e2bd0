"""Reads Examples column by column: whole batches through tfx-bsl's C++ decoder, never a Python object a row."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx_bsl.coders import example_coder

from core.errors import SluiceError

# Column → height, width and channels of its images.
IMAGES_PROPERTY = "sluice_images"
FACTS_PROPERTY = "sluice_facts"
KINDS_PROPERTY = "sluice_kinds"


BATCH_ROWS = 8192
# Of serialized rows; as columns of 64-bit integers images take eight times as much.
BATCH_BYTES = 32 << 20


def shards(examples: types.Artifact, split: str) -> list[str]:
    """The files of one split, in order."""
    folder = artifact_utils.get_split_uri([examples], split)
    return sorted(posixpath.join(folder, name) for name in fileio.listdir(folder) if not name.startswith("."))


def raw_batches(path: str) -> Iterator[NDArray[Any]]:
    """Serialized examples of one file, in batches that fit into memory whatever the size of a row."""
    compression = "GZIP" if path.endswith(".gz") else ""
    records = tf.data.TFRecordDataset(path, compression_type=compression, buffer_size=1 << 20)
    first = next(records.take(1).as_numpy_iterator(), b"")
    rows = max(1, min(BATCH_ROWS, BATCH_BYTES // max(len(first), 1)))
    yield from records.batch(rows).as_numpy_iterator()


def decoder_of(schema: schema_pb2.Schema, columns: Collection[str]) -> Any:
    """A decoder of these columns alone; the others are not even parsed into values.

    Raises:
      SluiceError: when the schema lacks one of them.
    """
    known = {feature.name for feature in schema.feature}
    if missing := sorted(set(columns) - known):
        raise SluiceError(
            f"The schema has no column {', '.join(missing)}, which the configuration names.",
            "Check data.label and evaluator.slices:  python runners/local_runner.py --explain evaluator.slices",
        )
    wanted = schema_pb2.Schema()
    wanted.feature.extend(feature for feature in schema.feature if feature.name in columns)
    for feature in wanted.feature:
        # Domains and shapes are for validation; a decoder that knew them would refuse a row that breaks them.
        for constraint in ("domain", "bool_domain", "int_domain", "float_domain", "string_domain", "shape", "presence"):
            feature.ClearField(constraint)
    return example_coder.ExamplesToRecordBatchDecoder(wanted.SerializeToString())


def first_values(column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Each row's first value and whether it has one; rows without have none in the returned values."""
    lengths = np.asarray(column.value_lengths().fill_null(0))
    present = lengths > 0
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])[present]
    return column.flatten().take(pa.array(starts)), present


def numbers(column: pa.Array) -> NDArray[np.float64]:
    """A numeric column; a missing value is NaN."""
    values, present = first_values(column)
    result = np.full(len(present), np.nan)
    result[present] = np.asarray(values, dtype=np.float64)
    return result


def texts(column: pa.Array, missing: str | None) -> NDArray[Any]:
    """Any column as text, whole numbers without a decimal point."""
    values, present = first_values(column)
    result = np.full(len(present), missing, dtype=object)
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        result[present] = [value.decode("utf-8", "replace") for value in values.to_pylist()]
    else:
        result[present] = [str(value) for value in values.to_pylist()]
    return result


def sample(batches: Iterable[NDArray[Any]], most: int) -> NDArray[Any]:
    """At most `most` examples, evenly spaced over all; holds no more than twice as many at any time."""
    kept: list[Any] = []
    stride, seen = 1, 0
    for batch in batches:
        kept.extend(batch[(-seen) % stride :: stride])
        seen += len(batch)
        while len(kept) > 2 * most:
            kept, stride = kept[::2], stride * 2
    at = np.linspace(0, len(kept) - 1, min(most, len(kept))).astype(int)
    return np.array(kept, dtype=object)[at]
