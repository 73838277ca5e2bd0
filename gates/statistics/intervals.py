"""Metrics of a binary classifier with confidence intervals, vectorised over rows (more classes: class_metrics.py).

Every metric is a value and an influence vector: what each row contributes to the error of the value. Two models on the
same rows are compared by the difference of their vectors, so that shared errors cancel out. Where entities were drawn
and not rows, influences are summed by entity (clusters.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from gates.statistics.clusters import Drawn, Groups, summed

Floats = NDArray[np.float64]

# Keras clips probabilities here, so this loss equals the loss of training.
EPSILON = 1e-7
# The largest loss of one row: the model gave its true class no probability.
WORST_LOSS = -math.log(EPSILON)
# Predictions are 32-bit floats: rows within their rounding error are equal.
_ALIKE = 1e-6


@dataclass(frozen=True)
class Interval:
    """A value with its two-sided interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Measured:
    """A metric on some rows. `influence` has one entry a row and mean zero.

    `trials` is set for a proportion, `classes` (positive and negative rows) for an AUC, `ratio_scale` for what can be
    anything above 0 and nothing below it, `parts` for the mean of a figure of each class. `reach` goes with
    `ratio_scale`: the most that one row's influence can be, seen or not.
    """

    value: float
    influence: Floats
    trials: NDArray[np.bool_] | None = None
    classes: tuple[int, int] | None = None
    ratio_scale: bool = False
    reach: float = 0.0
    parts: Mapping[int, Measured] = field(default_factory=dict)

    @property
    def standard_error(self) -> float:
        """Of the value, from the spread of the influence."""
        return math.sqrt(float(self.influence @ self.influence)) / len(self.influence)


Metric = Callable[[NDArray[Any], Floats], Measured]


def proportion(hits: NDArray[np.bool_], trials: NDArray[np.bool_]) -> Measured:
    """Share of hits among the trials; undefined without any."""
    count = int(trials.sum())
    if count == 0:
        return undefined(len(trials))
    value = float((hits & trials).sum()) / count
    return Measured(value, np.where(trials, hits - value, 0.0) * len(trials) / count, trials=trials)


def undefined(rows: int) -> Measured:
    """The value of a metric that cannot be computed from these rows: NaN."""
    return Measured(math.nan, np.full(rows, math.nan))


def accuracy(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Share of rows on the right side of 0.5."""
    return proportion((predictions > 0.5) == (labels > 0.5), np.ones(len(labels), dtype=bool))


def precision(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Share of true positives among the rows predicted positive."""
    return proportion(labels > 0.5, predictions > 0.5)


def recall(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Share of the positive rows that are predicted positive."""
    return proportion(predictions > 0.5, labels > 0.5)


def loss(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Mean negative log-likelihood."""
    clipped = np.clip(predictions, EPSILON, 1 - EPSILON)
    each = -np.where(labels > 0.5, np.log(clipped), np.log1p(-clipped))
    return Measured(float(each.mean()), each - each.mean(), ratio_scale=True, reach=WORST_LOSS)


def calibration(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Sum of the predictions over the sum of the labels; 1 is right. Linearised ratio (delta method)."""
    positives = float(np.sum(labels))
    if positives == 0:
        return undefined(len(labels))
    value = float(np.sum(predictions)) / positives
    weight = len(labels) / positives
    # The largest error of one row: a prediction of 1 for a negative row, or of 0 for a positive one.
    reach = weight * max(1.0, value)
    return Measured(value, (predictions - value * labels) * weight, ratio_scale=True, reach=reach)


def auc(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Area under the ROC curve, ties counting half, with DeLong's structural components as influence.

    DeLong, DeLong & Clarke-Pearson (1988), by the mid-ranks of Sun & Xu (2014): O(n log n).
    """
    positive = labels > 0.5
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0:
        return undefined(len(labels))
    ranks = stats.rankdata(predictions)
    influence = np.empty(len(labels))
    influence[positive] = (ranks[positive] - stats.rankdata(predictions[positive])) / n_negative
    influence[~positive] = 1 - (ranks[~positive] - stats.rankdata(predictions[~positive])) / n_positive
    value = float(influence[positive].mean())
    rows = len(labels)
    influence = (influence - value) * np.where(positive, rows / n_positive, rows / n_negative)
    return Measured(value, influence, classes=(n_positive, n_negative))


METRICS: dict[str, Metric] = {
    "auc": auc,
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "loss": loss,
    "calibration": calibration,
}
LOWER_IS_BETTER = ("loss",)


def interval(measured: Measured, confidence: float, groups: Groups = None) -> Interval:
    """The two-sided interval: Wilson's for proportions, Newcombe's for AUC, Student's on the log scale for loss and
    calibration; for a mean over classes MOVER combines the intervals of the classes.

    The log scale never reaches 0 and follows the long right tail of a loss; an interval cut off at 0 would have an
    upper end that is too low. A single row has a value and no interval.

    `groups`: the entity of each row, where entities were drawn. Counts are then divided by the design effect of the
    influence, and Student's t has the entities' degrees of freedom.
    """
    value = measured.value
    if math.isnan(value):
        return Interval(value, math.nan, math.nan)
    drawn = Drawn.of(measured.influence, groups, measured.trials)
    z = drawn.quantile(confidence)
    if measured.trials is not None:
        return wilson(value, float(measured.trials.sum()) / drawn.effect, z)
    if measured.classes is not None:
        positive, negative = measured.classes
        return newcombe(value, positive / drawn.effect, negative / drawn.effect, z)
    if measured.parts:
        arms = [(part.influence, interval(part, confidence, groups)) for part in measured.parts.values()]
        return _mean_of(value, arms, groups)
    if not measured.ratio_scale:
        return Interval(value, value, value)  # a value by definition: the precision of a class that is never predicted
    arm = _arm_of_mean(measured.influence, measured.reach, confidence, drawn)
    if value >= 0 and _are_alike(measured.influence):
        # Linear: the arm is what unseen rows could add, and its exponential would exceed the worst possible loss.
        return Interval(value, value * value / (value + arm), value + arm)
    if value <= 0:
        return Interval(value, value - arm, value + arm)
    # An arm beyond a factor of e^50 means that nothing is known; the bounds must still be finite.
    factor = math.exp(min(arm / value, 50.0)) if math.isfinite(arm) else math.nan
    return Interval(value, value / factor, value * factor)


def change(new: Measured, old: Measured, confidence: float, groups: Groups = None) -> Interval:
    """`new` minus `old`, both measured on the same rows in the same order, with its paired interval.

    Proportions over the same trials use Bonett & Price (2012), which keeps its coverage when the two rarely differ.
    Proportions over different trials, such as the rows that each model predicts positive, use MOVER. AUC uses DeLong,
    but never a narrower interval than that of two perfect rankings, for which DeLong's spread is 0. Loss and
    calibration use Student's t of the rows' differences. A single row has a difference and no interval. `groups`: as in
    `interval`, of the differences.
    """
    difference = new.value - old.value
    if math.isnan(difference):
        return Interval(math.nan, math.nan, math.nan)
    rows = new.influence - old.influence
    if new.trials is not None and old.trials is not None and np.array_equal(new.trials, old.trials):
        return _bonett_price(new, old, Drawn.of(rows, groups, new.trials), confidence)
    if new.parts and new.parts.keys() == old.parts.keys():
        both = [(part, old.parts[code]) for code, part in new.parts.items()]
        differences = [
            (new_part.influence - old_part.influence, change(new_part, old_part, confidence, groups))
            for new_part, old_part in both
        ]
        return _mean_of(difference, differences, groups)
    if new.trials is not None or old.trials is not None or new.parts:
        return _mover(new, interval(new, confidence, groups), old, interval(old, confidence, groups), groups)
    drawn = Drawn.of(rows, groups)
    if new.classes is None:
        if abs(difference) <= _ALIKE and _are_alike(rows) and not _are_alike(new.influence):
            # The rows differ among themselves, but between the models only by rounding: both are the same model.
            return Interval(difference, difference, difference)
        spread = _arm_of_mean(rows, max(new.reach, old.reach), confidence, drawn) if new.ratio_scale else 0.0
        return Interval(difference, difference - spread, difference + spread)
    z = drawn.quantile(confidence)
    # Two equal models have no differences whose correlation within entities could be estimated; their scores have.
    effect = Drawn.of(new.influence, groups).effect
    positive, negative = new.classes
    perfect = newcombe(1.0, positive / effect, negative / effect, z)
    spread = max(z * math.sqrt(float(rows @ rows) * drawn.effect) / len(rows), 1 - perfect.lower)
    return Interval(difference, max(-1.0, difference - spread), min(1.0, difference + spread))


def newcombe(area: float, n_positive: float, n_negative: float, z: float) -> Interval:
    """Newcombe's method 5 for an AUC (Statistics in Medicine 25:559-573, 2006), which is defined at 0 and 1.

    Its variance depends on the AUC and the counts alone, so that a better ranking never has a lower interval. Where one
    class is rare and its scores spread much wider than the other's, a nominal 95 % interval covers about 88 %.
    """
    lower = _newcombe_lower(area, n_positive, n_negative, z)
    return Interval(area, lower, 1 - _newcombe_lower(1 - area, n_positive, n_negative, z))


def wilson(share: float, trials: float, z: float) -> Interval:
    """Wilson's score interval of a proportion (1927)."""
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    spread = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Interval(share, max(0.0, min(centre - spread, share)), min(1.0, max(centre + spread, share)))


def _arm_of_mean(influence: Floats, reach: float, confidence: float, drawn: Drawn) -> float:
    """The arm of a mean by Student's t (1908); NaN for a single row or entity, which shows no spread.

    Rows that are all equal have no spread. They use the rule of three (Hanley & Lippman-Hand, JAMA 249:1743-1745,
    1983): at 95 % up to about 3 in n rows may be of a kind that did not occur, each off by as much as `reach`.
    """
    if drawn.units < 2:
        return math.nan
    if _are_alike(influence):
        return reach * float(1 - (1 - confidence) ** (1 / drawn.units))
    rows = len(influence)
    error = math.sqrt(float(influence @ influence) * drawn.effect / (rows * (rows - 1)))
    return float(stats.t.ppf(0.5 + confidence / 2, drawn.units - 1)) * error


def _are_alike(influence: Floats) -> bool:
    return float(np.ptp(influence)) <= _ALIKE


def _newcombe_lower(area: float, m: float, n: float, z: float) -> float:
    """The AUC below `area` whose own standard error is the z-th part of its distance from `area`."""

    def beyond(theta: float) -> float:
        tied = ((1 - theta) / (2 - theta) + theta / (1 + theta)) * ((m + n) / 2 - 1)
        return area - theta - z * math.sqrt(theta * (1 - theta) / (m * n) * (1 + tied))

    # 1 itself is a second root of a perfect ranking.
    return float(optimize.brentq(beyond, 0.0, min(area, 1 - 1e-12), xtol=1e-13))


def _bonett_price(new: Measured, old: Measured, drawn: Drawn, confidence: float) -> Interval:
    z, trials = drawn.quantile(confidence), float(new.trials.sum()) if new.trials is not None else 0.0
    hit_difference = (new.influence - old.influence) * trials / len(new.influence) + (new.value - old.value)
    in_trials = hit_difference[new.trials]
    only_new, only_old = (float(part.sum()) / drawn.effect for part in (in_trials > 0.5, in_trials < -0.5))
    trials = trials / drawn.effect
    share_new, share_old = (only_new + 1) / (trials + 2), (only_old + 1) / (trials + 2)
    centre = share_new - share_old
    spread = z * math.sqrt(max(0.0, share_new + share_old - centre**2) / (trials + 2))
    value = new.value - old.value
    return Interval(value, max(-1.0, min(centre - spread, value)), min(1.0, max(centre + spread, value)))


def _mover(new: Measured, around_new: Interval, old: Measured, around_old: Interval, groups: Groups) -> Interval:
    """The interval of `new` minus `old` from the interval of each: MOVER, see `_mean_of`."""
    down = _arm([(new.influence, new.value - around_new.lower), (-old.influence, around_old.upper - old.value)], groups)
    up = _arm([(new.influence, around_new.upper - new.value), (-old.influence, old.value - around_old.lower)], groups)
    value = new.value - old.value
    return Interval(value, max(-1.0, value - down), min(1.0, value + up))


def _mean_of(value: float, parts: Collection[tuple[Floats, Interval]], groups: Groups) -> Interval:
    """The interval of a mean from the influence and the interval of each of its parts.

    MOVER (Zou & Donner, Statistics in Medicine 27:1693-1702, 2008) combines arms as standard errors combine, here by
    the correlation of the parts' influences. So a mean of perfect figures is no more certain than these are. Parts
    whose influences cancel out (all rows wrong in the same way) count as independent.
    """
    downs = [(influence, part.value - part.lower) for influence, part in parts]
    ups = [(influence, part.upper - part.value) for influence, part in parts]
    down, up = (max(_arm(arms, groups), math.hypot(*(arm for _, arm in arms))) for arms in (downs, ups))
    return Interval(value, max(-1.0, value - down / len(parts)), min(1.0, value + up / len(parts)))


def _arm(parts: Collection[tuple[Floats, float]], groups: Groups) -> float:
    """The arm of a sum, by the correlation of the parts' influences, summed by entity. Parts without influence have no
    known correlation and count as independent."""
    together: Floats | float = 0.0
    alone = 0.0
    for influence, arm in ((summed(influence, groups), arm) for influence, arm in parts):
        length = math.sqrt(float(influence @ influence))
        if length > 0:
            together = together + influence * (arm / length)
        else:
            alone += arm**2
    return math.sqrt(float(np.sum(np.square(together))) + alone)
