"""Draws samples of rows for costly checks, and computes effective rows: rows of one entity resemble each other and
carry less information than rows of different entities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gates.tables.table import Codes, Floats


def drawn(rows: NDArray[np.intp], at_most: int, seed: int) -> NDArray[np.intp]:
    """All of these row numbers, or `at_most` of them at random. Tables are sorted by content, so the order of rows in
    files does not change the sample."""
    if len(rows) <= at_most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, at_most, replace=False))


def design_effect(scores: Floats, groups: Codes) -> float:
    """The variance of a mean over that of independent rows (Kish 1965): 1 + (m - 1) * ICC.

    m is the size-weighted mean size of a group, ICC the intraclass correlation of `scores` from the one-way analysis
    of variance (Donner 1986), not below 0. 1 when every group has one row.
    """
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    rows, count = len(scores), len(sizes)
    if count == rows:
        return 1.0
    size = _typical_size(groups)
    if count < 2:
        return size
    means = np.bincount(codes, scores) / sizes
    between = float((sizes * (means - scores.mean()) ** 2).sum()) / (count - 1)
    within = float(((scores - means[codes]) ** 2).sum()) / (rows - count)
    if between == 0 and within == 0:
        return 1.0
    typical = (rows - size) / (count - 1)
    correlation = max(0.0, (between - within) / (between + (typical - 1) * within))
    return 1.0 + (size - 1.0) * min(1.0, correlation)


def effective_rows(scores_a: Floats, scores_b: Floats, groups: tuple[Codes, Codes] | None) -> tuple[float, float]:
    """The effective rows of two sides for a comparison of these scores; all rows when rows were drawn.

    With `groups` (entities were drawn) each side's rows are divided by its design effect. Side b uses the larger of its
    own and the one that side a's correlation implies.
    """
    if groups is None:
        return float(len(scores_a)), float(len(scores_b))
    # Dense ranks: one huge value must not determine the correlation within entities.
    _, dense = np.unique(np.concatenate([scores_a, scores_b]), return_inverse=True)
    ranks = dense.astype(np.float64)
    a, b = ranks[: len(scores_a)], ranks[len(scores_a) :]
    effect_a = design_effect(a, groups[0])
    # Side b may have too few entities to estimate its own correlation.
    effect_b = max(design_effect(b, groups[1]), transferred(effect_a, groups[0], groups[1]))
    return max(1.0, len(a) / effect_a), max(1.0, len(b) / effect_b)


def transferred(effect: float, groups: Codes, others: Codes) -> float:
    """The design effect for the cluster sizes of `others`, at the intraclass correlation that gave `groups` this
    one."""
    size, other_size = _typical_size(groups), _typical_size(others)
    return 1.0 if size <= 1 else 1.0 + (other_size - 1.0) * (effect - 1.0) / (size - 1.0)


def _typical_size(groups: Codes) -> float:
    """Size-weighted mean number of rows of a group."""
    _, sizes = np.unique(groups, return_counts=True)
    return float((sizes.astype(np.float64) ** 2).sum() / max(len(groups), 1))
