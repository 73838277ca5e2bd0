"""Columns of two sides in one coding of few values, on a sample: ranges for numbers, frequent values for categories.

The borders of ranges lie midway between values that occur, so a value that was rounded to float32 keeps its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gates.data.skew.comparison import TableComparison
from gates.data.skew.windows import RowNumbers
from gates.statistics.distances import slack
from gates.tables.table import MISSING_CODE, Codes, ColumnKind, Floats, Table, joint_categories

ROWS = 20_000
_RANGES = 128
_MOST_CATEGORIES = 200
_IDENTIFIER = 0.5


@dataclass(frozen=True, eq=False)
class Coded:
    """One column: codes of the sampled rows of both sides, `MISSING_CODE` where missing."""

    name: str
    train: Codes
    other: Codes
    count: int
    is_ordered: bool


@dataclass(frozen=True, eq=False)
class CodedPair:
    """All comparable columns, and the sampled rows."""

    rows: tuple[RowNumbers, RowNumbers]
    columns: dict[str, Coded]


@lru_cache(maxsize=8)
def coded(pair: TableComparison) -> CodedPair:
    """At most 20,000 rows a side. Identifiers, and columns without a value on one side, are left out."""
    rows = pair.sampled(ROWS)
    found = [_numbers(pair, name, rows) for name in pair.numbers()]
    found += [each for name in pair.categories() if (each := _categories(pair, name, rows)) is not None]
    return CodedPair(rows, {each.name: each for each in found})


def _numbers(pair: TableComparison, name: str, rows: tuple[RowNumbers, RowNumbers]) -> Coded:
    # From the pooled rows of both sides: ranges around one side's values would identify that side.
    both = [table.numbers(name)[picked] for table, picked in zip(_tables(pair), rows, strict=True)]
    pooled = np.sort(np.concatenate(both))
    pooled = pooled[: int(np.searchsorted(pooled, np.nan))]
    at = np.rint(np.linspace(0, 1, _RANGES + 1) * (len(pooled) - 1)).astype(int)
    edges = np.unique(_between(pooled, np.unique(pooled[at]))) if len(pooled) else pooled
    train, other = (_ranges(values, edges) for values in both)
    return Coded(name, train, other, len(edges) + 1, True)


def _between(ordered: Floats, marks: Floats) -> Floats:
    """Midway between each mark and the next larger value that is another one, and the next smaller one."""
    above = np.searchsorted(ordered, marks + 2 * slack(marks), side="right")
    below = np.searchsorted(ordered, marks - 2 * slack(marks), side="left") - 1
    higher = above[above < len(ordered)], marks[above < len(ordered)]
    lower = below[below >= 0], marks[below >= 0]
    with np.errstate(invalid="ignore"):
        cuts = np.concatenate([(ordered[higher[0]] + higher[1]) / 2, (ordered[lower[0]] + lower[1]) / 2])
    return cuts[np.isfinite(cuts)]


def _ranges(values: Floats, edges: Floats) -> Codes:
    return np.where(np.isnan(values), MISSING_CODE, np.searchsorted(edges, values)).astype(np.int64)


def _tables(pair: TableComparison) -> tuple[Table, Table]:
    return pair.train, pair.other


def _categories(pair: TableComparison, name: str, rows: tuple[RowNumbers, RowNumbers]) -> Coded | None:
    (train, other), names = joint_categories(list(_tables(pair)), name)
    counts = np.bincount(train[train >= 0], minlength=len(names))
    if (counts > 0).sum() > _IDENTIFIER * counts.sum():
        return None
    train, other = train[rows[0]], other[rows[1]]
    # From the pooled rows of both sides, as the ranges.
    shares = sum(np.bincount(side[side >= 0], minlength=len(names)) for side in (train, other))
    place = np.full(len(names) + 1, _MOST_CATEGORIES - 1)
    kept = np.argsort(-np.asarray(shares), kind="stable")[: _MOST_CATEGORIES - 1]
    place[kept] = np.arange(len(kept))
    place[-1] = MISSING_CODE
    return Coded(name, place[train], place[other], min(len(names), _MOST_CATEGORIES), False)


def is_whole(pair: TableComparison, name: str) -> bool:
    """Whether a number column holds whole numbers alone."""
    if pair.train.kinds[name] is not ColumnKind.NUMBER:
        return False
    sides = [pair.sorted(table, name) for table in _tables(pair)]
    return all(
        len(side) > 0 and np.isfinite(side[[0, -1]]).all() and bool((side == np.rint(side)).all()) for side in sides
    )
