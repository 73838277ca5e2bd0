"""Examples as the tables that gates judge, and what the schema says about their columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx_bsl.coders import example_coder

from gates.table import Table
from pipeline.components.columnar import raw_batches, shards
from pipeline.components.references import served_features

# About 2 GiB with twenty columns; what is rarer than a few rows in as many is beyond any check.
MOST_ROWS = 2_000_000


def share_read(rows: int) -> float:
    """The share of the rows that a gate reads when train has so many."""
    return min(1.0, MOST_ROWS / max(rows, 1))


def read_table(examples: types.Artifact, split: str, name: str, share: float = 1.0) -> Table:
    """The rows of one split; the types are those of the Examples themselves, whatever the schema hopes for.

    `share`: part of the rows that is kept, by their content. So copies of a row are kept or left out together, and the
    share of eval that is also in train stays what it was.
    """
    return table_of(name, (raw for path in shards(examples, split) for raw in raw_batches(path)), share)


def table_of(name: str, batches: Iterable[NDArray[Any]], share: float = 1.0) -> Table:
    """Serialized examples as a table."""
    decoder = example_coder.ExamplesToRecordBatchDecoder()
    decoded = (pa.Table.from_batches([decoder.DecodeBatch(raw.tolist())]) for raw in batches)
    kept = [rows if share >= 1 else _sampled(rows, share) for rows in decoded]
    return Table.of(name, pa.concat_tables(kept, promote=True) if kept else pa.table({}))


def _sampled(rows: pa.Table, share: float) -> pa.Table:
    batch = Table.of("", rows)
    high, _ = batch.words(batch.columns)
    return batch.arrow.filter(pa.array(high < np.uint64(share * 2.0**64)))


def columns_not_served(schema: schema_pb2.Schema) -> frozenset[str]:
    """Columns that the schema's environments take away from serving."""
    return frozenset(feature.name for feature in schema.feature) - frozenset(served_features(schema, ()))


def categorical_numbers(schema: schema_pb2.Schema) -> frozenset[str]:
    """Integers that are names, by the schema."""
    return frozenset(feature.name for feature in schema.feature if feature.int_domain.is_categorical)


def required_columns(schema: schema_pb2.Schema) -> frozenset[str]:
    """Columns that every row must have."""
    return frozenset(feature.name for feature in schema.feature if feature.presence.min_fraction >= 1)
