"""What counts as harm, and how sure a decision of the watch must be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WatchSettings:
    """What counts as harm, and how sure a decision must be."""

    failure_margin: float = 0.005
    """More failed requests than the stable version's, as a share of all, that are no harm."""
    slow_margin: float = 0.01
    """More slow answers than the stable version's, as a share of all, that are no harm."""
    slowdown: float = 1.25
    """An answer is slow when it takes longer than this many times the stable version's p99."""
    prediction_margin: float = 0.1
    """How far the mean of a score may move, in standard deviations of the stable version's scores."""
    false_rollback: float = 0.01
    """The chance that a canary without harm is ever rolled back, over all quantities and looks."""
    false_pass: float = 0.05
    """The chance that a canary with harm ever passes."""
    fewest_requests: int = 200
    """A canary that has answered fewer never passes."""
