"""How many rows would decide a comparison that these rows leave open: always more than there are."""

from __future__ import annotations

import math
from statistics import NormalDist

# More rows than this are no advice.
_MOST = 1_000_000_000


def rows_until_bound(value: float, bound: float, limit: float, rows: int, fixed: float | None = None) -> int | None:
    """Rows at which the bound of the same value would reach its limit; None when no number of them would, or when it
    does so now.

    The distance from the value to its bound goes by the root of 1/rows, and of 1/fixed + 1/rows where the other side of
    the comparison keeps its `fixed` rows.
    """
    arm, room = abs(bound - value), (limit - value) * math.copysign(1, bound - value)
    if not (rows > 0 and 0 < room < arm):
        return None
    held = 0.0 if fixed is None else 1 / fixed
    left = (room / arm) ** 2 * (held + 1 / rows) - held
    return None if left * _MOST <= 1 else max(rows + 1, math.ceil(1 / left))


def rows_until_certain(p_value: float, level: float, rows: int) -> int | None:
    """Rows at which the same effect would be certain at this level, as a normal statistic grows by the root of the
    rows; None when it is certain now, or points the other way."""
    if not (rows > 0 and level < p_value < 0.5):
        return None
    normal = NormalDist()
    needed = rows * (normal.inv_cdf(1 - level) / normal.inv_cdf(1 - p_value)) ** 2
    return max(rows + 1, math.ceil(needed)) if needed <= _MOST else None
