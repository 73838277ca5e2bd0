"""Columns that say when a row happened: other times, and parts of the calendar such as month, weekday or year.

They differ wherever the time itself differs, so the comparison of a later table with train leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from gates.tables.table import Codes, ColumnKind, Floats, Table, joint_categories
from gates.tables.times import epoch_scale, holds_times, instants

_DAY, _HOUR = 86_400.0, 3_600.0
# Clocks, time zones and late rows displace a few rows.
_FOLLOWS = 0.995
_FEWEST_ROWS = 25
# A column of more values than that for each part of the calendar has other values than names for it.
_MOST_NAMES = 4


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
        return any(_is_shifted(part, values) for part in _parts(known))
    if train.kinds[name] is not ColumnKind.CATEGORY:
        return False
    codes, _ = joint_categories([train, other], name)
    return any(_is_renamed(part, [c[rows] for c, rows in zip(codes, at, strict=True)]) for part in _parts(known))


def _parts(moments: list[Floats]) -> Iterator[list[Codes]]:
    """Year, quarter, month, week, day of the year and of the month, weekday and hour of both tables' moments."""
    yield from zip(*(_parts_of(each) for each in moments), strict=True)


def _parts_of(seconds: Floats) -> list[Codes]:
    number = np.floor(seconds / _DAY).astype(np.int64)
    days = number.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    weekday = (number + 3) % 7  # 1970 began on a Thursday
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
    own, seen = counts.argmax(axis=1), counts.any(axis=1)
    if seen.sum() < 2 or len(set(own[seen])) < seen.sum():
        return False
    if float((own[place[:split]] == codes[0]).mean()) < _FOLLOWS:
        return False
    later = place[split:]
    right = np.where(seen[later], own[later] == codes[1], ~np.isin(codes[1], own[seen]))
    return float(right.mean()) >= _FOLLOWS
