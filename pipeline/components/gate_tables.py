"""Examples as the tables that gates judge, and what the schema says about their columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx_bsl.coders import example_coder

from gates.proposed_schema import SERVING
from gates.table import Table
from pipeline.components.columnar import raw_batches, shards


def read_table(examples: types.Artifact, split: str, name: str) -> Table:
    """All rows of one split; the types are those of the Examples themselves, whatever the schema hopes for."""
    return table_of(name, (raw for path in shards(examples, split) for raw in raw_batches(path)))


def table_of(name: str, batches: Iterable[NDArray[Any]]) -> Table:
    """Serialized examples as a table."""
    decoder = example_coder.ExamplesToRecordBatchDecoder()
    decoded = [pa.Table.from_batches([decoder.DecodeBatch(raw.tolist())]) for raw in batches]
    return Table.of(name, pa.concat_tables(decoded, promote=True) if decoded else pa.table({}))


def columns_not_served(schema: schema_pb2.Schema) -> frozenset[str]:
    """Columns that the schema's environments take away from serving."""
    return frozenset(feature.name for feature in schema.feature if SERVING in feature.not_in_environment)


def categorical_numbers(schema: schema_pb2.Schema) -> frozenset[str]:
    """Integers that are names, by the schema."""
    return frozenset(feature.name for feature in schema.feature if feature.int_domain.is_categorical)


def required_columns(schema: schema_pb2.Schema) -> frozenset[str]:
    """Columns that every row must have."""
    return frozenset(feature.name for feature in schema.feature if feature.presence.min_fraction >= 1)
