"""When a trial is so poor that its remaining epochs are better spent on another."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

# Fewer curves have no median worth the name.
FEWEST = 3


def is_worse_than_median(losses: Sequence[float], known: Sequence[Sequence[float]]) -> bool:
    """Vizier's median rule (Golovin et al. 2017, section 3.2): after its last epoch so far, the lowest of `losses` is
    above the median of what the `known` curves of other trials had on average up to that epoch."""
    epoch = len(losses)
    averages = [statistics.fmean(curve[:epoch]) for curve in known if len(curve) >= epoch]
    return len(averages) >= FEWEST and min(losses) > statistics.median(averages)
