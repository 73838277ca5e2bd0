"""One cause, one finding: what a faulty column makes other checks find stands in the finding of that column.

The checks are measured again without the column, and where its known values come in other proportions on rows of train
in the same proportions. What they no longer find followed from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from core.text import listed, plural, shortened
from gates.data.evidence import Data
from gates.data.skew.calendar_columns import follows_calendar, seconds_of
from gates.data.units import Unit
from gates.tables.table import Codes, ColumnKind, Table, joint_codes
from gates.verdict.catalogue import Gate, NotApplicable, checks
from gates.verdict.finding import Finding, Severity
from gates.verdict.judge import margin_of
from gates.verdict.rule import decide
from gates.verdict.settings import GateSettings

# They judge a column by its own values, so that another one is not at fault.
_OF_VALUES = (
    "schema_domain",
    "new_categories",
    "single_values",
    "value_range",
    "numeric_distribution",
    "categorical_distribution",
    "granularity",
)
_OF_ONE_COLUMN = frozenset({"schema_types", "nulls", *_OF_VALUES})
# They judge columns by others.
_OF_SEVERAL = ("joint_distribution", "association", "slice_distribution")
_SEVERITIES = (Severity.BLOCK, Severity.WARN)
_SHOWN = 4
# Rows of train can be drawn in the proportions of a column of so few values, all but a hundredth known to train.
_MOST_VALUES, _KNOWN, _FEWEST_ROWS = 100, 0.99, 200
# Each draw measures the checks again: for the gravest alone, and for none where so many columns differ.
_MOST_DRAWS, _MOST_CAUSES = 3, 10


def one_for_each_cause(
    findings: Sequence[Finding], data: Data, settings: GateSettings, today: date
) -> tuple[Finding, ...]:
    """The findings without those that follow from one that is at least as grave, which names them."""
    left = list(findings)
    for table in data.others:
        here = [each for each in left if each.table == table and each.severity in _SEVERITIES and not each.undecided]
        found = _Folding(here, data, table, settings, today).folded()
        left = [kept for each in left if (kept := found.get(id(each), each)) is not None]
    return tuple(left)


class _Folding:
    """The findings of one table that block or warn."""

    def __init__(self, here: Sequence[Finding], data: Data, table: str, settings: GateSettings, today: date) -> None:
        self._data, self._table, self._settings, self._today = data, table, settings, today
        causes = [each for each in here if each.check in _OF_ONE_COLUMN and each.column]
        self._causes = sorted(causes, key=_weight)
        self._left = [*self._causes, *(each for each in here if each.check in _OF_SEVERAL)]
        # Train, or its rows in the proportions of the last cause that has any.
        self._alike = data.train
        self._follow: dict[int, list[Finding]] = {}

    def folded(self) -> dict[int, Finding | None]:
        """By `id` of a finding: what stands in its place, None where it stands in another one."""
        before = {id(each): each for each in self._left}
        for cause in self._causes:
            if cause in self._left:
                self._fold(cause, [each for each in self._left if _is_of_same_values(each, cause)])
        self._fold_by_proportions_of_gravest()
        causes = [each for each in self._causes if each in self._left]
        several = [each for each in self._left if each.check in _OF_SEVERAL]
        if causes and several:
            columns = self._with_sources(str(each.column) for each in causes)
            remaining = self._found(replace(self._data, train=self._alike), columns, several)
            self._fold(causes[0], [e for e in several if e.column in columns or not self._is_still_found(e, remaining)])
        kept = {id(each): self._with_followers(each) for each in self._left}
        return {key: kept.get(key) for key in before if key not in kept or kept[key] is not before[key]}

    def _fold(self, cause: Finding, explained: Iterable[Finding]) -> None:
        for each in explained:
            if each is not cause and _SEVERITIES.index(cause.severity) <= _SEVERITIES.index(each.severity):
                self._left.remove(each)
                self._follow.setdefault(id(cause), []).append(each)

    def _fold_by_proportions_of_gravest(self) -> None:
        if len({each.column for each in self._causes}) > _MOST_CAUSES:
            return
        draws = 0
        for cause in self._causes:
            if draws < _MOST_DRAWS and cause in self._left:
                draws += self._fold_by_proportions(cause)

    def _fold_by_proportions(self, cause: Finding) -> bool:
        """What is no longer found among rows of train that hold the column's values in the same proportions; whether
        there are such rows."""
        others = [each for each in self._left if each.column != cause.column]
        other = self._data.others[self._table]
        alike = _in_proportions(self._data, other, str(cause.column)) if others else None
        if alike is not None:
            columns = self._with_sources([str(cause.column)])
            self._alike = alike
            remaining = self._found(replace(self._data, train=alike), columns, others)
            self._fold(cause, [each for each in others if not self._is_still_found(each, remaining)])
        return alike is not None

    def _is_still_found(self, finding: Finding, remaining: Sequence[Finding]) -> bool:
        """Among fewer rows of train certainty is lost without a cause: there, an effect beyond its margin is found."""
        is_drawn = self._alike is not self._data.train
        return _is_found(finding, remaining) or (is_drawn and _is_beyond(finding, remaining))

    def _with_sources(self, columns: Iterable[str]) -> frozenset[str]:
        """The columns, and the times of which they are parts of the calendar: those tell their values as well."""
        named, other = frozenset(columns), self._data.others[self._table]
        names = self._data.comparable(other, ColumnKind.NUMBER, ColumnKind.CATEGORY)
        times = [name for name in names if name not in named and seconds_of(self._data.train, name) is not None]
        of = [time for time in times if any(follows_calendar(self._data.train, other, each, time) for each in named)]
        return named.union(of)

    def _found(self, data: Data, columns: frozenset[str], wanted: Sequence[Finding]) -> list[Finding]:
        """What the checks of these findings find in the table when the columns are no features."""
        seen, names = {self._table: data.others[self._table]}, {each.check for each in wanted}
        # Whether contents were drawn is known from all held-out tables.
        by_content = self._data.unit(seen[self._table]) is Unit.CONTENT
        held_out = {name: each for name, each in data.held_out.items() if by_content or name in seen}
        without = replace(
            data,
            declared=data.declared.model_copy(update={"withheld": data.declared.withheld | columns}),
            held_out=held_out,
            serving=seen.get("serving"),
            previous=seen.get("previous"),
        )
        measured, tiers = [], {}
        for check in (each for each in checks(Gate.DATA) if each.name in names):
            tiers[check.name] = check.tier
            try:
                measured += check.measure(without, margin_of(check, self._settings))
            except NotApplicable:
                continue
        found = decide(measured, tiers, self._settings, self._today)[0]
        return [each for each in found if each.table == self._table]

    def _with_followers(self, cause: Finding) -> Finding:
        explained = self._follow.get(id(cause), [])
        if not explained:
            return cause
        checks_ = listed([f"`{name}`" for name in sorted({each.check for each in explained})])
        others = sorted({str(each.column) for each in explained if each.column} - {str(cause.column)})
        of = f" of {shortened([f'`{name}`' for name in others], _SHOWN)}" if others else ""
        count = len(explained)
        follow = plural(count, "One more finding stands", f"{count} more findings stand")
        reason = (
            f"{cause.reason} {follow} here as {plural(count, 'it follows', 'they follow')} from this one: {checks_}"
        )
        return replace(cause, reason=f"{reason}{of}.")


def _weight(finding: Finding) -> tuple[int, float]:
    """The gravest first, then the one that is furthest beyond its margin."""
    return _SEVERITIES.index(finding.severity), -finding.value / max(finding.threshold, 1e-6)


def _is_of_same_values(finding: Finding, cause: Finding) -> bool:
    """Whether two checks of values found the same column."""
    return finding.column == cause.column and finding.check in _OF_VALUES and cause.check in _OF_VALUES


def _is_found(finding: Finding, remaining: Iterable[Finding]) -> bool:
    """Whether the same check still finds something as grave of the same column."""
    alike = [each.severity for each in remaining if (each.check, each.column) == (finding.check, finding.column)]
    worst = _SEVERITIES.index(finding.severity)
    return any(severity in _SEVERITIES[: worst + 1] for severity in alike)


def _is_beyond(finding: Finding, remaining: Iterable[Finding]) -> bool:
    """Whether the same check still measures an effect beyond its margin on the same subject, certain or not."""
    same = (finding.check, finding.column, finding.subject)
    return any((e.check, e.column, e.subject) == same and e.value > e.threshold for e in remaining)


def _in_proportions(data: Data, other: Table, column: str) -> Table | None:
    """Rows of train with the column's values in the proportions of the other table; None where train lacks them."""
    train_codes, other_codes = joint_codes([data.train, other], [column])
    count = int(max(train_codes.max(), other_codes.max())) + 1
    had, wanted = (np.bincount(codes, minlength=count) for codes in (train_codes, other_codes))
    there = (wanted > 0) & (had > 0)
    if count > _MOST_VALUES or wanted[there].sum() < _KNOWN * other.rows:
        return None
    times = float((had[there] / wanted[there]).min())
    rows = _drawn(train_codes, {int(code): int(times * wanted[code]) for code in np.flatnonzero(there)}, data.seed)
    return Table.of("train", data.train.arrow.take(rows)) if len(rows) >= _FEWEST_ROWS else None


def _drawn(codes: Codes, numbers: Mapping[int, int], seed: int) -> Codes:
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(np.flatnonzero(codes == code), number, replace=False) for code, number in numbers.items()]
    return np.sort(np.concatenate(drawn))
