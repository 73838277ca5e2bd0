"""How well scores order a label, with its sampling error: AUC for classes, rank correlation for quantities, and the
gap between two tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gates.statistics.intervals import auc
from gates.statistics.sampling import effective_rows
from gates.tables.table import Codes, Floats

# A class needs rows on both sides of a comparison before its AUC means anything.
_FEWEST_OF_A_CLASS = 2


@dataclass(frozen=True, eq=False)
class Strength:
    """`value`: AUC (0.5 to 1) or correlation (-1 to 1); `influence`: each row's contribution to it, times the rows;
    `strata`: the class of each row (one for a quantity); `floor`: the smallest standard error to use."""

    value: float
    influence: Floats
    strata: Codes
    floor: float


@dataclass(frozen=True)
class StrengthGap:
    """How much stronger a relation is in train than in another table: in AUC, or in R2 for a quantity."""

    train: float
    other: float
    value: float
    p_value: float
    z: float


def concordance(scores: Floats, codes: Codes, shares: Floats) -> Strength:
    """AUC of each class against the rest, weighted by `shares`, with DeLong's (1988) placement values as influence.

    The influence function of a weighted sum is the weighted sum of influences, so that classes need no covariance.
    """
    rows, classes = scores.shape
    value, floor, influence = 0.0, 0.0, np.zeros(rows)
    # With two classes both AUCs are equal.
    columns, shares = ([1], np.ones(2)) if classes == 2 else (range(classes), shares)
    for k in columns:
        positive = codes == k
        ones, zeros = int(positive.sum()), int((~positive).sum())
        if not shares[k] or not ones or not zeros:
            continue
        found = auc(positive, scores[:, k])
        value += shares[k] * found.value
        influence += shares[k] * found.influence
        floor += shares[k] * _hanley_mcneil(found.value, ones, zeros)
    return Strength(value, influence, codes, floor)


def shares_of(train_codes: Codes, other_codes: Codes, classes: int) -> Floats:
    """The share of each class in both tables together; 0 for classes that one of the tables lacks."""
    train_counts, other_counts = (
        np.bincount(train_codes, minlength=classes),
        np.bincount(other_codes, minlength=classes),
    )
    both = np.where(
        np.minimum(train_counts, other_counts) >= _FEWEST_OF_A_CLASS, train_counts + other_counts, 0
    ).astype(np.float64)
    return both / both.sum() if (both > 0).sum() > 1 else np.zeros(classes)


def _hanley_mcneil(auc: float, ones: int, zeros: int) -> float:
    """Standard error of an AUC from its value alone (Hanley & McNeil 1982), not 0 for a perfect one."""
    auc = min(max(auc, 0.5), 1 - 1 / (2 * min(ones, zeros) + 2))
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (ones - 1) * (first - auc**2) + (zeros - 1) * (second - auc**2)
    return float(np.sqrt(max(spread, 0.0) / (ones * zeros)))


def correlation(scores: Floats, ranks: Floats) -> Strength:
    """Pearson's correlation of scores with labels that are ranks, so that heavy tails do not dominate."""
    rows = len(ranks)
    spread_s, spread_r = scores.std(), ranks.std()
    if rows < 3 or spread_s == 0 or spread_r == 0:
        return Strength(0.0, np.ones(rows), np.zeros(rows, np.int64), 1 / np.sqrt(max(rows, 1)))
    x, y = (scores - scores.mean()) / spread_s, (ranks - ranks.mean()) / spread_r
    r = float((x * y).mean())
    influence = x * y - r * (x**2 + y**2) / 2
    return Strength(r, influence, np.zeros(rows, np.int64), (1 - min(r * r, 0.99)) / np.sqrt(rows))


def gap_between(train: Strength, other: Strength, groups: tuple[Codes, Codes] | None, regression: bool) -> StrengthGap:
    """Welch's one-sided t-test of the difference, on effective rows."""
    from scipy.stats import t as student

    rows = effective_rows(train.influence, other.influence, groups)
    spread, freedom = 0.0, 0.0
    for side, effective in zip((train, other), rows, strict=True):
        ratio = effective / len(side.influence)
        variance, parts = _variance(side, effective)
        spread += variance
        counts = np.bincount(side.strata)
        freedom += float((parts**2 / np.maximum(counts[counts > 0] * ratio - 1, 1e-9)).sum())
    z = (train.value - other.value) / np.sqrt(spread) if spread > 0 else 0.0
    degrees = spread**2 / freedom if freedom > 0 else 1.0
    value = train.value - other.value
    if regression:
        value = train.value * abs(train.value) - other.value * abs(other.value)
    return StrengthGap(train.value, other.value, value, float(student.sf(z, max(degrees, 0.5))), float(z))


def _variance(side: Strength, effective: float) -> tuple[float, Floats]:
    """The variance of a strength, and the parts of it that each stratum holds (only those above 0)."""
    rows = len(side.influence)
    squares = np.bincount(side.strata, side.influence**2)
    counts = np.bincount(side.strata)
    squares = np.where(counts > 0, np.maximum(squares, 1e-12), 0.0)
    total = max(float(squares.sum()) / rows / effective, side.floor**2 * rows / effective)
    return total, (squares / squares.sum() * total)[squares > 0]


def ranks_among(values: Floats, ordered: Floats) -> Floats:
    """The share of sorted values below each value, ties by half."""
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return (below + upto) / (2 * len(ordered))


def in_words(classes: int, value: float) -> str:
    """A strength in words."""
    return f"an AUC of {value:.3f}" if classes else f"a correlation of {value:.3f}"
