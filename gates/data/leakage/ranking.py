"""Errors of ranking two classes by groups of rows that share a score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.tables.table import Floats


def ranking_error(scores: Floats, positive: NDArray[Any], negative: NDArray[Any]) -> float:
    """1 - AUC of groups of rows that share a score, ties counting half; at most 0.5."""
    place = np.unique(scores, return_inverse=True)[1]
    positive, negative = (np.bincount(place, each).astype(np.float64) for each in (positive, negative))
    above = positive.sum() - np.cumsum(positive)
    pairs = float(positive.sum() * negative.sum())
    return min(0.5, 1.0 - float((negative * (above + positive / 2)).sum()) / pairs) if pairs else 0.5
