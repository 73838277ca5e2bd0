"""The median stopping rule, which ends a trial early so that its epochs go to better ones."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

# Fewer curves give no useful median.
FEWEST = 3


def is_worse_than_median(losses: Sequence[float], known: Sequence[Sequence[float]]) -> bool:
    """Vizier's median rule (Golovin et al. 2017, section 3.2): whether the lowest of `losses` is above the median of
    the other trials' average losses (`known`) up to the same epoch."""
    epoch = len(losses)
    averages = [statistics.fmean(curve[:epoch]) for curve in known if len(curve) >= epoch]
    return len(averages) >= FEWEST and min(losses) > statistics.median(averages)
