"""The position of a value along an axis, in per cent of its length, and the round values to label."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class AxisScale:
    """A linear axis from `low` to `high`."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float], floor: float = -math.inf, ceiling: float = math.inf) -> AxisScale:
        """An axis that holds every finite value with a margin, within the possible range of the quantity."""
        finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        air = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
        return cls(max(floor, low - air), min(ceiling, high + air))

    def at(self, value: float) -> float:
        """Position in per cent, kept within the axis."""
        width = self.high - self.low
        portion = (value - self.low) / width if width > 0 else 0.5
        return round(100 * min(1.0, max(0.0, portion)), 2)

    def ticks(self, about: int = 4) -> list[float]:
        """Round values within the axis, roughly `about` of them."""
        width = self.high - self.low
        if width <= 0:
            return [self.low]
        raw = width / about
        magnitude = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 10) for index in range(first, last + 1)]
