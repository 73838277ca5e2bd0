"""The schema as an artifact, and the facts that are read from it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from gates.schema.proposal import SERVING
from pipeline.artifacts.text_files import read_text, write_text

SCHEMA_FILE = "schema.pbtxt"


def served_features(schema: schema_pb2.Schema, left_out: Collection[str]) -> list[str]:
    """Columns that a request has, in alphabetical order."""
    served = (
        feature.name
        for feature in schema.feature
        if SERVING not in feature.not_in_environment
        and not (feature.in_environment and SERVING not in feature.in_environment)
        and (feature.in_environment or not schema.default_environment or SERVING in schema.default_environment)
    )
    return sorted(set(served) - set(left_out))


def shape_of(feature: schema_pb2.Feature) -> tuple[int, ...]:
    """The shape of a row's values in a column whose schema fixes it; () for a single value."""
    if feature.HasField("shape"):
        return tuple(dimension.size for dimension in feature.shape.dim)
    fixed = feature.value_count.min == feature.value_count.max > 1
    return (feature.value_count.min,) if fixed else ()


def is_wide(feature: schema_pb2.Feature) -> bool:
    """Whether a row has many numbers in this column: an image or a vector."""
    return feature.type != schema_pb2.BYTES and bool(np.prod(shape_of(feature), dtype=np.int64) > 1)


def write_schema(uri: str, text: str) -> None:
    """Stores the text of a schema as the artifact at `uri`."""
    write_text(uri, SCHEMA_FILE, text)


def read_schema(uri: str) -> schema_pb2.Schema:
    """The schema in the artifact at `uri`."""
    return text_format.Parse(read_text(uri, SCHEMA_FILE), schema_pb2.Schema())
