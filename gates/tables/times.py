"""The time of a row as a number."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from enum import Enum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]

TIME_FORMS = "2013-12-31T23:59:59, 31.12.2013 23:59 or 12/31/2013"
"""What a sentence shows of the texts that are read as times."""

_DATES = (
    re.compile(r"(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?!\d)"),
    re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})(?!\d)"),
    # A date with slashes is American; where it is not, days after the twelfth are no months and are refused.
    re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})(?!\d)"),
)
_YEAR_FIRST = re.compile(r"^\d{4}[-/.]?W?\d{2}")
_PERIOD = re.compile(r"(19|20)\d{2}(-?(0[1-9]|1[0-2])|[-/. ](0?[1-9]|1[0-2])|[-/. ]?(w([0-4]\d|5[0-3])|q[1-4]))")
_YEAR_MONTH = re.compile(r"((?:19|20)\d{2})[-/. ]?(0?[1-9]|1[0-2])")
_YEAR_QUARTER = re.compile(r"((?:19|20)\d{2})[-/. ]?q([1-4])")
_NAMES = tuple(
    frozenset(name[:letters].casefold() for name in names if name)
    for names in (calendar.month_name, calendar.day_name)
    for letters in (3, 9)
)
# How many make a second, and the seconds since 1970 of the years 1973 to 2096.
_SCALES, _EPOCH = (1.0, 1e3, 1e6, 1e9), (1e8, 4e9)
_MIDNIGHT = "T00:00:00"
_PLAIN_LENGTHS = (10, 16, 19)
_CLOCK = re.compile(
    r"(?:[T ]\s*(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?)?"
    r"\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
)


def instants(column: pa.Array) -> Floats:
    """Each row's time as a number, NaN where it has none: the number itself, or epoch seconds of text (UTC unless it
    has another zone) in ISO 8601, as DD.MM.YYYY or as MM/DD/YYYY."""
    if pa.types.is_string(column.type):
        column = column.cast(pa.binary())
    if not (pa.types.is_large_binary(column.type) or pa.types.is_binary(column.type)):
        return np.asarray(column.cast(pa.float64()).fill_null(np.nan))
    encoded = column.dictionary_encode()
    distinct = np.array([epoch_seconds(value) for value in encoded.dictionary.to_pylist()] + [np.nan])
    return distinct[np.asarray(encoded.indices.fill_null(len(distinct) - 1)).astype(np.int64)]


def epoch_seconds(value: bytes) -> float:
    """Seconds since 1970 of a text, NaN when it is no time that is read here."""
    try:
        text = value.decode("ascii").strip()
        if len(text) in _PLAIN_LENGTHS and text[4] == text[7] == "-":  # most columns; several times as fast
            with suppress(ValueError):
                return datetime.fromisoformat(f"{text}{_MIDNIGHT[len(text) - 10 :]}+00:00").timestamp()
        date = next(found for form in _DATES if (found := form.match(text)))
        clock = _CLOCK.fullmatch(text, date.end())
        if clock is None:
            return math.nan
        year, month, day = (int(date[part]) for part in ("year", "month", "day"))
        hour, minute, second = (int(clock[part] or 0) for part in ("hour", "minute", "second"))
        fraction = int((clock["fraction"] or "0")[:6].ljust(6, "0"))
        return datetime(year, month, day, hour, minute, second, fraction, timezone(_offset(clock["zone"]))).timestamp()
    except (ValueError, StopIteration):
        return math.nan


def epoch_scale(low: float, high: float) -> float | None:
    """How many make a second, where numbers from `low` to `high` are seconds, milli-, micro- or nanoseconds since 1970;
    None where they are no times."""
    return next((scale for scale in _SCALES if _EPOCH[0] * scale <= low and high <= _EPOCH[1] * scale), None)


def holds_times(values: Iterable[str]) -> bool:
    """Whether the values of a text column are times: new ones come every day, and none of them is unknown."""
    count = 0
    for value in values:
        if math.isnan(epoch_seconds(value.encode())):
            return False
        count += 1
    return count > 0


def holds_periods(values: Iterable[str]) -> bool:
    """Whether the values are times, or spans of time such as 2013-12, 2013-W52, 2013Q4, December or Tue: train holds
    those that have been, and others come."""
    found = list(values)
    if holds_times(found):
        return True
    words = {value.strip().casefold() for value in found}
    return bool(words) and (
        all(map(_PERIOD.fullmatch, words)) or any(words <= each and len(words) < len(each) for each in _NAMES)
    )


class Period(Enum):
    """What a text such as 2013-12-31, 2013-12, 2013Q4, December or Tue names."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    MONTH_OF_YEAR = "month of the year"
    WEEKDAY = "weekday"


def period_of(value: str) -> tuple[Period, int] | None:
    """The period that a text names and its number: days, months, quarters since 1970, months of the year and weekdays
    from 0 on; None for another text. A time names its day."""
    if not math.isnan(seconds := epoch_seconds(value.encode())):
        return Period.DAY, math.floor(seconds / 86_400)
    text = value.strip().casefold()
    if found := _YEAR_MONTH.fullmatch(text):
        return Period.MONTH, (int(found[1]) - 1970) * 12 + int(found[2]) - 1
    if found := _YEAR_QUARTER.fullmatch(text):
        return Period.QUARTER, (int(found[1]) - 1970) * 4 + int(found[2]) - 1
    for period, names in ((Period.MONTH_OF_YEAR, calendar.month_name[1:]), (Period.WEEKDAY, calendar.day_name)):
        for number, name in enumerate(names):
            if text in (name.casefold(), name[:3].casefold()):
                return period, number
    return None


def sorts_as_text(value: bytes | str) -> bool:
    """Whether a text begins with year and month or week, so that its alphabetical order is that of time."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return _YEAR_FIRST.match(text) is not None


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone[0] not in "+-":
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (-1 if zone[0] == "-" else 1)
