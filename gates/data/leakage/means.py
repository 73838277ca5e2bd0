"""Means of the label by level: the values of an encoding over some rows, and the probability that an honest score
equals them. The derivation: docs/statistics.md, Encodings of the label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.tables.table import Codes, Floats, Mask

_RELATIVE = 1e-6
_LARGEST = 8
_SHIFTS = 20


@dataclass(frozen=True, eq=False)
class Means:
    """Sum and count of the labels of each level over some tables."""

    sums: Floats
    counts: Floats
    total: tuple[float, float]  # sum and count over all levels, also those that were left out

    @property
    def mean(self) -> float:
        """The mean label over all levels."""
        return self.total[0] / max(self.total[1], 1)

    def of(self, levels: NDArray[np.intp]) -> Means:
        """Some levels."""
        return Means(self.sums[levels], self.counts[levels], self.total)

    def encoded(self, smoothing: float | Floats, prior: float) -> Floats:
        """(sum + k * prior) / (n + k), the m-estimate (Micci-Barreca 2001); the mean itself when k = 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.sums + smoothing * prior) / (self.counts + smoothing)


@dataclass(frozen=True, eq=False)
class LabelPool:
    """Rows that an encoding may have been fitted on, with known and with unknown labels."""

    name: str
    known: Means
    unlabelled: Floats
    with_train: bool = True

    @property
    def rows(self) -> Floats:
        """Rows of each level."""
        return self.known.counts + self.unlabelled


@dataclass(frozen=True, eq=False)
class Scatter:
    """The distribution of labels: standard deviation, step between values, share of the likeliest, whether whole."""

    spread: float
    step: float
    likeliest: float
    whole: bool
    binary: bool

    @classmethod
    def of(cls, labels: Floats) -> Scatter:
        """From all labels that are known."""
        distinct, counts = np.unique(labels, return_counts=True)
        spread = float(labels.std())
        # The steps of quantities are so small that sums never coincide; a ten-thousandth of the deviation suffices.
        step = max(float(np.diff(distinct).min()), 1e-4 * spread)
        whole = bool((distinct == np.floor(distinct)).all())
        likeliest = float(counts.max() / len(labels))
        return cls(spread, step, likeliest, whole, set(distinct) == {0.0, 1.0})

    def likeliest_sum(self, known: Means, counts: Floats) -> Floats:
        """The probability of the likeliest sum of a level's held-out labels, by the normal density at its peak."""
        variance = np.full(len(counts), self.spread**2)
        if self.binary:
            share = (known.sums + 1) / (known.counts + 2)
            variance = np.minimum(variance, np.maximum(share * (1 - share), 1e-9))
        peak = self.step / np.sqrt(2 * np.pi * np.maximum(counts, 1) * variance)
        single = np.maximum(self.likeliest, 1 - variance) if self.whole else self.likeliest
        return np.minimum(np.maximum(peak, self.likeliest if not self.whole else 0), np.minimum(single, 0.95))


def sum_of(each: Sequence[Means]) -> Means:
    """Over all rows of several tables."""
    total = (sum(m.total[0] for m in each), sum(m.total[1] for m in each))
    return Means(np.sum([m.sums for m in each], axis=0), np.sum([m.counts for m in each], axis=0), total)


def held(
    value: Floats,
    train: Means,
    other: Means,
    pool: LabelPool,
    tolerance: float,
    scatter: Scatter,
    smoothing: float,
    prior: float,
) -> tuple[Mask, int, Floats, Floats]:
    """The levels whose value is the pool's mean, the number of decisive levels, the chance of each, and the means."""
    rows = pool.rows
    likeliest = scatter.likeliest_sum(pool.known, other.counts)
    # With one row a level, the mean over the held-out table is the label.
    usable = (other.counts >= (2 if pool.known is other else 1)) & np.isfinite(value)
    if pool.with_train:
        usable &= train.counts > 0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        honest = train.encoded(smoothing, train.mean if smoothing else 0.0)
        if pool.unlabelled.any():
            # The sum of the unknown labels must be a whole number, at most their number of rows.
            lacking = value * (rows + smoothing) - smoothing * prior - pool.known.sums
            whole = np.abs(lacking - np.round(lacking)) <= tolerance * rows
            within = (lacking > -0.5) & (lacking < pool.unlabelled + 0.5) & (tolerance * rows < 0.05)
            decisive = usable & ~(np.abs(value - honest) <= 2 * tolerance)
            hits = decisive & whole & within
            chance = np.minimum(likeliest * (1 + pool.unlabelled), 1)
            chance *= _whole_by_chance(value, rows, tolerance, smoothing, prior)
            return hits, int(decisive.sum()), _without_anchors(chance, hits, smoothing), value
        merged = _merged(value, rows, pool.known.sums, smoothing, prior)
        mean = pool.known.encoded(smoothing * merged, prior)
        # A correct encoding holds train's mean; where both means coincide, only the held-out labels are decisive.
        correct = np.abs(mean - honest) <= 2 * tolerance
        decisive = usable if pool.known is other else usable & ~correct
        hits = decisive & (np.abs(value - mean) <= tolerance) & (rows % merged == 0)
        # The number of possible sums of labels within the tolerance, whatever the score.
        chance = likeliest * (np.floor(2 * tolerance * rows / scatter.step) + 1)
        if scatter.whole:
            by_chance = _whole_by_chance(value, rows, tolerance, smoothing * merged, prior)
            if smoothing:
                near = 2 * tolerance * rows / (smoothing * np.maximum(np.abs(value - prior), 1e-12))
                by_chance = np.where(merged > 1, np.maximum(by_chance, near), by_chance)
            chance *= np.where(correct, 1, np.minimum(by_chance, 1))
            chance = _without_anchors(chance, hits, smoothing)
        return hits, int(decisive.sum()), chance, mean


def _merged(value: Floats, rows: Floats, sums: Floats, smoothing: float, prior: float) -> Floats:
    """The number of levels that share the value: each was smoothed by itself, so the weight counts as often."""
    if not smoothing:
        return np.ones(len(value))
    times = np.round((sums - value * rows) / (smoothing * (value - prior)))
    return np.clip(np.nan_to_num(times, nan=1, posinf=1, neginf=1), 1, np.maximum(rows, 1))


def _without_anchors(chance: Floats, hits: Mask, smoothing: float) -> Floats:
    """The chances without the two levels from which the weight and the prior were solved."""
    if smoothing:
        chance[np.flatnonzero(hits)[np.argsort(chance[hits], kind="stable")[:2]]] = 1
    return chance


def _whole_by_chance(value: Floats, rows: Floats, tolerance: float, smoothing: float | Floats, prior: float) -> Floats:
    """How often value * n is a whole number for other n near the rows of the level: half the time for 0.5, hardly ever
    for 57 / 494. Where it is rare, a whole number at this n shows the origin of the value."""
    shifts = np.setdiff1d(np.arange(-_SHIFTS, _SHIFTS + 1), [0])[None, :]
    nearby = rows[:, None] + shifts
    weight = np.broadcast_to(smoothing, value.shape)[:, None]
    with np.errstate(invalid="ignore"):
        product = value[:, None] * (nearby + weight) - weight * prior
        whole = (np.abs(product - np.round(product)) <= tolerance * np.abs(nearby)) & (nearby > 0)
    return (whole.sum(axis=1) + 1) / ((nearby > 0).sum(axis=1) + 1)


def smoothings(value: Floats, pooled: Means) -> Iterator[tuple[float, float]]:
    """Weights and priors that explain two of the largest levels: sum - v * n = k * v - k * prior, a line in v."""
    places = np.argsort(-np.where(np.isnan(value), 0, pooled.counts), kind="stable")[:_LARGEST]
    rest = pooled.sums - value * pooled.counts
    for i, first in enumerate(places):
        for second in places[i + 1 :]:
            if value[first] != value[second]:
                slope = float((rest[first] - rest[second]) / (value[first] - value[second]))
                if slope > _RELATIVE and np.isfinite(slope):
                    yield slope, float(value[first] - rest[first] / slope)


def log_chance(chance: Floats, levels: int) -> float:
    """Log of the chance that honest values hit so many of all levels (Boole's bound over the choices of levels)."""
    from scipy.special import gammaln

    hits = len(chance)
    choices = gammaln(levels + 1) - gammaln(hits + 1) - gammaln(levels - hits + 1)
    return float(np.log(np.minimum(chance, 1)).sum() + choices)


def means_of(codes: Codes, labels: Floats, count: int) -> Means:
    """Over the rows of one table that have a label."""
    known = ~np.isnan(labels)
    sums = np.bincount(codes[known], labels[known], minlength=count).astype(np.float64)
    counts = np.bincount(codes[known], minlength=count).astype(np.float64)
    return Means(sums, counts, (float(sums.sum()), float(counts.sum())))


def usual_smoothings(value: Floats, pool: LabelPool) -> Iterator[tuple[float, float]]:
    """Usual smoothing weights, with the overall mean as the prior."""
    mean = pool.known.mean
    for weight in (1.0, 5.0, 10.0, 20.0, 50.0, 100.0):
        if not pool.unlabelled.any():
            yield weight, mean
            continue
        # The overall mean is uncertain, but it contributes the same fraction of a row to every level.
        largest = int(np.argmax(np.where(np.isfinite(value), pool.rows, 0)))
        total = float(value[largest] * (pool.rows[largest] + weight))
        yield weight, (total - round(total - weight * mean)) / weight
