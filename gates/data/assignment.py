"""Rows with equal content on both sides of a split, and their number under a random assignment of the same rows.

The derivation: docs/statistics.md, Random assignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gates.tables.cell_text import cell_texts
from gates.tables.table import Codes, ColumnKind, Floats, Table, joint_codes
from gates.verdict.finding import RowSample

_CERTAINTY = 0.99
_CERTAIN_SPREADS = 2.326  # of a normal, one-sided
_SHOWN_ROWS = 5
_SHOWN_COLUMNS = 10
_SHOWN_LETTERS = 40
_LOOKED_AT = 1_000
# Values of t for the Chernoff bound: each gives a valid bound, the best gives the tightest.
_TILTS = np.geomspace(1e-4, 20.0, 400)


@dataclass(frozen=True)
class RandomAssignment:
    """The rows of each distinct content in train and in the other table.

    The null: the pooled rows, with all the repetition that they have, were assigned at random. Then a content of c rows
    has b ~ Binomial(c, f) of them in the other table, given that their sum is its number of rows, and
    h = b - c * [b = c] of those have an equal in train. Natural duplicates, few-column tables and rows that were
    copied before the assignment all follow it; rows that were copied across do not.
    """

    train_rows: Codes  # rows of train by content
    other_rows: Codes  # rows of the other table by content
    other_content: Codes  # the content of each row of the other table

    @classmethod
    def of(cls, train: Table, other: Table, names: Sequence[str]) -> RandomAssignment:
        """By the content of these columns."""
        a, b = joint_codes([train, other], list(names))
        count = int(max(a.max(initial=-1), b.max(initial=-1))) + 1
        return cls(np.bincount(a, minlength=count), np.bincount(b, minlength=count), b)

    @property
    def is_shared(self) -> NDArray[np.bool_]:
        """Rows of the other table that have an equal in train."""
        return self.train_rows[self.other_content] > 0

    @cached_property
    def hits(self) -> int:
        """Number of rows of the other table that have an equal in train."""
        return int(self.other_rows[self.train_rows > 0].sum())

    @cached_property
    def repeats(self) -> int:
        """Rows of train that repeat another row of train."""
        return int(np.maximum(self.train_rows - 1, 0).sum())

    @property
    def _share(self) -> float:
        return float(self.other_rows.sum() / (self.other_rows.sum() + self.train_rows.sum()))

    @cached_property
    def _sizes(self) -> tuple[Floats, Floats]:
        """Numbers of rows that a content has, and how many contents have each number."""
        sizes, counts = np.unique(self.train_rows + self.other_rows, return_counts=True)
        return sizes.astype(np.float64), counts.astype(np.float64)

    @cached_property
    def _moments(self) -> tuple[float, float, float]:
        """Mean and variance of the hits under the null, and their regression on the rows assigned to the other
        table."""
        (c, groups), f = self._sizes, self._share
        all_assigned = f**c
        mean_b = c * f
        mean_h = mean_b - c * all_assigned
        square_b = c * f * (1 - f) + mean_b**2
        square_h = square_b - c**2 * all_assigned
        spread_b = float((groups * (square_b - mean_b**2)).sum())
        spread_h = float((groups * (square_h - mean_h**2)).sum())
        both = float((groups * (square_h - mean_h * mean_b)).sum())
        slope = both / spread_b if spread_b > 0 else 0.0
        return float((groups * mean_h).sum()), max(0.0, spread_h - slope * both), slope

    @property
    def expected(self) -> float:
        """Hits that a random assignment makes on average."""
        return self._moments[0]

    @property
    def spread(self) -> float:
        """Standard deviation of the hits under a random assignment."""
        return float(np.sqrt(self._moments[1]))

    @property
    def upper(self) -> float:
        """99 % upper bound of the share of hits beyond a random assignment: Clopper-Pearson plus the null's spread."""
        from scipy.special import betaincinv

        rows = len(self.other_content)
        if self.expected >= rows - 0.5:
            return 0.0
        hits = max(0.0, self.hits - self.expected)
        top = 1.0 if hits >= rows else float(betaincinv(hits + 1, rows - hits, _CERTAINTY))
        return top + _CERTAIN_SPREADS * self.spread / rows

    @cached_property
    def p_value(self) -> float:
        """Chernoff's bound of the probability of as many hits or more under a random assignment.

        The number of assigned rows is held fixed by regression: h - slope * (b - c f) has the sum of h.
        """
        if self.hits <= self.expected:
            return 1.0
        (c, groups), f, slope = self._sizes, self._share, self._moments[2]
        tilt = _TILTS[:, None]
        one = np.log1p(f * np.expm1(-tilt * slope))
        grown = tilt * (1 - slope)
        any_assigned = c * np.logaddexp(np.log1p(-f), np.log(f) + grown)
        all_assigned = c * (np.log(f) + grown)
        none_left = c * np.log(f) - tilt * slope * c
        with np.errstate(divide="ignore"):
            several = np.logaddexp(
                any_assigned + np.log1p(-np.exp(np.minimum(all_assigned - any_assigned, 0.0))), none_left
            )
        of_content = np.where(c == 1, one, several) + tilt * slope * c * f
        return float(np.exp(min(0.0, float(((of_content * groups).sum(axis=1) - _TILTS * self.hits).min()))))


def shared_columns(train: Table, other: Table) -> list[str]:
    """Columns that both tables hold, features or not: together they identify a row."""
    return [name for name in train.columns if other.has(name)]


def without_row_numbers(tables: Sequence[Table], names: Sequence[str]) -> list[str]:
    """The columns without those that only number the rows: a copy with a new number is still a copy.

    A column numbers the rows when it holds whole numbers or strings and none occurs twice in any of the tables.
    """
    return [name for name in names if not all(_numbers_rows(table, name) for table in tables)]


def _numbers_rows(table: Table, name: str) -> bool:
    if table.rows < 2 or table.kinds[name] not in (ColumnKind.NUMBER, ColumnKind.CATEGORY):
        return False
    low = table.words([name])[1]
    # In most columns a value repeats within the first rows.
    if len(np.unique(low[:_LOOKED_AT])) < min(table.rows, _LOOKED_AT) or table.missing(name).any():
        return False
    if table.kinds[name] is ColumnKind.NUMBER:
        values = table.numbers(name)
        # A continuous measurement rarely repeats either, but it distinguishes rows.
        if not np.isfinite(values).all() or (values != np.floor(values)).any():
            return False
    return len(np.unique(low)) == table.rows


def row_sample(table: Table, rows: NDArray[np.intp], caption: str, names: Sequence[str] | None = None) -> RowSample:
    """A few rows as text."""
    shown = [name for name in names or table.columns if table.kinds[name] is not ColumnKind.IMAGE][:_SHOWN_COLUMNS]
    few = table.arrow.select(shown).take(rows[:_SHOWN_ROWS].astype(np.int64))
    columns = [map(_shortened, cell_texts(column)) for column in few.columns]
    return RowSample(caption, tuple(shown), tuple(zip(*columns, strict=True)))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_LETTERS else text[: _SHOWN_LETTERS - 1] + "…"
