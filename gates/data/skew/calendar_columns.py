"""Columns that say when a row happened: other times, and parts of the calendar such as month, weekday or year.

They differ wherever the time itself differs, so the comparison of a later table with train leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from gates.tables.table import Codes, ColumnKind, Floats, Table, joint_categories
from gates.tables.times import Period, epoch_scale, holds_times, instants, period_of

_DAY, _HOUR = 86_400.0, 3_600.0
# Clocks, time zones and late rows displace a few rows.
_FOLLOWS = 0.995
_FEWEST_ROWS = 25
# A column of more values than that for each part of the calendar has other values than names for it.
_MOST_NAMES = 4
_NO_NUMBER = -(2**62)
_WEEKDAY = 6  # its place among the parts


@lru_cache(maxsize=4)
def seconds_of(table: Table, name: str) -> Floats | None:
    """A column as seconds since 1970; None where its values are no moments."""
    if table.kinds[name] is ColumnKind.NUMBER:
        values = table.numbers(name)
        known = values[np.isfinite(values)]
        scale = epoch_scale(known.min(), known.max()) if len(known) else None
        return None if scale is None else values / scale
    return instants(table.strings(name)) if holds_times(table.codes(name)[1]) else None


def follows_calendar(train: Table, other: Table, name: str, time: str) -> bool:
    """Whether the column is one and the same function of a part of the calendar in both tables."""
    moments = [each for table in (train, other) if (each := seconds_of(table, time)) is not None]
    if len(moments) < 2 or other.kinds[name] is not train.kinds[name]:
        return False
    at = [np.isfinite(side) & ~table.missing(name) for side, table in zip(moments, (train, other), strict=True)]
    if min(int(each.sum()) for each in at) < _FEWEST_ROWS:
        return False
    known = [side[rows] for side, rows in zip(moments, at, strict=True)]
    if train.kinds[name] is ColumnKind.NUMBER:
        values = [table.numbers(name)[rows] for table, rows in zip((train, other), at, strict=True)]
        parts = list(_parts(known))
        return any(_is_shifted(part, values) for part in parts) or _is_turned(parts[_WEEKDAY], values)
    if train.kinds[name] is not ColumnKind.CATEGORY:
        return False
    codes, names = joint_categories([train, other], name)
    own = [c[rows] for c, rows in zip(codes, at, strict=True)]
    if (meant := _meant_by([names[code] for code in np.unique(own[0])])) is not None:
        kind, part = meant
        numbers = np.array([_number_of(name, kind) for name in names], np.int64)
        in_train, in_other = (
            float((numbers[c] == part(side)).mean()) >= _FOLLOWS for c, side in zip(own, known, strict=True)
        )
        # Where train means what it says, a later value that says another time, or none, does not follow.
        if in_train:
            return in_other
    return any(_is_renamed(part, own) for part in _parts(known))


def _meant_by(names: list[str]) -> tuple[Period, Callable[[Floats], Codes]] | None:
    """The part of the calendar that all of these texts name; None for other texts.

    So a column is known to follow the time also where train has a single day, month or year of it.
    """
    kinds = {None if (found := period_of(name)) is None else found[0] for name in names}
    kind = kinds.pop() if len(kinds) == 1 else None
    return None if kind is None else (kind, _PERIODS[kind])


def _number_of(name: str, kind: Period) -> int:
    found = period_of(name)
    return found[1] if found is not None and found[0] is kind else _NO_NUMBER


def _day(seconds: Floats) -> Codes:
    return np.floor(seconds / _DAY).astype(np.int64)


def _weekday(day: Codes) -> Codes:
    return (day + 3) % 7  # 1970 began on a Thursday


def _month(seconds: Floats) -> Codes:
    return _day(seconds).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


# By the kind of a period in `times.period_of`; days and months are counted from 1970 on, weekdays from Monday.
_PERIODS: dict[Period, Callable[[Floats], Codes]] = {
    Period.DAY: _day,
    Period.MONTH: _month,
    Period.QUARTER: lambda seconds: _month(seconds) // 3,
    Period.MONTH_OF_YEAR: lambda seconds: _month(seconds) % 12,
    Period.WEEKDAY: lambda seconds: _weekday(_day(seconds)),
}


def _parts(moments: list[Floats]) -> Iterator[list[Codes]]:
    """Year, quarter, month, week, day of the year and of the month, weekday and hour of both tables' moments."""
    yield from zip(*(_parts_of(each) for each in moments), strict=True)


def _parts_of(seconds: Floats) -> list[Codes]:
    number = _day(seconds)
    days = number.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    weekday = _weekday(number)
    # A week belongs to the year of its Thursday (ISO 8601).
    week = (_day_of_year((number - weekday + 3).astype("datetime64[D]")) - 1) // 7 + 1
    month = months.astype(np.int64) % 12 + 1
    year = days.astype("datetime64[Y]").astype(np.int64) + 1970
    hour = (np.floor(seconds / _HOUR) % 24).astype(np.int64)
    day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    return [year, (month + 2) // 3, month, week, _day_of_year(days), day, weekday, hour]


def _day_of_year(days: np.ndarray) -> Codes:
    return (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1


def _is_shifted(part: list[Codes], values: list[Floats]) -> bool:
    """Numbers: the part and a constant, or another number for each value of the part that train has (Sunday as 1)."""
    shift = float(np.median(values[0] - part[0]))
    if all(float((each == of + shift).mean()) >= _FOLLOWS for each, of in zip(values, part, strict=True)):
        return True
    _, codes = np.unique(np.concatenate(values), return_inverse=True)
    known = np.isin(part[1], part[0])
    return bool(known.all()) and _is_renamed(part, np.split(codes, [len(values[0])]))


def _is_turned(weekdays: list[Codes], values: list[Floats]) -> bool:
    """Weekdays that are counted from another day than Monday, the same one in both tables."""
    turned = [(each - of) % 7 for each, of in zip(values, weekdays, strict=True)]
    first = float(np.median(turned[0]))
    return all(each.min() >= 0 and each.max() <= 7 for each in values) and all(
        float((each == first).mean()) >= _FOLLOWS for each in turned
    )


def _is_renamed(part: list[Codes], codes: list[Codes]) -> bool:
    """Whether each value of the part has one value of the column, another one than the others have, as far as train
    knows it; values of the part that train lacks may have any that train lacks, too."""
    parts, place = np.unique(np.concatenate(part), return_inverse=True)
    split = len(part[0])
    width = int(max(side.max() for side in codes)) + 1
    if width > _MOST_NAMES * len(parts):
        return False
    counts = np.zeros((len(parts), width))
    np.add.at(counts, (place[:split], codes[0]), 1.0)
    own, seen = counts.argmax(axis=1), np.asarray(counts.any(axis=1))
    if seen.sum() < 2 or len(set(own[seen])) < seen.sum():
        return False
    if float((own[place[:split]] == codes[0]).mean()) < _FOLLOWS:
        return False
    later = place[split:]
    right = np.where(seen[later], own[later] == codes[1], ~np.isin(codes[1], own[seen]))
    return float(right.mean()) >= _FOLLOWS
