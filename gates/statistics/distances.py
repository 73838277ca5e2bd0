"""Distances between two samples of one column and their p-values. Numbers of rows may be effective numbers.

A number that was stored as float32 and read back counts as the same number. The derivations: docs/statistics.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gates.tables.table import Floats

# Twice the rounding error of float32, relative.
TOLERANCE = 2.0**-22
# One-sided 99 % of the normal distribution.
Z_99 = 2.326
# Rows that a cell of a χ² test must expect (Cochran 1954).
_EXPECTED_IN_CELL = 5.0
_RARE = 0.01


class Distance(NamedTuple):
    """A distance less the part that sampling explains, its p-value, and its one-sided 99 % upper bound."""

    effect: float
    p_value: float
    upper: float


def slack(values: Floats) -> Floats:
    """The tolerance of each value: numbers within it count as equal."""
    return np.where(np.isfinite(values), np.abs(values), 0.0) * TOLERANCE


def pooled_rows(rows_a: float, rows_b: float) -> float:
    """nm / (n + m): the size of one sample whose mean is as uncertain as the difference of two."""
    return rows_a * rows_b / (rows_a + rows_b)


def widest_gap(a: Floats, b: Floats) -> tuple[float, float]:
    """The Kolmogorov-Smirnov distance of two sorted samples, and the value at which they differ most.

    A value of one side is compared with the other's values up to its slack, so that copies in float32 have distance 0.
    """
    above, at_a = _one_sided(a, b)
    below, at_b = _one_sided(b, a)
    return (above, at_a) if above >= below else (below, at_b)


def _one_sided(a: Floats, b: Floats) -> tuple[float, float]:
    last = np.flatnonzero(np.append(a[1:] != a[:-1], True))
    values = a[last]
    gaps = (last + 1) / len(a) - np.searchsorted(b, values + slack(values), side="right") / len(b)
    widest = int(np.argmax(gaps))
    return max(0.0, float(gaps[widest])), float(values[widest])


def ks_distance(gap: float, rows_a: float, rows_b: float) -> Distance:
    """Kolmogorov's asymptotic p-value, which is conservative under ties.

    Equal distributions have a mean squared gap of π²/12 rows (Kolmogorov 1933); the effect is what exceeds it.
    """
    from scipy.special import kolmogorov

    rows = pooled_rows(rows_a, rows_b)
    effect = float(np.sqrt(max(0.0, gap**2 - np.pi**2 / 12 / rows)))
    return Distance(effect, float(kolmogorov(np.sqrt(rows) * gap)), min(1.0, effect + Z_99 * 0.5 / np.sqrt(rows)))


def share_distance(share_a: float, rows_a: float, share_b: float, rows_b: float) -> Distance:
    """Two shares: Fisher's exact test, two-sided, and their absolute difference."""
    effect = abs(share_a - share_b)
    if effect == 0:
        p_value = 1.0
    else:
        less = fisher(share_a, rows_a, share_b, rows_b)
        p_value = min(1.0, 2 * min(less, fisher(share_b, rows_b, share_a, rows_a)))
    # Agresti & Caffo (2000): one case more of each kind keeps the bound honest where none was seen.
    variance = sum(
        _smoothed(*side) * (1 - _smoothed(*side)) / side[1] for side in ((share_a, rows_a), (share_b, rows_b))
    )
    return Distance(effect, p_value, min(1.0, effect + Z_99 * float(np.sqrt(variance))))


def _smoothed(share: float, rows: float) -> float:
    return (share * rows + 1) / (rows + 2)


def fisher(share_a: float, rows_a: float, share_b: float, rows_b: float) -> float:
    """Fisher's exact p-value, one-sided: of side b having so large a share when both sides are alike."""
    from scipy.stats import hypergeom

    size_a, size_b = max(1, round(rows_a)), max(1, round(rows_b))
    hits_a, hits_b = round(share_a * size_a), round(share_b * size_b)
    return float(hypergeom.sf(hits_b - 1, size_a + size_b, hits_a + hits_b, size_b))


def total_variation(counts_a: Floats, counts_b: Floats, rows_a: float, rows_b: float) -> Distance:
    """Half the sum of the differences of shares, less the part that sampling explains; Pearson's χ² for the p-value.

    Categories below 1 %, or too rare for χ², are pooled. With effective rows for `rows_a` and `rows_b` this is the
    first-order correction of Rao & Scott (1981).
    """
    from scipy.special import chdtrc

    p, q = counts_a / counts_a.sum(), counts_b / counts_b.sum()
    expected = (p * rows_a + q * rows_b) / (rows_a + rows_b)
    rare = expected < max(_RARE, _EXPECTED_IN_CELL / min(rows_a, rows_b))
    p, q, expected = (np.append(each[~rare], each[rare].sum()) for each in (p, q, expected))
    p, q, expected = p[expected > 0], q[expected > 0], expected[expected > 0]
    rows = pooled_rows(rows_a, rows_b)
    chance = 0.5 * float(np.sqrt(2 / np.pi * expected * (1 - expected).clip(0) / rows).sum())
    effect = max(0.0, 0.5 * float(np.abs(p - q).sum()) - chance)
    if len(expected) < 2:
        return Distance(0.0, 1.0, 0.0)
    p_value = float(chdtrc(len(expected) - 1, rows * float(((p - q) ** 2 / expected).sum())))
    return Distance(effect, p_value, min(1.0, effect + Z_99 * 0.5 / float(np.sqrt(rows))))


def good_turing_p(share: float, rows_b: float, once: float, twice: float, size: float, rows_a: float) -> float:
    """The p-value of so large a share of unseen values when both sides are alike.

    The unseen mass has mean N1/N and variance (N1 + 2·N2)/N² (Good 1953). That is the variance of a share of fewer
    rows, which Fisher's test then compares.
    """
    shrunk = (once + 1) / (once + 1 + 2 * twice)
    return fisher(once / size, rows_a * shrunk, share, rows_b)


def exceedance_p(outside: int, size_a: int, size_b: int) -> float:
    """The probability that the `outside` largest of all values lie on side b when both sides are alike.

    It is exact for every distribution. Sizes are numbers of rows, or of entities."""
    from scipy.special import gammaln

    if outside == 0:
        return 1.0
    total = size_a + size_b
    logarithm = gammaln(size_b + 1) - gammaln(size_b - outside + 1) - gammaln(total + 1) + gammaln(total - outside + 1)
    return float(np.exp(min(0.0, logarithm)))
