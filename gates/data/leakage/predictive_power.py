"""The predictive power of a column, or of a derived one, alone.

All checks of target leakage use one statistic: the share of the errors of all other features that the suspect alone
avoids. An error is 1 - AUC (of one class against the rest) or, for a quantity, the unexplained variance of its rank
(1 - R2). An absolute AUC does not identify a leak: on honest tables one good measurement reaches 0.98. But there other
columns measure the same thing and reach nearly as much; a leak carries what nothing else carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gates.data import boosted
from gates.data.evidence import Data
from gates.data.leakage.bins import MOST_BINS, bins_of_codes, bins_of_numbers
from gates.data.leakage.ranking import ranking_error
from gates.data.target import target_of
from gates.statistics.intervals import auc
from gates.statistics.sampling import design_effect, drawn
from gates.tables.table import Codes, ColumnKind, Floats, Mask
from gates.verdict.catalogue import NotApplicable

ROWS = 20_000
# Below this rank correlation a difference is large enough to show in one of its members alone: with x and x + d,
# d of 0.6 sd gives AUC 0.66 and a correlation of 0.86.
ALIKE = 0.85
_FOLDS = 5
# A class of fewer rows than this, or this share of them, is not judged by itself.
_FEWEST_OF_A_CLASS, _LEAST_SHARE = 10, 0.01
# Of many classes those are judged that have at least half of an even share, and of these the most frequent: the cost
# is the features times these. All of them together are judged by a random half, which has rows enough to be certain.
_PART_OF_EVEN_SHARE, _MOST_JUDGED = 0.5, 50
# A copy of a label with many classes has as many values, and each needs a bin.
_BINS_A_CLASS, _MOST_BINS = 2, 4_096
# Rows of the overall mean added to each bin, so that small bins do not dominate.
_PRIOR = 2.0
# A copy of a quantity leaves at most a hundredth of its rank unexplained (noise of a tenth of its spread). An honest
# driver of a quantity reaches R2 0.98: a distance predicts the time in the air.
_LARGEST_UNEXPLAINED = 0.01
# Var(1 - R2) = (kurtosis - 1 + ...) (1 - R2)^2 / n; 5 bounds it for residuals with tails heavier than Laplace's.
_KURTOSIS = 5.0


RowCounts = tuple[int | None, int | None]
ALL: RowCounts = (None, None)


@dataclass(frozen=True, eq=False)
class PredictivePower:
    """Errors by class (one for two classes, or for a quantity), out of fold.

    `effects`: the design effect of rows of one entity by class; 1 without entities.
    """

    errors: Floats
    effects: Floats

    def alone(self, k: int) -> float:
        """AUC or R2."""
        return 1.0 - float(self.errors[k])


@dataclass(frozen=True, eq=False)
class PredictionProblem:
    """A sample of the rows with a label, and the label as one or several columns to predict."""

    data: Data
    rows: NDArray[np.intp]
    labels: Floats  # [rows, classes]: 0 or 1, or the rank (0 to 1) of a quantity
    names: tuple[str, ...]  # of the classes, "" for a random half of all; empty for a quantity
    fold: Codes
    groups: Codes | None  # entities

    @property
    def size(self) -> int:
        """Number of rows looked at."""
        return len(self.rows)

    @property
    def is_regression(self) -> bool:
        """Whether the label is a quantity."""
        return not self.names

    @property
    def statistic(self) -> str:
        """The name of the statistic: R2 or AUC."""
        return "R2" if self.is_regression else "AUC"

    def class_in_words(self, k: int) -> str:
        """The class that a column of `labels` stands for."""
        if not self.names[k]:
            return f"one half of the {len(target_of(self.data).classes):,} classes, drawn at random,"
        return f"class `{self.data.declared.called(self.names[k])}`"

    def power_of(self, bins: Codes) -> PredictivePower:
        """The power of the mean label of each bin over the other folds (target mean out of fold)."""
        count = int(bins.max(initial=0)) + 1
        cell = self.fold * count + bins
        sizes = np.bincount(cell, minlength=_FOLDS * count).reshape(_FOLDS, count)
        errors, effects = (np.ones(self.labels.shape[1]) for _ in range(2))
        for k, column in enumerate(self.labels.T):
            sums = np.bincount(cell, column, minlength=_FOLDS * count).reshape(_FOLDS, count)
            prior = _PRIOR * column.mean()
            means = ((sums.sum(0) - sums + prior) / (sizes.sum(0) - sizes + _PRIOR)).ravel()
            if self.is_regression:
                errors[k] = self.error(means[cell], k)
            else:
                errors[k] = ranking_error(means, sums.ravel(), (sizes - sums).ravel())
            if self.groups is not None:
                effects[k] = self._effect(means[cell], k)
        return PredictivePower(errors, effects)

    def error(self, scores: Floats, k: int, among: NDArray[np.intp] | slice = slice(None)) -> float:
        """1 - AUC, or 1 - R2; at most the error of a constant."""
        label = self.labels[among, k]
        if self.is_regression:
            spread = float(((label - label.mean()) ** 2).sum())
            return min(1.0, float(((label - scores) ** 2).sum()) / spread) if spread else 1.0
        distinct, place = np.unique(scores, return_inverse=True)
        positive = np.bincount(place, label, minlength=len(distinct))
        return ranking_error(distinct, positive, np.bincount(place, minlength=len(distinct)) - positive)

    def variance(self, error: float, k: int, effect: float = 1.0, rows: int | None = None) -> float:
        """The variance of an error: Hanley & McNeil's (1982) for an AUC, not 0 for a perfect one; rows weigh 1 /
        effect."""
        share = 1.0 if rows is None else rows / self.size
        if self.is_regression:
            return _KURTOSIS * error**2 * effect / (self.size * share)
        positive = float(self.labels[:, k].sum()) * share / effect
        negative = self.size * share / effect - positive
        area = 1.0 - max(error, 0.5 / (positive + negative))
        spread = (
            area * (1 - area)
            + (positive - 1) * (area / (2 - area) - area**2)
            + (negative - 1) * (2 * area**2 / (1 + area) - area**2)
        )
        return max(spread, area * (1 - area)) / (positive * negative)

    def _effect(self, scores: Floats, k: int) -> float:
        label = self.labels[:, k]
        assert self.groups is not None
        influence = (label - scores) ** 2 if self.is_regression else auc(label, scores).influence
        return max(1.0, design_effect(influence, self.groups))

    def p_below(
        self, power: PredictivePower, k: int, null: float, ratio: float = 0.0, other: float = 0.5, rows: RowCounts = ALL
    ) -> float:
        """p-value of the suspect's error being at least `null`, which may be `ratio` times another's measured error.

        A score test: its variance is that under the null hypothesis, so it is not 0 for a perfect suspect.
        `rows`: how many the suspect and the other were measured on, when not on all.
        """
        effect, error = float(power.effects[k]), float(power.errors[k])
        spread = self.variance(null, k, effect, rows[0]) + ratio**2 * self.variance(other, k, effect, rows[1])
        z = (null - error) / max(spread, 1e-300) ** 0.5
        if self.is_regression:
            least = self.variance(_LARGEST_UNEXPLAINED, k, effect, rows[0])
            z = min(z, (_LARGEST_UNEXPLAINED - error) / least**0.5)
        return float(stats.norm.sf(z))

    def share(self, power: PredictivePower, k: int, other: float) -> float:
        """Share of the others' errors that the suspect avoids; 0 when the suspect is worse."""
        if (self.is_regression and power.errors[k] > _LARGEST_UNEXPLAINED) or other <= 0:
            return 0.0
        return max(0.0, 1.0 - float(power.errors[k]) / other)


@lru_cache(maxsize=2)
def problem_of(data: Data) -> PredictionProblem:
    """The prediction problem on at most ROWS rows of train.

    Raises:
      NotApplicable: when there is nothing to learn.
    """
    target = target_of(data)
    rows = drawn(np.flatnonzero(target.present), ROWS, data.seed)
    names: tuple[str, ...] = ()
    if target.is_regression:
        labels = ((stats.rankdata(target.values[rows]) - 0.5) / len(rows))[:, None]
    else:
        counts = np.bincount(target.codes[rows], minlength=len(target.classes))
        share = min(_LEAST_SHARE, _PART_OF_EVEN_SHARE / len(target.classes))
        judged = np.flatnonzero(counts >= max(_FEWEST_OF_A_CLASS, share * len(rows)))
        judged = judged[counts[judged] <= len(rows) - _FEWEST_OF_A_CLASS]
        judged = np.sort(judged[np.argsort(-counts[judged], kind="stable")[:_MOST_JUDGED]])
        if len(target.classes) == 2:
            judged = judged[-1:]
        labels = (target.codes[rows][:, None] == judged[None, :]).astype(np.float64)
        names = tuple(target.classes[k] for k in judged)
        if len(target.classes) > _MOST_JUDGED:
            labels = np.column_stack([labels, _random_half(len(target.classes), data.seed)[target.codes[rows]]])
            names = (*names, "")
        if not names:
            raise NotApplicable(f"no class of `{target.name}` has {_FEWEST_OF_A_CLASS} rows and as many others")
    entity = data.declared.entity
    groups = None
    if entity is not None and data.train.has(entity):
        groups = np.unique(data.train.words([entity])[0][rows], return_inverse=True)[1].astype(np.int64)
    fold = boosted.folds_of(len(rows), groups, data.seed, _FOLDS)
    return PredictionProblem(data, rows, labels, names, fold, groups)


def _random_half(classes: int, seed: int) -> Floats:
    """1 for half of the classes, drawn at random. A copy of the label predicts them as well as single classes; a
    feature that follows an order of the classes, or only a few of them, does not."""
    return (np.random.default_rng(seed).permutation(classes) < classes // 2).astype(np.float64)


@lru_cache(maxsize=256)
def bins_of(data: Data, name: str) -> Codes:
    """A feature's bins on the problem's rows; for a text only whether it is missing."""
    table, rows = data.train, problem_of(data).rows
    if table.kinds[name] is ColumnKind.NUMBER:
        return bins_of_numbers(table.numbers(name)[rows], _bins_needed(data))
    if table.kinds[name] is ColumnKind.CATEGORY:
        return bins_of_codes(table.codes(name)[0][rows], _bins_needed(data))
    return table.missing(name)[rows].astype(np.int64)


def _bins_needed(data: Data) -> int:
    return max(MOST_BINS, min(_BINS_A_CLASS * len(target_of(data).classes), _MOST_BINS))


@lru_cache(maxsize=2)
def features_alone(data: Data) -> dict[str, PredictivePower]:
    """The power of each feature that is a number or a category."""
    problem = problem_of(data)
    names = data.features_of(ColumnKind.NUMBER, ColumnKind.CATEGORY)
    powers = {name: problem.power_of(bins_of(data, name)) for name in names}
    if not problem.is_regression:
        return powers
    return {name: _finer(data, name, problem, power) for name, power in powers.items()}


def _finer(data: Data, name: str, problem: PredictionProblem, power: PredictivePower) -> PredictivePower:
    """The power of fine numbers: bins leave their own width unexplained, neighbouring values leave less.

    The residual variance is that of second differences of the means of distinct values (Gasser, Sroka &
    Jennen-Steinmetz 1986), so that copies of rows do not explain each other, plus the variance within equal values.
    Missing values stay unexplained.
    """
    if data.train.kinds[name] is not ColumnKind.NUMBER:
        return power
    values, label = data.train.numbers(name)[problem.rows], problem.labels[:, 0]
    present = ~np.isnan(values)
    distinct, place, counts = np.unique(values[present], return_inverse=True, return_counts=True)
    if len(distinct) <= MOST_BINS:
        return power
    means = np.bincount(place, label[present]) / counts
    left = (means[1:-1] - (means[:-2] + means[2:]) / 2) ** 2 * 2 / 3
    between = float(np.average(left, weights=counts[1:-1]))
    within = float(((label[present] - means[place]) ** 2).mean())
    share = float(present.mean())
    error = (between + within) / float(label.var()) * share + 1 - share
    errors = np.minimum(power.errors, error)
    return PredictivePower(errors, power.effects)


def missing_mask(data: Data, name: str) -> Mask:
    """Rows of the problem without a value."""
    return data.train.missing(name)[problem_of(data).rows]
