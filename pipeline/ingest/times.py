"""The cuts of a split by time: an order-independent summary of a time column in bounded memory, and its cuts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gates.tables.times import Floats as Floats
from gates.tables.times import instants as instants

_MOST = 200_000  # distinct instants that are kept apart


@dataclass(frozen=True)
class TimeCounts:
    """The number of rows at each instant, in ascending order. Too many instants are grouped by dropping `shift` low
    bits; a group keeps its latest instant, so the order of merging does not matter."""

    latest: Floats
    counts: npt.NDArray[np.int64]
    shift: int = 0

    @classmethod
    def of(cls, moments: Floats) -> TimeCounts:
        """The counts of some rows; rows without an instant do not count."""
        latest, counts = np.unique(moments[np.isfinite(moments)], return_counts=True)
        return cls(latest, counts.astype(np.int64))._bounded()

    def merged(self, other: TimeCounts) -> TimeCounts:
        """The counts of both."""
        both = np.concatenate([self.latest, other.latest])
        counts = np.concatenate([self.counts, other.counts])
        order = np.argsort(both, kind="stable")
        return TimeCounts(both[order], counts[order], max(self.shift, other.shift))._grouped()._bounded()

    def _bounded(self) -> TimeCounts:
        kept = self
        while len(kept.latest) > _MOST:
            kept = TimeCounts(kept.latest, kept.counts, kept.shift + 1)._grouped()
        return kept

    def _grouped(self) -> TimeCounts:
        if not len(self.latest):
            return self
        group = _ordered_bits(self.latest) >> self.shift
        last = np.append(np.flatnonzero(np.diff(group)), len(group) - 1)
        total = np.diff(np.concatenate([[0], np.cumsum(self.counts)[last]]))
        return TimeCounts(self.latest[last], total.astype(np.int64), self.shift)


def _ordered_bits(moments: Floats) -> npt.NDArray[np.int64]:
    """Integers in the order of the floats."""
    bits = (moments + 0.0).view(np.int64)  # + 0.0 turns -0.0 into 0.0
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def cut_points(times: TimeCounts, weights: tuple[float, ...]) -> tuple[float, ...]:
    """The last instant of each split but the last one; rows of one instant stay in one split."""
    seen = np.cumsum(times.counts)
    shares = np.cumsum(weights)[:-1] / sum(weights)
    return tuple(float(times.latest[int(np.argmin(np.abs(seen - share * seen[-1])))]) for share in shares)
