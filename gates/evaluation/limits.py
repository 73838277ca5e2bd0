"""Limits of the configuration, and measured figures held against them. Deciding what that means: thresholds.py."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scipy import stats

from gates.evaluation.metrics import OVERALL, Evaluation, MetricEstimate
from gates.statistics.intervals import LOWER_IS_BETTER

EVERY = "*"
# `company=A, hour=1` is a slice over two columns, not a company.
_ANY_VALUE = "(?:(?!, [^,=]+=).)*"
VALUE, CHANGE, SLICE, CLASS = "threshold_value", "threshold_change", "threshold_slice", "threshold_class"
CHECKS = (VALUE, CHANGE, SLICE)


@dataclass(frozen=True)
class Limit:
    """One threshold of the configuration."""

    metric: str
    slice: Mapping[str, str | int] = field(default_factory=dict)
    at_least: float | None = None
    at_most: float | None = None
    no_worse_than_blessed_by: float | None = None
    min_examples: int = 200
    class_name: str | int | None = None  # recall or precision of one class, or of EVERY one

    @property
    def limits_value(self) -> bool:
        """Whether it asks something of the value itself, not only of its change."""
        return self.at_least is not None or self.at_most is not None

    @property
    def judges_many(self) -> bool:
        """Whether it bears on slices or on every class: among many, some look bad by chance."""
        return bool(self.slice) or self.class_name == EVERY

    @property
    def check(self) -> str:
        """The check that judges values against it."""
        return SLICE if self.slice else VALUE if self.class_name is None else CLASS

    @property
    def where(self) -> str:
        """What it bears on: `overall`, `company=*` or `class Pullover`."""
        if self.class_name is not None:
            return f"class {self.class_name}"
        return ", ".join(f"{column}={value}" for column, value in sorted(self.slice.items())) or OVERALL


@dataclass(frozen=True)
class Judgement:
    """One figure held against one limit. Everything is turned so that `value >= limit` is good.

    `doubt_down` and `doubt_up` are the arms of the interval around `value`.
    """

    estimate: MetricEstimate
    check: str
    value: float
    limit: float
    doubt_down: float
    doubt_up: float
    shown: str  # "auc on company=Flash Cab is 0.512 (0.450 to 0.574, 312 rows)"
    asked: str  # "at least 0.550"
    asked_value: float
    shown_value: float

    @property
    def met(self) -> bool:
        """Whether the point estimate meets the limit."""
        return self.value >= self.limit

    @property
    def has_interval(self) -> bool:
        """Whether anything is known about how far off the value may be: of one row nothing is."""
        return math.isfinite(self.doubt_down) and math.isfinite(self.doubt_up)

    @property
    def surely_met(self) -> bool:
        """Whether the end of the interval nearest to refusal does; without an interval nothing is sure."""
        return self.value - self.doubt_down >= self.limit

    def p_beyond(self, confidence: float) -> float:
        """One-sided p-value of "not really beyond the limit", from the interval's upper arm."""
        if self.met or not self.has_interval:
            return 1.0
        if self.doubt_up <= 0:
            return 0.0
        z = (self.limit - self.value) / self.doubt_up * float(stats.norm.ppf(0.5 + confidence / 2))
        return float(stats.norm.sf(z))


def estimates_for(limit: Limit, evaluation: Evaluation) -> list[MetricEstimate]:
    """The figures that a limit bears on."""
    if limit.class_name is None:
        return [each for each in evaluation.estimates if each.metric == limit.metric and _covers(limit, each)]
    named = [each for each in evaluation.classes if limit.class_name in (EVERY, each.name, _as_number(each.name))]
    return [each.recall if limit.metric == each.recall.metric else each.precision for each in named]


def _as_number(name: str) -> int | None:
    """Classes without names go by their integers, which YAML reads as numbers."""
    return int(name) if name.isdecimal() else None


def _covers(limit: Limit, estimate: MetricEstimate) -> bool:
    if not limit.slice:
        return estimate.slice == OVERALL
    pattern = ", ".join(
        re.escape(f"{column}=") + (_ANY_VALUE if limit.slice[column] == EVERY else re.escape(str(limit.slice[column])))
        for column in sorted(limit.slice)
    )
    return estimate.slice != OVERALL and re.fullmatch(pattern, estimate.slice, re.DOTALL) is not None


def judgements(limit: Limit, estimates: Sequence[MetricEstimate], champion: str) -> list[Judgement]:
    """One for each side of the limit and each estimate; `champion` says in words which model is compared with."""
    found = []
    for each in estimates:
        if limit.at_least is not None:
            found.append(_value_judgement(each, limit.check, limit.at_least, +1))
        if limit.at_most is not None:
            found.append(_value_judgement(each, limit.check, limit.at_most, -1))
        if limit.no_worse_than_blessed_by is not None and each.blessed_value is not None:
            check = CHANGE if limit.check == VALUE else limit.check
            found.append(_change_judgement(each, check, limit.no_worse_than_blessed_by, champion))
    return found


def _value_judgement(each: MetricEstimate, check: str, asked: float, sign: int) -> Judgement:
    down, up = each.value - each.lower, each.upper - each.value
    words = f"at {'least' if sign > 0 else 'most'} {asked:.3f}"
    return Judgement(
        estimate=each,
        check=check,
        value=sign * each.value,
        limit=sign * asked,
        doubt_down=down if sign > 0 else up,
        doubt_up=up if sign > 0 else down,
        shown=f"{each.metric} on {rows_told(each, check)} is {each.value:.3f} "
        f"({told_interval(each.lower, each.upper)})",
        asked=words,
        asked_value=asked,
        shown_value=each.value,
    )


def _change_judgement(each: MetricEstimate, check: str, allowed: float, champion: str) -> Judgement:
    blessed, difference = each.blessed_value or 0.0, each.change if each.change is not None else math.nan
    down = difference - (each.change_lower if each.change_lower is not None else math.nan)
    up = (each.change_upper if each.change_upper is not None else math.nan) - difference
    gain = difference
    if each.metric in LOWER_IS_BETTER:
        gain, down, up = -difference, up, down
    elif each.metric == "calibration":
        # Right is 1: what counts is the distance from it, and either arm may lead away.
        gain, down, up = abs(blessed - 1) - abs(each.value - 1), max(down, up), max(down, up)
    return Judgement(
        estimate=each,
        check=check,
        value=gain,
        limit=-allowed,
        doubt_down=down,
        doubt_up=up,
        shown=f"{each.metric} on {rows_told(each, check)} is {each.value:.3f}, {champion}'s {blessed:.3f} "
        f"(change {difference:+.3f}, {told_interval(each.change_lower, each.change_upper, '+.3f')})",
        asked=f"no worse than {champion} by more than {allowed:.3f}",
        asked_value=allowed,
        shown_value=difference,
    )


def told_interval(lower: float | None, upper: float | None, form: str = ".3f") -> str:
    """ "0.630 to 0.675", or that there is none."""
    if lower is None or upper is None or not (math.isfinite(lower) and math.isfinite(upper)):
        return "too few rows for an interval"
    return f"{lower:{form}} to {upper:{form}}"


def rows_told(each: MetricEstimate, check: str) -> str:
    """The rows that a figure is of, in words."""
    if check == CLASS:
        name = each.slice.removeprefix("class ")
        return f"the {each.n:,} test rows {'of class' if each.metric == 'recall' else 'taken for'} {name}"
    if each.slice == OVERALL:
        return f"all {each.n:,} test rows (overall)"
    return f"the {each.n:,} test rows with {each.slice}"
