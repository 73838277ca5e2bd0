"""Columns that repeat others: copies of the label, functions of a suspect, correlated columns."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from gates.data.evidence import Data
from gates.data.leakage.bins import centred_ranks
from gates.data.leakage.predictive_power import ALIKE, problem_of
from gates.statistics.intervals import wilson
from gates.tables.table import Codes, ColumnKind

# A column that is a function of the suspect in this share of rows adds nothing to the suspect.
_FUNCTION = 0.98
_INVERSIONS = 0.001
_COPY = 0.99
_FEWEST_COPIED = 50
_Z99 = 2.326


def are_alike(data: Data, first: str, second: str) -> bool:
    """Whether two number columns are strongly correlated, by Spearman's rank correlation."""
    if ColumnKind.CATEGORY in (data.train.kinds[first], data.train.kinds[second]):
        return False
    ranks = [centred_ranks(data.train.numbers(name)[problem_of(data).rows]) for name in (first, second)]
    spread = float(np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1])))
    return spread > 0 and abs(float(ranks[0] @ ranks[1])) / spread >= ALIKE


def is_function_of(data: Data, name: str, of: str) -> bool:
    """Whether `name` is a function of `of`: by the most frequent value for each value, or by ranks for fine numbers."""
    rows = problem_of(data).rows
    codes, of_codes = (np.unique(data.train.words([each])[0][rows], return_inverse=True)[1] for each in (name, of))
    counts = np.bincount(of_codes)
    repeated = counts[of_codes] > 1
    if repeated.mean() > 0.5 and counts.max() * 10 >= len(rows) / 6.4:
        return _lambda(codes[repeated], of_codes[repeated]) >= _FUNCTION
    if data.train.kinds[name] is not ColumnKind.NUMBER or data.train.kinds[of] is not ColumnKind.NUMBER:
        return False
    values, of_values = data.train.numbers(name)[rows], data.train.numbers(of)[rows]
    both = np.isfinite(values) & np.isfinite(of_values)
    if both.mean() < _FUNCTION * np.isfinite(of_values).mean() or both.sum() < _FEWEST_COPIED:
        return False
    steps = np.diff(values[both][np.lexsort((values[both], of_values[both]))])
    return bool(min((steps < 0).mean(), (steps > 0).mean()) <= _INVERSIONS and (steps != 0).any())


def _lambda(values: Codes, given: Codes) -> float:
    """Goodman & Kruskal's lambda (1954): share of the errors of guessing `values` that `given` avoids."""
    width = int(values.max()) + 1
    cells, counts = np.unique(given * width + values, return_counts=True)
    best = np.zeros(int(given.max()) + 1)
    np.maximum.at(best, cells // width, counts)
    mode = np.bincount(values).max()
    return 0.0 if mode == len(values) else float((best.sum() - mode) / (len(values) - mode))


@lru_cache(maxsize=1024)
def copies_label(data: Data, name: str) -> bool:
    """Whether the column is the label with other values: as many values as classes, one to one, certainly in 99 % of
    the rows, or in all of at least 50."""
    problem = problem_of(data)
    if problem.is_regression or data.train.kinds[name] not in (ColumnKind.NUMBER, ColumnKind.CATEGORY):
        return False
    label = data.train.words([data.label or ""])[0][problem.rows]
    values = data.train.words([name])[0][problem.rows]
    value_codes, label_codes = np.unique(values, return_inverse=True)[1], np.unique(label, return_inverse=True)[1]
    classes = int(label_codes.max()) + 1
    if int(value_codes.max()) + 1 != classes or problem.size < _FEWEST_COPIED:
        return False
    # Pairs that occur, and not a table of classes x classes: of 5,000 classes it would have 25 million cells.
    cells, counts = np.unique(value_codes * classes + label_codes, return_counts=True)
    most = np.zeros(classes, np.int64)
    np.maximum.at(most, cells // classes, counts)
    usual = cells[counts == most[cells // classes]]
    usual = usual[np.unique(usual // classes, return_index=True)[1]]
    if len(np.unique(usual % classes)) < classes or most.min() < 2:
        return False
    agree = int(most.sum())
    rare = problem.size - int(np.bincount(label_codes).max())
    # The column's errors are few also relative to the rows outside the largest class.
    near = (
        wilson(agree / problem.size, problem.size, _Z99).lower >= _COPY and problem.size - agree <= (1 - _COPY) * rare
    )
    return agree == problem.size or near
