"""Fits simple models on the raw features that serving has, and measures them on test as the Evaluator measures.

Columns of one value a row go to gradient-boosted trees, the one image a row may have to a logistic regression on what
it looks like from afar.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import Artifact
from tfx.types.standard_artifacts import Examples, Schema

from gates.evaluation import reference_models
from gates.evaluation.measure import MISSING
from gates.evaluation.reference_images import MOST_IMAGES, coarse
from gates.statistics.clusters import Groups
from pipeline.artifacts.evaluation import ReferencesArtifact, write_references
from pipeline.artifacts.examples import BATCH_ROWS, decoder_of, numbers, raw_batches, sample, shards, texts
from pipeline.artifacts.schema import is_wide, read_schema, served_features, shape_of
from pipeline.component_inputs import ReferencesInputs
from pipeline.evidence.contents import columns_of_content, contents_of, groups_of
from pipeline.evidence.data import rows_within

MOST_TRAIN_ROWS = 50_000
_MOST_TEST = 5


def read_columns(
    raw: NDArray[Any], schema: schema_pb2.Schema, features: list[str], label: str
) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Features by name (numbers with NaN, texts with None for missing) and labels."""
    textual = {feature.name for feature in schema.feature if feature.type == schema_pb2.BYTES}
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in (*features, label)}
    for name, column in _decoded(raw, schema, columns):
        columns[name].append(texts(column, None) if name in textual else numbers(column))
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    return whole, whole.pop(label)


def read_images(raw: NDArray[Any], schema: schema_pb2.Schema, name: str) -> NDArray[np.float64]:
    """Coarse images of one wide column, [rows, blocks]; NaN in a row that has no whole image."""
    shape = next(shape_of(feature) for feature in schema.feature if feature.name == name)
    width = int(np.prod(shape))
    parts = []
    for _, column in _decoded(raw, schema, [name]):
        lengths = np.asarray(column.value_lengths().fill_null(0))
        whole = lengths == width
        values = np.full((len(lengths), width), np.nan, dtype=np.float32)
        values[whole] = np.asarray(column.flatten())[np.repeat(whole, lengths)].reshape(-1, width)
        parts.append(coarse(values, shape))
    return np.concatenate(parts)


def _decoded(raw: NDArray[Any], schema: schema_pb2.Schema, names: Collection[str]) -> Iterator[tuple[str, pa.Array]]:
    decoder = decoder_of(schema, set(names))
    for start in range(0, len(raw), BATCH_ROWS):
        part = decoder.DecodeBatch(raw[start : start + BATCH_ROWS].tolist())
        for name in names:
            yield name, part.column(part.schema.get_field_index(name))


def _images(raw: NDArray[Any], schema: schema_pb2.Schema, names: list[str]) -> NDArray[np.float64]:
    """All wide columns, concatenated."""
    return np.concatenate([read_images(raw, schema, name) for name in names], axis=1)


def _entities(raw: NDArray[Any], schema: schema_pb2.Schema, name: str) -> NDArray[Any]:
    """The entity of each row as a code."""
    keys = np.concatenate([texts(column, MISSING) for _, column in _decoded(raw, schema, [name])])
    return np.asarray(np.unique(keys.astype(str), return_inverse=True)[1])


def _groups(raw: NDArray[Any], schema: schema_pb2.Schema, given: ReferencesInputs) -> Groups:
    if given.entity:
        return _entities(raw, schema, given.entity)
    if given.by_content and columns_of_content(schema, given.label):
        return groups_of(contents_of(raw, schema, given.label))
    return None


def _batches(examples: Artifact, split: str) -> Iterable[NDArray[Any]]:
    for path in shards(examples, split):
        yield from raw_batches(path)


@component
def References(
    examples: InputArtifact[Examples],
    schema: InputArtifact[Schema],
    references: OutputArtifact[ReferencesArtifact],
    config: Parameter[str],
    code: Parameter[str],  # noqa: ARG001 - a cache key
) -> None:
    """Measures the majority class and simple models on the same split: reads a sample of train and of a large test,
    writes `references.json`. `config`: ReferencesInputs as text."""
    given = ReferencesInputs.from_property(config)
    parsed = read_schema(schema.uri)
    features = served_features(parsed, {given.label, *given.withheld})
    wide = [feature.name for feature in parsed.feature if feature.name in features and is_wide(feature)]
    single = [name for name in features if name not in wide]
    within = rows_within(len(single))
    most = MOST_IMAGES if wide else min(MOST_TRAIN_ROWS, within)
    # Numbers of 64 bits and no copies: test may have more cells than a table that is judged.
    kept = (("train", most), ("test", _MOST_TEST * within))
    train, test = (sample(_batches(examples, split), rows) for split, rows in kept)
    found = reference_models.references(
        *read_columns(train, parsed, single, given.label),
        *read_columns(test, parsed, single, given.label),
        confidence=given.confidence,
        images=(_images(train, parsed, wide), _images(test, parsed, wide)) if wide else None,
        groups=_groups(test, parsed, given),
    )
    write_references(references, found)
