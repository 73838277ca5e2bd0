"""Labels that are a cut of two columns together: one score above the other, a ratio beyond a limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

from gates.data.evidence import Data
from gates.data.leakage.partition import partition_by_cuts, ranks_of
from gates.data.leakage.predictive_power import features_alone, problem_of
from gates.tables.table import Floats

# Of many columns the strongest: a column that decides with another one tells something alone, unless it hardly varies.
_MOST_COLUMNS, _SCREENED = 24, 1_000
_MOST_CLASSES, _MOST_EXAMINED = 4, 4
# What is a cut on all rows ranks a sample of them at least so well.
_AUC = 0.98
_FORMS = ("difference", "sum", "ratio", "product")


class Deciding(NamedTuple):
    """Two columns of which a form decides the label, its values, and how many forms were tried."""

    first: str
    second: str
    form: str
    values: Floats
    tried: int


def deciding(data: Data, names: list[str], numbers: Mapping[str, Floats]) -> list[Deciding]:
    """Of the strongest columns, the pairs of which a form decides the label by a few cuts.

    O(sample x pairs): a matrix product ranks all pairs of a sample, and the best few are cut on all rows.
    """
    problem, powers = problem_of(data), features_alone(data)
    if problem.is_regression or len(names) < 2:
        return []
    strongest = sorted(names, key=lambda name: (float(powers[name].errors.min()), name))[:_MOST_COLUMNS]
    strongest = sorted(strongest, key=names.index)
    rows = np.random.default_rng(data.seed).permutation(problem.size)[:_SCREENED]
    sample = np.column_stack([numbers[name][rows] for name in strongest])
    labels = problem.labels[rows, :_MOST_CLASSES]
    candidates = []
    for i in range(len(strongest) - 1):
        for form, values in _forms(sample[:, [i]], sample[:, i + 1 :]).items():
            best = _ranking(values, labels)
            candidates += [(float(best[j]), i, i + 1 + j, form) for j in np.flatnonzero(best >= _AUC)]
    tried = len(_FORMS) * len(strongest) * (len(strongest) - 1) // 2
    found = []
    for _, i, j, form in sorted(candidates, key=lambda each: (-each[0], each[1:]))[:_MOST_EXAMINED]:
        first, second = strongest[i], strongest[j]
        values = _forms(numbers[first], numbers[second])[form]
        if partition_by_cuts(data, ranks_of(values)) is not None:
            found.append(Deciding(first, second, form, values, tried))
    return found


def _forms(first: Floats, second: Floats) -> dict[str, Floats]:
    with np.errstate(all="ignore"):
        computed = (first - second, first + second, first / second, first * second)
    return {form: np.where(np.isfinite(values), values, np.nan) for form, values in zip(_FORMS, computed, strict=True)}


def _ranking(values: Floats, labels: Floats) -> Floats:
    """How well each column of values ranks a class, in either direction: the AUC of the best class; missing values come
    first."""
    ranks = stats.rankdata(np.nan_to_num(values, nan=-np.inf, neginf=-np.inf), axis=0)
    positive = labels.sum(axis=0)
    pairs = np.maximum(positive * (len(labels) - positive), 1)
    area = (ranks.T @ labels - positive * (positive + 1) / 2) / pairs
    return np.asarray(np.maximum(area, 1 - area).max(axis=1), dtype=np.float64)
