"""What is compared, as numbers in [0, 1] for each answer: failures, slow answers, scores.

What a value is measured by (when an answer is slow, the scale of a score) comes from earlier windows alone, so
that it cannot depend on the values that it measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from serving.watch.betting import Counts, Floats, paired_differences

_SLOW = 0.99
# Answers of the stable version before there is a scale for the others.
CALIBRATION = 200
# What is slow follows the load.
_RECENT = 2_000
# Scores that are not in [0, 1] are cut off where 1 in 200 of the stable version's lie beyond, on each side.
_CUT = 0.005
# A mean that moves by less than this part of the scale is no harm, however narrow the scores lie.
_LEAST_MARGIN = 0.005


@dataclass
class Differences:
    """The differences canary minus stable of one quantity, and how many answers were compared."""

    values: list[Floats] = field(default_factory=list)
    canary: int = 0
    stable: int = 0

    def add(self, canary: Floats, stable: Floats) -> None:
        """The values of one window; one in which a version has no answer is left out."""
        if len(canary) == 0 or len(stable) == 0:
            return
        self.values.append(paired_differences(canary, counts_of(canary), stable, counts_of(stable)))
        self.canary += len(canary)
        self.stable += len(stable)

    def together(self) -> Floats:
        """All differences so far, in order."""
        return np.concatenate(self.values) if self.values else np.empty(0)


@dataclass
class SlowEnd:
    """The latency in seconds beyond which an answer is slow: `slowdown` times the stable version's running p99."""

    slowdown: float
    _recent: Floats = field(default_factory=lambda: np.empty(0))

    def limit(self) -> float | None:
        """By the last 2,000 answers; None before there are 200."""
        return None if len(self._recent) < CALIBRATION else self.slowdown * float(np.quantile(self._recent, _SLOW))

    def learn(self, stable: Floats) -> None:
        """Takes the latencies of one window."""
        self._recent = np.concatenate([self._recent, stable])[-_RECENT:]


@dataclass(frozen=True)
class Scale:
    """Maps a score to [0, 1] and has its margin there; made once, from the first answers of the stable version."""

    low: float
    high: float
    margin: float

    @classmethod
    def of(cls, stable: Floats, margin_in_deviations: float) -> Scale:
        """From at least one finite score; the margin is given in standard deviations of the stable version."""
        low, high = 0.0, 1.0
        if float(stable.min()) < 0 or float(stable.max()) > 1:
            low, high = (float(each) for each in np.quantile(stable, [_CUT, 1 - _CUT]))
        high = max(high, low + 1e-9 * max(1.0, abs(low)))
        deviation = float(np.clip((stable - low) / (high - low), 0.0, 1.0).std())
        return cls(low, high, min(1.0, max(margin_in_deviations * deviation, _LEAST_MARGIN)))

    def apply(self, scores: Floats) -> Floats:
        """The scores on the scale from 0 to 1."""
        return np.clip((scores - self.low) / (self.high - self.low), 0.0, 1.0)


@dataclass
class Predictions:
    """The scores of both versions, a mean for each name."""

    margin_in_deviations: float
    scales: dict[str, Scale] = field(default_factory=dict)
    differences: dict[str, Differences] = field(default_factory=dict)
    _first: dict[str, Floats] = field(default_factory=dict)

    def add(self, canary: Mapping[str, Floats], stable: Mapping[str, Floats]) -> None:
        """The finite scores of one window by name; the first 200 of the stable version only make the scale."""
        for name, scores in stable.items():
            if name in self.scales:
                self.differences[name].add(
                    self.scales[name].apply(canary.get(name, np.empty(0))), self.scales[name].apply(scores)
                )
            else:
                self._first[name] = np.concatenate([self._first.get(name, np.empty(0)), scores])
                self.differences[name] = Differences()
        for name, scores in self._first.items():
            if name not in self.scales and len(scores) >= CALIBRATION:
                self.scales[name] = Scale.of(scores, self.margin_in_deviations)


def counts_of(values: Floats) -> Counts:
    """The count of one window, as `paired_differences` takes it."""
    return np.array([len(values)])
