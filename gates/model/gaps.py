"""The difference of a metric between two splits, and its certainty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.model.certainty import FEWEST_ROWS, Area, area_gap_p, share_gap_p, share_gap_upper
from gates.model.evidence import Predicted
from gates.tables.table import Codes


@dataclass(frozen=True)
class Gap:
    """One metric on two splits; `value` is positive where the second is worse."""

    metric: str
    before: float
    after: float
    value: float
    upper: float  # one-sided, 99 %
    p_drop: float
    p_rise: float
    rows: tuple[int, int]

    def text(self, first: str, second: str) -> str:
        """The gap in words, without the full stop."""
        n, m = self.rows
        change = f"{abs(self.value) * 100:.1f} points {'worse' if self.value > 0 else 'better'}"
        bound = f"at {'most' if self.upper > 0 else 'least'} {abs(self.upper) * 100:.1f} points "
        bound += "worse" if self.upper > 0 else "better"
        return (
            f"{self.metric} is {self.before:.3f} on {first} ({n:,} rows) and {self.after:.3f} on {second} "
            f"({m:,} rows): {change}, {bound} with 99 % confidence"
        )


def accuracy_gap(before: Predicted, after: Predicted) -> Gap:
    """The gap of the share of right answers."""
    hits = [each.answers == each.labels for each in (before, after)]
    return _share_gap("Accuracy", hits[0], hits[1], before.groups, after.groups)


def class_gap(before: Predicted, after: Predicted, code: int) -> Gap | None:
    """The gap of the recall of one class; None where it has too few rows."""
    a, b = (each.only(each.labels == code) for each in (before, after))
    if min(a.rows, b.rows) < FEWEST_ROWS:
        return None
    return _share_gap("Recall", a.answers == code, b.answers == code, a.groups, b.groups)


def _share_gap(
    metric: str, a: NDArray[np.bool_], b: NDArray[np.bool_], groups_a: Codes | None, groups_b: Codes | None
) -> Gap:
    before, after = float(a.mean()), float(b.mean())
    return Gap(
        metric,
        before,
        after,
        before - after,
        share_gap_upper(a, b, groups_a, groups_b),
        share_gap_p(a, b, groups_a, groups_b),
        share_gap_p(b, a, groups_b, groups_a),
        (len(a), len(b)),
    )


def area_gap(before: Area, after: Area) -> Gap:
    """The gap of AUC, which depends neither on the threshold nor on the class shares."""
    gap = before.value - after.value
    upper = gap + math.hypot(before.bounds()[1] - before.value, after.value - after.bounds()[0])
    p_drop, p_rise = area_gap_p(before, after), area_gap_p(after, before)
    return Gap("AUC", before.value, after.value, gap, upper, p_drop, p_rise, (sum(before.sides), sum(after.sides)))


def residual_gap(before: Predicted, after: Predicted) -> Gap:
    """The probability that an error on one split exceeds one on the other: ranks, so that heavy tails do not
    dominate."""
    from gates.statistics.intervals import auc

    errors = np.concatenate([np.abs(each.labels - each.scores) for each in (before, after)])
    side = np.concatenate([np.zeros(before.rows, int), np.ones(after.rows, int)])
    groups = None
    if before.groups is not None and after.groups is not None:
        _, groups = np.unique(np.concatenate([before.groups, after.groups]), return_inverse=True)
        groups = groups + side * (groups.max() + 1)
    found = auc(side, errors)
    area = Area(found.value, found.influence, (before.rows, after.rows), groups)
    even = Area(0.5, np.zeros(area.influence.size), area.sides)
    p_drop, p_rise = _above_even(area, even), _above_even(even, area)
    upper = area.bounds()[1] - 0.5
    rows = (before.rows, after.rows)
    return Gap("Share of pairs whose error is larger", 0.5, area.value, area.value - 0.5, upper, p_drop, p_rise, rows)


def _above_even(high: Area, low: Area) -> float:
    from scipy import stats

    error = max(high.error, low.error, high.error_at(0.5))
    return float(stats.norm.sf((high.value - low.value) / max(error, 1e-12)))
