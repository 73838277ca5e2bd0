"""Cron expressions as Vertex AI's schedules take them: five fields, and `TZ=` before them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

LOOK_AHEAD = timedelta(days=4 * 366)
BOUNDS = {"minute": (0, 59), "hour": (0, 23), "day of month": (1, 31), "month": (1, 12), "day of week": (0, 7)}
WORDS = {
    word: number
    for words, first in (("sun mon tue wed thu fri sat", 0), ("jan feb mar apr may jun jul aug sep oct nov dec", 1))
    for number, word in enumerate(words.split(), first)
}


def next_run(expression: str, after: datetime) -> datetime:
    """The first minute after `after` (with a time zone) that the expression names.

    Raises:
        ValueError: it cannot be read, or names no minute in four years.
    """
    zone, fields = _fields(expression)
    minutes, hours, days, months, weekdays = (
        _values(field, name, *bounds) for field, (name, bounds) in zip(fields, BOUNDS.items(), strict=True)
    )
    weekdays = {day % 7 for day in weekdays}
    # When both kinds of days are restricted, either will do.
    either = fields[2] != "*" and fields[4] != "*"
    time = (after.astimezone(zone) + timedelta(minutes=1)).replace(second=0, microsecond=0)
    end = time + LOOK_AHEAD
    while time < end:
        by_date, by_weekday = time.day in days, (time.weekday() + 1) % 7 in weekdays
        if time.month not in months or not (by_date or by_weekday if either else by_date and by_weekday):
            time = (time + timedelta(days=1)).replace(hour=0, minute=0)
        elif time.hour not in hours:
            time = (time + timedelta(hours=1)).replace(minute=0)
        elif time.minute not in minutes:
            time += timedelta(minutes=1)
        else:
            return time
    raise ValueError(f"The cron expression {expression!r} never comes due.")


def _fields(expression: str) -> tuple[ZoneInfo, list[str]]:
    zone = "UTC"
    fields = expression.split()
    if fields and fields[0].startswith(("TZ=", "CRON_TZ=")):
        zone = fields.pop(0).partition("=")[2]
    if len(fields) != len(BOUNDS):
        raise ValueError(f"The cron expression {expression!r} has {len(fields)} fields instead of {len(BOUNDS)}.")
    try:
        return ZoneInfo(zone), fields
    except (KeyError, OSError) as error:
        raise ValueError(f"There is no time zone {zone!r}.") from error


def _values(field: str, name: str, lowest: int, highest: int) -> set[int]:
    found: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, _, end = span.partition("-")
        try:
            low = lowest if first == "*" else _number(first)
            high = highest if first == "*" or (step and not end) else _number(end or first)
            found.update(range(low, high + 1, int(step or 1)))
        except ValueError as error:
            raise ValueError(f"Its {name} cannot be read: {field!r}.") from error
    if not found or min(found) < lowest or max(found) > highest:
        raise ValueError(f"Its {name} must be between {lowest} and {highest}: {field!r}.")
    return found


def _number(text: str) -> int:
    return WORDS[text] if text in WORDS else int(text)
