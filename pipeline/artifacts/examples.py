"""The properties of Examples, and their rows column by column: whole batches through tfx-bsl's C++ decoder, without a
Python object for each row."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
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
from core.text import did_you_mean
from gates.tables.cell_text import cell_texts
from sources.kinds import Kind

_FACTS, _KINDS, _IMAGES = "sluice_facts", "sluice_kinds", "sluice_images"
BATCH_ROWS = 8192
# Of serialized rows; as columns of 64-bit integers images take eight times as much.
BATCH_BYTES = 32 << 20


@dataclass(frozen=True)
class Facts:
    """The facts of an ingest. `class_names`: of a label in words, by the integers that stand for them."""

    rows: Mapping[str, int] = field(default_factory=dict)  # by split
    columns: int = 0
    unusable_rows: int = 0
    unusable_file: str | None = None  # where they lie
    left_out_by_gap: int = 0
    left_out_by_share: int = 0
    share: float = 1.0
    class_names: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # on how columns were read
    data_fingerprint: str = ""
    span: int | None = None
    files: int = 0


def describe_examples(
    examples: types.Artifact, facts: Facts, kinds: Mapping[str, int], images: Mapping[str, list[int]]
) -> None:
    """Stores the facts about the rows on the artifact itself. `images`: column → height, width and channels."""
    for name, plain in ((_FACTS, asdict(facts)), (_KINDS, kinds), (_IMAGES, images)):
        examples.set_string_custom_property(name, json.dumps(plain))


def facts_of(examples: types.Artifact) -> Facts:
    """The facts of the ingest; empty for examples that our ExampleGen did not write."""
    return Facts(**json.loads(examples.get_string_custom_property(_FACTS) or "{}"))


def kinds_of(examples: types.Artifact) -> dict[str, Kind]:
    """The kinds of the columns in the tf.Examples."""
    stored = json.loads(examples.get_string_custom_property(_KINDS) or "{}")
    return {name: Kind(kind) for name, kind in stored.items()}


def images_of(artifact: types.Artifact) -> dict[str, list[int]]:
    """Height, width and channels by column with images, of Examples or of statistics made from them."""
    found: dict[str, list[int]] = json.loads(artifact.get_string_custom_property(_IMAGES) or "{}")
    return found


def keep_images(statistics: types.Artifact, examples: types.Artifact) -> None:
    """Copies the properties of images from the Examples to their statistics."""
    statistics.set_string_custom_property(_IMAGES, examples.get_string_custom_property(_IMAGES))


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
    """A decoder of these columns alone; the others are not parsed.

    Raises:
      SluiceError: when the schema lacks one of them.
    """
    known = {feature.name for feature in schema.feature}
    if missing := sorted(set(columns) - known):
        raise SluiceError(
            f"The schema has no column {', '.join(missing)}, which the configuration names"
            f"{did_you_mean(missing[0], sorted(known), '.')}",
            "Check data.label and evaluator.slices:  python runners/local_runner.py --explain evaluator.slices",
        )
    wanted = schema_pb2.Schema()
    wanted.feature.extend(feature for feature in schema.feature if feature.name in columns)
    for feature in wanted.feature:
        # Without domains and shapes, which are for validation: the decoder would refuse a row that breaks them.
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
    """Any column as text, numbers as they were written; bytes that are no text stay different values."""
    values, present = first_values(column)
    result = np.full(len(present), missing, dtype=object)
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        result[present] = [as_text(value) for value in values.to_pylist()]
    else:
        result[present] = cell_texts(values)
    return result


def as_text(value: bytes) -> str:
    """Bytes as text; those that are no text stay different values."""
    return value.decode("utf-8", "backslashreplace")


def sample(batches: Iterable[NDArray[Any]], most: int) -> NDArray[Any]:
    """At most `most` examples, evenly spaced over all; holds no more than twice as many at any time."""
    kept: list[Any] = []
    stride, seen = 1, 0
    for batch in batches:
        kept.extend(batch[(-seen) % stride :: stride])
        seen += len(batch)
        while len(kept) > 2 * most:
            kept, stride = kept[::2], stride * 2
    return np.array(kept, dtype=object)[evenly(len(kept), most)]


def evenly(rows: int, most: int) -> NDArray[np.intp]:
    """The places of at most `most` of so many rows, evenly spaced."""
    return np.linspace(0, rows - 1, min(most, rows)).astype(np.intp)
