"""Train beside one other table: the comparable columns, the effective rows, and the meaning of a distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial

import numpy as np

from core.text import p_value_text
from gates.data.boosted import sample_of
from gates.data.evidence import Data
from gates.data.skew.calendar_columns import follows_calendar, seconds_of
from gates.data.skew.windows import RowNumbers, is_clock, past_limit, windows_of
from gates.data.units import Unit, ordered_values
from gates.statistics.distances import Distance
from gates.statistics.sample_size import rows_until_bound
from gates.statistics.sampling import drawn, effective_rows, transferred
from gates.tables.table import Codes, ColumnKind, Floats, Mask, Table
from gates.verdict.finding import Chart, Severity
from gates.verdict.measurement import Measurement

# A sample suffices to estimate the correlation within entities.
_ROWS_FOR_EFFECT = 5_000
# An effect beyond its margin with a larger p-value of its own is no warning: small samples have many of them.
_CERTAIN_ALONE = 0.01
_NOTHING = "Nothing to do."
# A table is sound when an effect of twice the margin can be excluded; one of exactly the margin never can.
_SOUND = 2.0
_HARDLY_ANY = 0.05
# Between two long spans honest drift adds up beyond what one window shows.
_ADDED_UP = 2.0


@dataclass(frozen=True, eq=False)
class TableComparison:
    """Train beside `other`. `column`: the entity or time column of the split, and whether it was declared."""

    data: Data
    other: Table
    unit: Unit
    column: str | None
    is_declared: bool
    _sorted: dict[tuple[str, str], Floats] = field(default_factory=dict, repr=False)

    @property
    def train(self) -> Table:
        """The reference."""
        return self.data.train

    def features(self, *kinds: ColumnKind) -> list[str]:
        """Columns to compare: without the column of the split, and without clocks when the split is by time."""
        return [name for name in self.data.comparable(self.other, *kinds) if not self.leaves_out(name)]

    def leaves_out(self, name: str) -> bool:
        """Whether the split itself makes this column differ."""
        return name == self.column or name in self._clocks or name in self.calendar

    def numbers(self) -> list[str]:
        """Columns of quantities with a value on both sides."""
        return [name for name in self.features(ColumnKind.NUMBER) if name not in self.data.declared.categorical]

    def categories(self) -> list[str]:
        """Columns of names with a value on both sides."""
        named = [name for name in self.features(ColumnKind.NUMBER) if name in self.data.declared.categorical]
        return self.features(ColumnKind.CATEGORY) + named

    def sorted(self, table: Table, name: str) -> Floats:
        """A number column's values in ascending order, without missing ones."""
        key = (table.name, name)
        if key not in self._sorted:
            values = np.sort(table.numbers(name))  # NaN last
            self._sorted[key] = values[: int(np.searchsorted(values, np.nan))]
        return self._sorted[key]

    def effective_rows(self, scores_a: Floats, scores_b: Floats, rows_a: Mask, rows_b: Mask) -> tuple[float, float]:
        """Effective rows of the two sides for a comparison of these scores on these rows."""
        if self.groups is None:
            return float(len(scores_a)), float(len(scores_b))
        groups = self.groups[0][rows_a], self.groups[1][rows_b]
        picked = [self._picked(len(scores)) for scores in (scores_a, scores_b)]
        few = [scores[rows].astype(np.float64) for scores, rows in zip((scores_a, scores_b), picked, strict=True)]
        fewer = groups[0][picked[0]], groups[1][picked[1]]
        found = effective_rows(few[0], few[1], fewer)
        whole = [transferred(len(few[i]) / found[i], fewer[i], groups[i]) for i in range(2)]
        return max(1.0, len(groups[0]) / whole[0]), max(1.0, len(groups[1]) / whole[1])

    def entity_p(self, scores_a: Floats | Mask, scores_b: Floats | Mask, rows_a: Mask, rows_b: Mask) -> float:
        """The p-value of these scores with entities as units: rank sum of the entities' means (Wilcoxon 1945), never
        below the smallest that so few entities allow. 0 when rows were drawn.

        A value of one large entity differs in many rows, but only in one entity.
        """
        if self.groups is None:
            return 0.0
        from scipy.special import gammaln, ndtr
        from scipy.stats import rankdata

        means = [
            _means(scores, groups)
            for scores, groups in ((scores_a, self.groups[0][rows_a]), (scores_b, self.groups[1][rows_b]))
        ]
        a, b = (len(side) for side in means)
        ranks = rankdata(np.concatenate(means))
        ranks = ranks - ranks.mean()
        variance = a * b / ((a + b) * max(a + b - 1, 1)) * float((ranks**2).sum())
        if variance == 0:
            return 1.0
        fewest = float(np.exp(gammaln(a + 1) + gammaln(b + 1) - gammaln(a + b + 1)))
        return min(1.0, 2 * max(fewest, float(ndtr(-abs(ranks[a:].sum()) / np.sqrt(variance)))))

    def _picked(self, rows: int) -> RowNumbers:
        return drawn(np.arange(rows), _ROWS_FOR_EFFECT, self.data.seed)

    @cached_property
    def groups(self) -> tuple[Codes, Codes] | None:
        """Codes of the two sides' rows by what was drawn as a whole: entities, or contents."""
        return self.data.groups(self.other)

    @cached_property
    def _times(self) -> Floats | None:
        if self.unit is not Unit.TIME or self.column is None:
            return None
        return ordered_values([self.train, self.other], self.column)[0]

    @cached_property
    def windows(self) -> tuple[RowNumbers, ...]:
        """Row numbers of train by past window; empty when the split is not by time, or train is too short."""
        return () if self._times is None else windows_of(self._times, self.other.rows, self.data.seed)

    @cached_property
    def _clocks(self) -> frozenset[str]:
        if self._times is None or not self.windows:
            return frozenset()
        numbers = {n: self.train.numbers(n) for n in self.data.comparable(self.other, ColumnKind.NUMBER)}
        texts = {n: seconds_of(self.train, n) for n in self.data.comparable(self.other, ColumnKind.CATEGORY)}
        values = {**numbers, **{n: each for n, each in texts.items() if each is not None}}
        return frozenset(n for n, each in values.items() if is_clock(each, self._times, self.windows))

    @cached_property
    def calendar(self) -> tuple[str, ...]:
        """Columns that differ because the time does: parts of the calendar, and other times in words."""
        if self._times is None or self.column is None:
            return ()
        apart, time = {self.column, *self._clocks}, self.column
        kinds = (ColumnKind.NUMBER, ColumnKind.CATEGORY)
        names = [name for name in self.data.comparable(self.other, *kinds) if name not in apart]
        return tuple(name for name in names if follows_calendar(self.train, self.other, name, time))

    def sampled(self, at_most: int) -> tuple[RowNumbers, RowNumbers]:
        """Row numbers of both sides for costly checks."""
        return sample_of(self.train, at_most, self.data.seed), sample_of(self.other, at_most, self.data.seed)

    def measured(
        self,
        column: str,
        statistic: str,
        distance: Distance,
        margin: float,
        *,
        text: str,
        remedy: str,
        where: str = "",
        n: int | None = None,
        effective_rows: float | None = None,
        by_entity: float = 0.0,
        in_windows: Callable[[RowNumbers, RowNumbers], float] | None = None,
        looks: int = 24,
        chart: Callable[[], Chart] | None = None,
        bounded: bool = True,
        changes_with_time: bool = False,
    ) -> Measurement:
        """One measurement with its certainty. `text` describes the difference; `in_windows` is the same distance
        between two sets of train's rows, computed only when the distance matters and the split is by time."""
        rows = self.other.rows if n is None else n
        distance = distance._replace(p_value=max(distance.p_value, by_entity))
        suspect = distance.effect > margin and distance.p_value <= _CERTAIN_ALONE
        limit, at_most, notes = margin, Severity.BLOCK, ""
        if self.unit is Unit.TIME:
            # Tariffs, days and associations change honestly and suddenly in time, so past windows give no limit for
            # them (`changes_with_time`). A later serving log is refused by the checks of single columns.
            if self.other.name != "serving" or not self.windows or changes_with_time:
                at_most = Severity.WARN
            if suspect and self.windows and in_windows is not None:
                limit = max(margin, _ADDED_UP * past_limit(self.windows, in_windows, looks))
                notes = f"; windows of train by {self.column} make {limit:.3g} plausible"
            elif suspect:
                notes = f"; train is too short by {self.column} to measure what is usual between two spans of time"
        if self.groups is not None and effective_rows is not None:
            why = f"the split is by {self.column}" if self.unit is Unit.ENTITY else "equal rows are on one side"
            notes = f", {effective_rows:,.0f} effective ones because {why}"
        beyond = suspect and distance.effect > limit
        certain = f"margin {margin:.3g}, {rows:,} rows{notes}, {p_value_text(distance.p_value)} by itself"
        # A column that few rows fill leaves no doubt about the table.
        is_bounded = bounded and self.unit is Unit.ROW and rows >= _HARDLY_ANY * self.other.rows
        alike = f"`{column}` in {self.other.name}{where} is like train"
        return Measurement(
            subject=f"{column} in {self.other.name}{where}",
            column=column if self.train.has(column) else None,
            table=self.other.name,
            statistic=statistic,
            value=distance.effect,
            margin=limit if np.isfinite(limit) else 1.0,
            n=rows,
            reason=f"{text if suspect else alike} ({statistic} {distance.effect:.3g}, {certain}).",
            remedy=remedy if beyond else _NOTHING,
            p_value=distance.p_value,
            upper=distance.upper if is_bounded else None,
            sound_below=_SOUND * margin,
            beyond=beyond,
            at_most=at_most,
            rows_to_decide=rows_until_bound(distance.effect, distance.upper, _SOUND * margin, rows, self.train.rows)
            if is_bounded and not beyond
            else None,
            chart=chart() if beyond and chart is not None else None,
        )


def _means(scores: Floats | Mask, groups: Codes) -> Floats:
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(np.bincount(codes, scores.astype(np.float64)) / sizes, dtype=np.float64)


@lru_cache(maxsize=2)
def comparisons(data: Data) -> tuple[TableComparison, ...]:
    """Train beside every other table with rows; they share the cache of sorted columns."""
    of = partial(TableComparison, data, _sorted={})
    found = [other for other in data.others.values() if other.rows and data.train.rows]
    return tuple(of(each, data.unit(each), data.unit_column(each), data.is_unit_declared(each)) for each in found)
