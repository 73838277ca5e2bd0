"""Labels that are a cut, or a partition, of one column: near-perfect separation, whatever other columns reach."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gates.data.evidence import Data
from gates.data.leakage.predictive_power import PredictionProblem, features_alone, problem_of
from gates.data.target import target_of
from gates.tables.table import Codes, ColumnKind, Floats, Mask

# The share of rows on the right side that makes a column the label, at this one-sided confidence (Clopper & Pearson
# 1934): 460 rows without an error reach it.
RIGHT = 0.995
_CONFIDENCE = 0.90
# Errors are few also relative to the rows outside the largest class: a rare class is not missed unseen.
_WRONG_OF_RARE = 0.05
_FEWEST_RARE = 20
# Beyond this mean error (1 - AUC) no column has 99.5 % of the rows on the right side.
_SCREENED = 0.03
# A cut needs two leaves, a band three, missing values one more; each further class one.
_LEAVES = 4
_MOST_CLASSES = 12
_SMALLEST_LEAF = 3


@dataclass(frozen=True)
class Partition:
    """How many rows (entities, where these were drawn) one column puts on the right side, out of fold."""

    units: int
    wrong: int
    lower: float  # of the share on the right side

    @property
    def sentence(self) -> str:
        """The figures in words."""
        right = self.units - self.wrong
        return f"{right:,} of {self.units:,} ({right / self.units:.2%}, at least {self.lower:.1%} with 90 % confidence)"


@lru_cache(maxsize=1024)
def partition_of(data: Data, name: str) -> Partition | None:
    """The partition of the label by a feature that is a number or a category; None when it is none.

    A number by a tree of at most four leaves (one more for each class beyond two), a category by its values.
    """
    problem = problem_of(data)
    if problem.is_regression:
        return None
    if data.train.kinds[name] is ColumnKind.CATEGORY:
        return partition_by(data, data.train.codes(name)[0][problem.rows])
    if float(features_alone(data)[name].errors.mean()) > _SCREENED:
        return None
    return partition_by_cuts(data, numbers_of(data, name))


def partition_by_cuts(data: Data, values: NDArray[np.float32]) -> Partition | None:
    """The partition of a label of classes by a few cuts of these values of the problem's rows."""
    problem, labels = problem_of(data), labels_of(data)
    classes = len(np.unique(labels))
    if classes > _MOST_CLASSES:
        return None
    return _judged(problem, labels, _by_cuts(values, labels, problem, _LEAVES + classes - 2))


def partition_of_mask(data: Data, mask: Mask) -> Partition | None:
    """The partition of the label, or of one class and the others, by whether a column has a value: that is no scale,
    of which an honest one may separate a class."""
    problem, values = problem_of(data), mask.astype(np.int64)
    if problem.is_regression:
        return None
    labels = labels_of(data)
    counts = np.bincount(values * (labels.max() + 1) + labels, minlength=2 * (labels.max() + 1)).reshape(2, -1)
    # Rows of each class with the rarer sign, and the others without it.
    signs = counts if counts[1].sum() <= counts[0].sum() else counts[::-1]
    off = signs[1].sum() - signs[1] + signs[0]
    classes = np.flatnonzero(off <= (1 - RIGHT) * len(labels))
    sides = [labels, *((labels == k).astype(np.int64) for k in classes)]
    found = (_judged(problem, side, _by_values(values, side, problem.fold)) for side in sides)
    return next((each for each in found if each is not None), None)


def partition_by(data: Data, values: Codes) -> Partition | None:
    """The partition of a label of classes by these codes of the problem's rows; None when it is none."""
    problem, labels = problem_of(data), labels_of(data)
    return _judged(problem, labels, _by_values(values, labels, problem.fold))


def labels_of(data: Data) -> Codes:
    """The class of each of the problem's rows."""
    return target_of(data).codes[problem_of(data).rows]


def _judged(problem: PredictionProblem, labels: Codes, answers: Codes) -> Partition | None:
    is_wrong = answers != labels
    rare = len(labels) - int(np.bincount(labels).max())
    if rare < _FEWEST_RARE or is_wrong.sum() > _WRONG_OF_RARE * rare:
        return None
    return certainly_right(problem, is_wrong)


def certainly_right(problem: PredictionProblem, is_wrong: Mask, least: float = RIGHT) -> Partition | None:
    """Answers for the problem's rows, of which these are wrong; None where fewer than this share are certainly
    right."""
    units, wrong = len(is_wrong), int(is_wrong.sum())
    if problem.groups is not None:
        units, wrong = len(np.unique(problem.groups)), len(np.unique(problem.groups[is_wrong]))
    lower = float(stats.beta.ppf(1 - _CONFIDENCE, units - wrong, wrong + 1)) if wrong < units else 0.0
    return Partition(units, wrong, lower) if lower >= least else None


def _by_values(values: Codes, labels: Codes, fold: Codes) -> Codes:
    """The most frequent label of each value in the other folds; values that these lack have no answer."""
    values, width = values - values.min(initial=0), int(labels.max()) + 1
    answers = np.full(len(labels), -1, np.int64)
    for number in np.unique(fold):
        inside = fold != number
        cells, counts = np.unique(values[inside] * width + labels[inside], return_counts=True)
        ordered = np.argsort(counts, kind="stable")
        best = np.full(int(values.max(initial=0)) + 1, -1, np.int64)
        best[cells[ordered] // width] = cells[ordered] % width
        answers[~inside] = best[values[~inside]]
    return answers


def _by_cuts(values: NDArray[np.float32], labels: Codes, problem: PredictionProblem, leaves: int) -> Codes:
    from sklearn.tree import DecisionTreeClassifier

    values = values[:, None]
    answers = np.full(len(labels), -1, np.int64)
    for number in np.unique(problem.fold):
        inside = problem.fold != number
        tree = DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=_SMALLEST_LEAF, random_state=0)
        answers[~inside] = tree.fit(values[inside], labels[inside]).predict(values[~inside])
    return answers


def numbers_of(data: Data, name: str) -> NDArray[np.float32]:
    """A number column on the problem's rows as ranks, which keep cuts between any two values; NaN where missing."""
    return ranks_of(data.train.numbers(name)[problem_of(data).rows])


def ranks_of(values: Floats) -> NDArray[np.float32]:
    """Dense ranks; NaN where missing."""
    present = ~np.isnan(values)
    ranks = np.full(len(values), np.nan, np.float32)
    ranks[present] = np.unique(values[present], return_inverse=True)[1]
    return ranks
