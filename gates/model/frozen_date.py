"""Whether the moment at which the graph was made stands in it as a constant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np

from core.text import shortened
from gates.model.evidence import Literal, ModelEvidence
from gates.verdict.catalogue import Gate, Need, check
from gates.verdict.finding import Severity
from gates.verdict.measurement import Measurement

_HOUR, _DAY = 3_600.0, 86_400.0
# A graph is made up to a day before its file is written, by a clock of any time zone (14 hours at most).
_BEFORE, _AFTER = _DAY + 14 * _HOUR, 14 * _HOUR
# Seconds, milli-, micro- and nanoseconds in one; then what a unit has in seconds, and the days from its beginning to
# 1970. The number of a unit of the second kind may stand for something else.
_FINE = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}
_COARSE = {
    "minutes since 1970": (60.0, 0),
    "hours since 1970": (_HOUR, 0),
    "days since 1970": (_DAY, 0),
    "days since the year 1": (_DAY, 719_163),
}
# A moment counted from a day of the code's own, which the graph subtracts elsewhere: from such a number on.
_LONG_AGO = 1e7
_FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%m/%d/%Y", "%m-%d-%Y")
# So many significant digits at most has a number that is chosen for being round.
_ROUND = 3
_NAMED = 3


@dataclass(frozen=True)
class _Moment:
    """A literal as a moment. `certain`: its number or text stands for nothing else."""

    literal: Literal
    words: str
    certain: bool = True


@check(
    gate=Gate.MODEL,
    group="independence",
    catches="an age from now, or a comparison with today, whose `now` was fixed when the graph was made",
    statistic="literals of the graph that are the moment at which it was made",
    margin=0.0,
    rule="any that is subtracted from, added to or compared with what a row holds, as a time since 1970, a day or a "
    "date in text; warns where it is this year's number or a round one, or where nothing of a row is set against it",
    source="Sculley et al. 2015, Hidden Technical Debt in Machine Learning Systems (undeclared dependencies)",
    needs=(Need.LITERALS,),
)
def frozen_date(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """The files' own times are compared with, so that the verdict does not depend on when it is made. What is learnt
    from data, such as the last day of train, is no literal."""
    literals = evidence.literals or ()
    found = [moment for each in literals if (moment := _moment(each, evidence.made))]
    found += _counted_from_another(literals, found, evidence.made)
    sure = [each for each in found if each.certain and each.literal.against]
    doubtful = [each for each in found if each not in sure and (each.certain or each.literal.against)]
    for moments, severity in ((sure, Severity.BLOCK), (doubtful, Severity.WARN)):
        if moments:
            yield _found(moments, severity, len(literals))
    if not sure and not doubtful:
        yield Measurement(
            subject="export",
            statistic="literals that are the moment at which the graph was made",
            value=0.0,
            n=len(literals),
            reason=f"None of {len(literals)} literals of the graph is the moment at which it was made.",
        )


def _found(moments: Sequence[_Moment], severity: Severity, n: int) -> Measurement:
    texts = [f"{each.words} ({each.literal.node})" for each in moments]
    certain = severity is Severity.BLOCK
    return Measurement(
        subject="date" if certain else "date in doubt",
        statistic="literals that are the moment at which the graph was made",
        value=float(len(moments)),
        n=n,
        reason=f"The graph holds {'the moment' if certain else 'what may be the moment'} at which it was made as a "
        f"constant: {shortened(texts, _NAMED)}. At serving it stands still while time goes on.",
        remedy="Send the moment as a feature of the request, so that training and serving read the same one; a fixed "
        "day that the code names on purpose passes on another day, or with a waiver.",
        at_most=severity,
    )


def _counted_from_another(
    literals: Sequence[Literal], known: Sequence[_Moment], made: Sequence[float]
) -> Iterator[_Moment]:
    """Seconds since a beginning that is another literal: both are set against what a row holds, and their sum is the
    moment. The larger number is the beginning."""
    moments = {each.literal for each in known}
    numbers = {
        abs(each.value): each
        for each in literals
        if isinstance(each.value, float) and each.against and abs(each.value) >= _LONG_AGO and each not in moments
    }
    for beginning in numbers:
        for value, literal in numbers.items():
            if value < beginning and any(-_BEFORE <= beginning + value - written <= _AFTER for written in made):
                yield _Moment(literal, f"{literal.value:.15g}, seconds since {beginning:.15g}")


def _moment(literal: Literal, made: Sequence[float]) -> _Moment | None:
    for written in made:
        if moment := _moment_at(literal, written - _BEFORE, written + _AFTER):
            return moment
    return None


def _moment_at(literal: Literal, first: float, last: float) -> _Moment | None:
    """The literal as a moment from `first` to `last`, in seconds since 1970."""
    days = _days(first, last)
    if isinstance(literal.value, str):
        dates = (day.strftime(form) for day in days for form in _FORMS)
        return _Moment(literal, f"the text `{literal.value}`") if any(date in literal.value for date in dates) else None
    value, shown = abs(literal.value), f"{literal.value:.15g}"
    is_sure = literal.against and not _is_round(value)
    for unit, seconds in _FINE.items():
        if first <= value * seconds <= last:
            return _Moment(literal, f"{shown}, {unit} since 1970")
    for unit, (seconds, epoch) in _COARSE.items():
        if first // seconds <= value - epoch * _DAY / seconds <= last / seconds:
            return _Moment(literal, f"{shown}, {unit}", certain=is_sure)
    if any(value in _as_numbers(day) for day in days):
        return _Moment(literal, f"{shown}, a date", certain=literal.against)
    if value in {day.year for day in days}:
        return _Moment(literal, f"{shown}, the year", certain=False)
    return None


def _is_round(value: float) -> bool:
    """Whether a person may have chosen it, as a bound of an income: 500,000 hours since 1970 end on a day, too."""
    return float(f"{value:.{_ROUND - 1}e}") == value


def _as_numbers(day: datetime) -> set[float]:
    """2026-12-03 as 20261203, and as the number of 32 bits that is nearest, 20261204."""
    number = int(day.strftime("%Y%m%d"))
    return {number, float(np.float32(number))}


def _days(first: float, last: float) -> list[datetime]:
    begin = datetime.fromtimestamp(first, timezone.utc)
    return [begin + timedelta(days=number) for number in range(int((last - first) // _DAY) + 2)]
