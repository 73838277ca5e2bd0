"""Comparators of a schema that cannot work: TFDV ignores them silently."""

from __future__ import annotations

from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import schema_pb2

KINDS = ("skew_comparator", "drift_comparator")
# They compare the shares of strings; for any type there is jensen_shannon_divergence.
TEXT_ONLY = ("infinity_norm", "normalized_abs_difference")
_NUMBERS = {schema_pb2.INT: "whole numbers", schema_pb2.FLOAT: "numbers"}


def inapplicable(schema: schema_pb2.Schema) -> Iterator[str]:
    """One sentence for each comparator that does not apply to its feature's type."""
    for feature in schema.feature:
        if feature.type not in _NUMBERS or feature.int_domain.is_categorical:
            continue
        for kind in KINDS:
            for measure in TEXT_ONLY:
                if getattr(feature, kind).HasField(measure):
                    yield (
                        f"`{feature.name}` has a {kind} with {measure}, which compares the shares of strings, "
                        f"but it holds {_NUMBERS[feature.type]}; use jensen_shannon_divergence"
                    )
