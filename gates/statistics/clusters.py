"""Influence where entities were drawn, not rows: rows of one entity resemble each other, so their errors add up.

The derivation: docs/statistics.md, Intervals of metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Groups = NDArray[Any] | None
"""The entity of each row; None where rows were drawn."""


def summed(influence: NDArray[np.float64], groups: Groups) -> NDArray[np.float64]:
    """The influence of each entity: the sum over its rows. That of each row where rows were drawn."""
    if groups is None:
        return influence
    _, codes = np.unique(groups, return_inverse=True)
    return np.bincount(codes.reshape(-1), influence).astype(np.float64)


@dataclass(frozen=True)
class Drawn:
    """What was drawn, and how much wider an error is than that of independent rows."""

    units: float  # effective entities, or rows
    effect: float  # the variance over that of independent rows, at least 1
    by_entity: bool

    @classmethod
    def of(cls, influence: NDArray[np.float64], groups: Groups, counted: NDArray[np.bool_] | None = None) -> Drawn:
        """The units behind the rows of `counted` (None: all), with the design effect of their influence.

        The cluster-robust variance (Liang & Zeger 1986) is the sum of squares of the entities' sums, times
        G / (G - 1) for G entities. Entities of different sizes count as the number of equal ones of the same spread of
        sizes, (sum of sizes)² / sum of squared sizes (Carter, Schnepel & Steigerwald 2017, for equal correlation).
        Where the influence is 0 everywhere, or one entity has most rows, nothing shows how alike an entity's rows are:
        an entity then counts as one row.
        """
        rows = len(influence) if counted is None else int(counted.sum())
        if groups is None:
            return cls(rows, 1.0, by_entity=False)
        sizes = np.unique(groups if counted is None else groups[counted], return_counts=True)[1].astype(np.float64)
        units = float(sizes.sum() ** 2 / (sizes @ sizes)) if rows else 0.0
        total = float(influence @ influence)
        if units < 2 or total <= 0:
            return cls(units, rows / max(units, 1.0), by_entity=True)
        sums = summed(influence, groups)
        return cls(units, max(1.0, float(sums @ sums) / total * units / (units - 1)), by_entity=True)

    def quantile(self, confidence: float) -> float:
        """The two-sided quantile of the normal distribution; of Student's with the entities' freedom, at least 1."""
        from scipy import stats

        if self.by_entity and self.units > 1:
            return float(stats.t.ppf(0.5 + confidence / 2, max(self.units - 1, 1.0)))
        return float(stats.norm.ppf(0.5 + confidence / 2))
