"""The distance of a column's location and spread from 0 and 1, and the probability of so small a distance.

The derivation: docs/statistics.md, Scaling constants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gates.data.contamination.between import written_step
from gates.tables.table import Floats


@dataclass(frozen=True)
class Scale:
    """The distance of some rows of a column from a location of 0 and a spread of 1."""

    distance: float  # the larger of both
    chance: float  # the probability to be so near to both, when the population has exactly 0 and 1

    @classmethod
    def standard(cls, values: Floats) -> Scale:
        """Mean and standard deviation (of population or sample, whichever is nearer to 1)."""
        n, mean = len(values), float(values.mean())
        centred = values - mean
        variance = float((centred**2).mean())
        if variance <= 0:
            return cls(math.inf, 1.0)
        away = min(abs(math.sqrt(variance) - 1), abs(math.sqrt(variance * n / (n - 1)) - 1))
        skew = float((centred**3).mean()) / variance**1.5
        kurtosis = float((centred**4).mean()) / variance**2
        # Mean and deviation of a skewed column are correlated, so both are near at once more often.
        together = math.sqrt(max(1e-6, 1 - skew**2 / max(kurtosis - 1, 1e-6)))
        error = math.sqrt(max(kurtosis - 1, 1e-6)) / 2 * math.sqrt(variance / n)
        chance = _within(abs(mean), math.sqrt(variance / n)) * _within(away, error) / together
        return cls(max(abs(mean), away), min(1.0, chance))

    @classmethod
    def robust(cls, values: Floats) -> Scale:
        """Median and interquartile range."""
        n = len(values)
        low, median, high = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
        away = abs(high - low - 1)
        # Standard errors of order statistics, with the density around each quantile from a tenth of the rows.
        gaps = np.diff(np.quantile(values, [0.2, 0.3, 0.45, 0.55, 0.7, 0.8]))[::2] / 0.1
        at_low, at_middle, at_high = (float(gap) / math.sqrt(n) for gap in gaps)
        error = math.sqrt(max(0.0, (3 * at_low**2 + 3 * at_high**2 - 2 * at_low * at_high) / 16))
        if min(at_low, at_middle, at_high) <= 0:
            return cls(math.inf, 1.0)
        # Quantiles of values that were written with few digits have as few: 0 and 1 are then nothing rare.
        rounded = written_step(values) / 2
        chance = _within(abs(median) + rounded, at_middle / 2) * _within(away + rounded, error)
        return cls(max(abs(median), away), chance)


def _within(distance: float, error: float) -> float:
    """Probability that a normal error is that small."""
    return math.erf(distance / error / math.sqrt(2)) if error > 0 else 1.0
