"""Which rows of a split were drawn together, because a split by a hash of the row keeps equal rows on one side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2

from gates.data.equal_rows import REPEATED, repeated_share
from gates.statistics.clusters import Groups
from pipeline.artifacts.examples import BATCH_ROWS, decoder_of
from pipeline.artifacts.schema import is_wide
from pipeline.ingest.row_hash import Hashes, hash_content


def columns_of_content(schema: schema_pb2.Schema, label: str) -> set[str]:
    """The columns that make two rows equal: all but the label. None where a row holds an image or a vector, of which
    hardly any repeats."""
    if any(map(is_wide, schema.feature)):
        return set()
    return {feature.name for feature in schema.feature} - {label}


def hashes_of(decoded: pa.RecordBatch, label: str) -> Hashes:
    """A hash of each row's content, as the split has it."""
    return hash_content(decoded, (label,))


def contents_of(rows: NDArray[Any], schema: schema_pb2.Schema, label: str) -> Hashes:
    """The same of serialized rows; the schema must have columns of content."""
    decoder = decoder_of(schema, columns_of_content(schema, label))
    parts = (decoder.DecodeBatch(rows[at : at + BATCH_ROWS].tolist()) for at in range(0, len(rows), BATCH_ROWS))
    return np.concatenate([np.empty(0, np.uint64), *(hashes_of(part, label) for part in parts)])


def groups_of(contents: NDArray[np.uint64]) -> Groups:
    """The content of each row as a code; None where hardly any row repeats another one, so that rows were drawn."""
    if repeated_share(contents) < REPEATED:
        return None
    return np.unique(contents, return_inverse=True)[1].reshape(-1)
