"""One cause, one finding: what a faulty column makes other checks find stands in the finding of that column.

The checks are measured again with two columns in each other's place, without the column, and where its known values
come in other proportions on rows of train in the same proportions. What they no longer find followed from it. A cause
in several tables is one finding, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice

import numpy as np

from core.text import listed, plural, shortened
from gates.data.evidence import Data
from gates.data.exchanged import possible_pairs, put_back
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
_OF_FILLING = frozenset({"nulls", *_OF_VALUES})
_OF_ONE_COLUMN = frozenset({"schema_types", *_OF_FILLING})
# They judge columns by others.
_OF_SEVERAL = ("joint_distribution", "association", "slice_distribution")
_SEVERITIES = (Severity.BLOCK, Severity.WARN)
_SHOWN = 4
# Rows of train can be drawn in the proportions of a column of so few values, all but a hundredth known to train.
_MOST_VALUES, _KNOWN, _FEWEST_ROWS = 100, 0.99, 200
# Each draw measures the checks again: for the gravest alone, and for none where so many columns differ.
_MOST_DRAWS, _MOST_CAUSES, _MOST_EXCHANGES = 3, 10, 3
# A column of one value predicts nothing.
_OF_PREDICTION = "train_eval_gap"


def one_for_each_cause(
    findings: Sequence[Finding], data: Data, settings: GateSettings, today: date
) -> tuple[Finding, ...]:
    """The findings without those that follow from one that is at least as grave, which names them."""
    left = list(findings)
    for table in data.others:
        here = [each for each in left if each.table == table and each.severity in _SEVERITIES and not each.undecided]
        found = _Folding(here, data, table, settings, today).folded()
        left = [kept for each in left if (kept := found.get(id(each), each)) is not None]
    return tuple(_one_for_all_tables(left))


def _one_for_all_tables(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, of which the first of a cause names the other tables in which it is found."""
    causes: dict[tuple[object, ...], list[Finding]] = {}
    for each in findings:
        is_cause = each.check in (*_OF_ONE_COLUMN, *_OF_SEVERAL, _OF_PREDICTION) and each.severity in _SEVERITIES
        kind = "values" if each.check in _OF_VALUES else each.check
        alike = (each.severity, each.column, kind) if is_cause and each.table and not each.undecided else (id(each),)
        causes.setdefault(alike, []).append(each)
    return [_in_all_tables(*each) for each in causes.values()]


def _in_all_tables(first: Finding, *others: Finding) -> Finding:
    tables = list(dict.fromkeys(str(each.table) for each in others if each.table != first.table))
    if not others:
        return first
    return replace(first, reason=f"{first.reason} It is found in {listed(tables)} as well.")


class _Folding:
    """The findings of one table that block or warn."""

    def __init__(self, here: Sequence[Finding], data: Data, table: str, settings: GateSettings, today: date) -> None:
        self._data, self._table, self._settings, self._today = data, table, settings, today
        causes = [each for each in here if each.check in _OF_ONE_COLUMN and each.column]
        self._causes = sorted(causes, key=_weight)
        self._left = [*self._causes, *(each for each in here if each.check in (*_OF_SEVERAL, _OF_PREDICTION))]
        # Train, or its rows in the proportions of the last cause that has any.
        self._alike = data.train
        self._follow: dict[int, list[Finding]] = {}
        self._exchanged: dict[int, tuple[str, str]] = {}

    def folded(self) -> dict[int, Finding | None]:
        """By `id` of a finding: what stands in its place, None where it stands in another one."""
        before = {id(each): each for each in self._left}
        self._fold_exchanged()
        for cause in self._causes:
            if cause in self._left:
                self._fold(cause, [each for each in self._left if self._is_of_same_column(each, cause)])
        self._fold_by_removal()
        self._fold_by_proportions_of_gravest()
        if self._alike is not self._data.train:
            self._fold_by_removal()
        kept = {id(each): self._with_followers(each) for each in self._left}
        return {key: kept.get(key) for key in before if key not in kept or kept[key] is not before[key]}

    def _fold(self, cause: Finding, explained: Iterable[Finding]) -> None:
        for each in explained:
            is_own_cause = each is cause or id(each) in self._exchanged
            if not is_own_cause and _SEVERITIES.index(cause.severity) <= _SEVERITIES.index(each.severity):
                self._left.remove(each)
                self._follow.setdefault(id(cause), []).append(each)

    def _fold_exchanged(self) -> None:
        """What is no longer found with two columns in each other's place."""
        blamed = [str(each.column) for each in sorted(self._left, key=_weight) if each.column]
        pairs = possible_pairs(self._data.train, self._data.others[self._table], blamed)
        for pair in islice(pairs, _MOST_EXCHANGES):
            back = put_back(self._data, self._table, pair)
            remaining = self._found(back, frozenset(), self._left)
            if any(each.column in pair and each.severity in _SEVERITIES for each in remaining):
                continue
            of_pair = [each for each in self._left if each.column in pair]
            cause = min(of_pair, key=lambda e: (_SEVERITIES.index(e.severity), e.check != "association", e.column))
            self._exchanged[id(cause)] = pair
            self._fold(cause, [each for each in self._left if not _is_found(each, remaining)])
            self._data = back  # what follows from another cause is seen only without this one
            return

    def _fold_by_removal(self) -> None:
        """What is no longer found without the columns of the causes."""
        causes = [each for each in self._causes if each in self._left]
        several = [each for each in self._left if each.check in _OF_SEVERAL]
        if causes and several:
            columns = self._with_sources(str(each.column) for each in causes)
            remaining = self._found(replace(self._data, train=self._alike), columns, several)
            self._fold(causes[0], [e for e in several if e.column in columns or not self._is_still_found(e, remaining)])

    def _is_of_same_column(self, finding: Finding, cause: Finding) -> bool:
        """Whether two checks found the same column: values that fill a gap, say, change both shares."""
        if finding.column != cause.column:
            return False
        if finding.check == _OF_PREDICTION:
            return self._data.others[self._table].has_one_value(str(cause.column))
        return finding.check in _OF_FILLING and cause.check in _OF_FILLING

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
        others = [e for e in self._left if e.column != cause.column and e.check != _OF_PREDICTION]
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
        if (pair := self._exchanged.get(id(cause))) is not None:
            one, two = pair
            cause = replace(
                cause,
                reason=f"{cause.reason} With `{one}` and `{two}` in each other's place it is not found: they look "
                "exchanged.",
                remedy=f"Put `{one}` and `{two}` of {self._table} in each other's place, if they are exchanged.",
            )
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
