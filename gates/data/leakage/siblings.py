"""Columns from one source as a suspect: they must not clear it, because they carry the same leak.

Honest tables measure one thing in several ways, too (carat, and the length of a diamond). The difference is the step:
a measurement that causes the label shades over from one class to the other, a consequence of the label changes at once
(an amount that is 0 without a card). Only a suspect with a step has siblings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gates.data.evidence import Data
from gates.data.leakage.bins import bins_of_codes, centred_ranks
from gates.data.leakage.partition import numbers_of
from gates.data.leakage.predictive_power import ALIKE, PredictivePower, problem_of
from gates.statistics.intervals import wilson
from gates.tables.table import ColumnKind, Floats, Mask

# Only columns that rank the label nearly perfectly are examined.
_LARGEST_ERROR = 0.03
# The rows beside the cut, on either side: a share of all, and no fewer than this.
_BESIDE, _FEWEST_BESIDE = 0.05, 30
_STEP = 0.5
_Z99 = 2.326
# A sibling is wrong in at least this share of the suspect's wrong rows, of which there are enough to compare.
_SHARED_ERRORS, _FEWEST_ERRORS = 0.5, 5
_FEWEST_OF_A_CLASS = 50
# Nearly all rows of a class have one value, where an amount exists in the other rows alone.
_ONE_VALUE = 0.995


@dataclass(frozen=True, eq=False)
class Cut:
    """The best single cut of a column, or the majority of its values: which rows it puts with the class."""

    side: Mask
    has_step: bool


def siblings(data: Data, name: str, powers: dict[str, PredictivePower]) -> frozenset[str]:
    """The columns that fail in the same rows as `name`, follow it within a class, or have a value in the same class
    alone, for any class that it nearly separates by a step."""
    problem, found = problem_of(data), set()
    if problem.is_regression:
        return frozenset()
    for k in np.flatnonzero(powers[name].errors <= _LARGEST_ERROR):
        cut = _cut(data, name, int(k))
        if not cut.has_step:
            continue
        near = [n for n, each in powers.items() if n != name and float(each.errors[k]) <= 2 * _LARGEST_ERROR]
        found |= {n for n in near if _fail_together(data, cut, n, int(k)) or _follows(data, name, n, int(k))}
        if _is_of_one_side(data, name, int(k)):
            found |= {n for n in near if _is_of_one_side(data, n, int(k))}
    return frozenset(found)


# Each pair of columns that nearly separate the class asks for both cuts again: a smaller cache would hold none of them.
@lru_cache(maxsize=2_048)
def _cut(data: Data, name: str, k: int) -> Cut:
    from sklearn.tree import DecisionTreeClassifier

    problem = problem_of(data)
    label = problem.labels[:, k] > 0.5
    if data.train.kinds[name] is ColumnKind.CATEGORY:
        codes = bins_of_codes(data.train.codes(name)[0][problem.rows])
        share = np.bincount(codes, label) / np.maximum(np.bincount(codes), 1)
        return Cut(share[codes] > 0.5, True)
    values = numbers_of(data, name)
    tree = DecisionTreeClassifier(max_leaf_nodes=2, random_state=0).fit(values[:, None], label)
    side = np.asarray(tree.predict(values[:, None]), dtype=bool)
    present = ~np.isnan(values)
    return Cut(side, _has_step(values[present].astype(np.float64), side[present], label[present]))


def _has_step(values: Floats, side: Mask, label: Mask) -> bool:
    """Whether the class's share changes at once between the rows just below the cut and those just above it."""
    if side.all() or not side.any():
        return True  # the cut lies between missing and present values
    above = values > (values[side].min() if values[side].min() > values[~side].min() else values[~side].min()) - 0.5
    most = max(_FEWEST_BESIDE, int(_BESIDE * len(values)))
    intervals = []
    for part, sign in ((~above, -1.0), (above, 1.0)):
        distance, hits = sign * values[part], label[part]
        near = distance <= np.partition(distance, min(most, len(distance)) - 1)[min(most, len(distance)) - 1]
        share = float(hits[near].mean())
        intervals.append((share, wilson(share, int(near.sum()), _Z99)))
    (low, of_low), (high, of_high) = sorted(intervals, key=lambda each: each[0])
    # The lower bound of a difference of shares: Newcombe 1998, method 10.
    return high - low - float(np.hypot(high - of_high.lower, of_low.upper - low)) >= _STEP


def _fail_together(data: Data, cut: Cut, other: str, k: int) -> bool:
    label = problem_of(data).labels[:, k] > 0.5
    wrong, other_wrong = cut.side != label, _cut(data, other, k).side != label
    return bool(wrong.sum() >= _FEWEST_ERRORS and other_wrong[wrong].mean() >= _SHARED_ERRORS)


# As with the cuts, each pair of columns asks for both again.
@lru_cache(maxsize=2_048)
def _is_of_one_side(data: Data, name: str, k: int) -> bool:
    """Whether a number varies within the class alone, or outside of it alone: an amount that is 0 without a card."""
    if data.train.kinds[name] is ColumnKind.CATEGORY:
        return False
    label, values = problem_of(data).labels[:, k] > 0.5, numbers_of(data, name)
    for inside in (label, ~label):
        _, counts = np.unique(values[inside], return_counts=True)
        if counts.max(initial=0) >= _ONE_VALUE * inside.sum():
            return True
    return False


def _follows(data: Data, name: str, other: str, k: int) -> bool:
    """Whether the two are strongly correlated within one of the classes."""
    if ColumnKind.CATEGORY in (data.train.kinds[name], data.train.kinds[other]):
        return False
    label = problem_of(data).labels[:, k] > 0.5
    first, second = numbers_of(data, name), numbers_of(data, other)
    for inside in (label, ~label):
        if inside.sum() < _FEWEST_OF_A_CLASS:
            continue
        ranks = [centred_ranks(each[inside].astype(np.float64)) for each in (first, second)]
        spread = float(np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1])))
        if spread > 0 and abs(float(ranks[0] @ ranks[1])) / spread >= ALIKE:
            return True
    return False
