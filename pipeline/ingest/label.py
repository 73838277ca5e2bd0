"""The label for training: computed from other columns, as `gates` defines it, or the index of a class's name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gates.tables.label import LabelExpression, compute_label, parse_label_expression

__all__ = ["LabelExpression", "compute_label", "parse_label_expression", "places_of_names"]


def places_of_names(names: pa.LargeBinaryArray, known: Sequence[str]) -> tuple[pa.Int64Array, npt.NDArray[np.bool_]]:
    """Classes in words as 0, 1, 2, … in the order of `known`, missing as null; and which rows have another name."""
    places = pc.index_in(names, value_set=pa.array([name.encode() for name in known], names.type))
    return places.cast(pa.int64()), np.asarray(pc.and_(places.is_null(), names.is_valid()))
