"""Errors of ranking two classes by groups of rows that share a score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.table import Floats

# Two normal classes at AUC 0.9 lose a factor of 1.8 of their error by a cut (and more at higher AUC), a flag nothing.
_STEP, _SHADED = 1.25, 1.5


def step_error(error: float, above: NDArray[np.bool_], positive: NDArray[Any], negative: NDArray[Any]) -> float:
    """The error of a step; of what shades off 1.5 times its balanced error when cut at the mean label (Bayes' cut)."""
    missed = positive[~above].sum() / max(1.0, float(positive.sum()))
    alarmed = negative[above].sum() / max(1.0, float(negative.sum()))
    cut = float(missed + alarmed) / 2
    return error if cut <= _STEP * error else min(0.5, max(error, _SHADED * cut))


def ranking_error(scores: Floats, positive: NDArray[Any], negative: NDArray[Any]) -> float:
    """1 - AUC of groups of rows that share a score, ties counting half; never worse than chance."""
    place = np.unique(scores, return_inverse=True)[1]
    positive, negative = (np.bincount(place, each).astype(np.float64) for each in (positive, negative))
    above = positive.sum() - np.cumsum(positive)
    pairs = float(positive.sum() * negative.sum())
    return min(0.5, 1.0 - float((negative * (above + positive / 2)).sum()) / pairs) if pairs else 0.5
