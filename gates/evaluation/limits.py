"""Limits of the configuration, and how measured figures compare with them. The decision is in thresholds.py."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scipy import stats

from gates.evaluation.judgements import LimitKind
from gates.evaluation.metrics import Evaluation, MetricEstimate
from gates.evaluation.slices import EVERY, OVERALL, Slice
from gates.statistics.intervals import LOWER_IS_BETTER

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
        """Whether it limits the value itself, not only its change."""
        return self.at_least is not None or self.at_most is not None

    @property
    def judges_many(self) -> bool:
        """Whether it applies to slices or to every class: among many, some look bad by chance."""
        return bool(self.slice) or self.class_name == EVERY

    @property
    def check(self) -> str:
        """The check that judges values against it."""
        return _check(self.where)

    @property
    def where(self) -> Slice:
        """What it applies to: all rows, `company=*` or `class Pullover`."""
        return Slice.of(self.slice) if self.class_name is None else Slice.of_class(self.class_name)


def _check(where: Slice) -> str:
    return CLASS if where.class_name is not None else VALUE if where == OVERALL else SLICE


@dataclass(frozen=True)
class Standing:
    """One figure compared with one limit.

    `value` (a metric or its change), `lower`, `upper` and `limit` are as they are shown. `good` and `needed` are turned
    so that `good >= needed` is good; `doubt_down` and `doubt_up` are the arms of the interval around `good`.
    """

    estimate: MetricEstimate
    kind: LimitKind
    limit: float
    value: float
    lower: float
    upper: float
    good: float
    needed: float
    doubt_down: float
    doubt_up: float
    shown: str  # "auc on company=Flash Cab is 0.512 (0.450 to 0.574, 312 rows)"
    requested: str  # "at least 0.550"

    @property
    def check(self) -> str:
        """The check that judges it."""
        check = _check(self.estimate.slice)
        return CHANGE if check == VALUE and self.kind is LimitKind.NO_WORSE else check

    @property
    def lacks_champion(self) -> bool:
        """Whether the limit is on the change and there is no model to compare with."""
        return self.kind is LimitKind.NO_WORSE and self.estimate.blessed_value is None

    @property
    def met(self) -> bool:
        """Whether the point estimate meets the limit."""
        return self.good >= self.needed

    @property
    def has_interval(self) -> bool:
        """Whether the value has an interval: that of one row has none."""
        return math.isfinite(self.doubt_down) and math.isfinite(self.doubt_up)

    @property
    def surely_met(self) -> bool:
        """Whether the end of the interval nearest to refusal meets the limit; false without an interval."""
        return self.good - self.doubt_down >= self.needed

    def p_beyond(self, confidence: float) -> float:
        """One-sided p-value of "not really beyond the limit", from the interval's upper arm."""
        if self.met or not self.has_interval:
            return 1.0
        if self.doubt_up <= 0:
            return 0.0
        z = (self.needed - self.good) / self.doubt_up * float(stats.norm.ppf(0.5 + confidence / 2))
        return float(stats.norm.sf(z))


def estimates_for(limit: Limit, evaluation: Evaluation) -> list[MetricEstimate]:
    """The figures that a limit applies to."""
    where = limit.where
    if limit.class_name is None:
        return [each for each in evaluation.estimates if each.metric == limit.metric and where.covers(each.slice)]
    named = [each for each in evaluation.classes if where.covers(each.recall.slice)]
    return [each.recall if limit.metric == each.recall.metric else each.precision for each in named]


def standings(limit: Limit, estimates: Sequence[MetricEstimate], champion: str) -> list[Standing]:
    """One for each side of the limit and each estimate; `champion` names the model to compare with. Without one, a
    change is NaN."""
    found = []
    for each in estimates:
        if limit.at_least is not None:
            found.append(_of_value(each, LimitKind.AT_LEAST, limit.at_least))
        if limit.at_most is not None:
            found.append(_of_value(each, LimitKind.AT_MOST, limit.at_most))
        if limit.no_worse_than_blessed_by is not None:
            found.append(_of_change(each, limit.no_worse_than_blessed_by, champion))
    return found


def _of_value(each: MetricEstimate, kind: LimitKind, limit: float) -> Standing:
    down, up = each.value - each.lower, each.upper - each.value
    is_floor = kind is LimitKind.AT_LEAST
    return Standing(
        estimate=each,
        kind=kind,
        limit=limit,
        value=each.value,
        lower=each.lower,
        upper=each.upper,
        good=each.value if is_floor else -each.value,
        needed=limit if is_floor else -limit,
        doubt_down=down if is_floor else up,
        doubt_up=up if is_floor else down,
        shown=f"{each.metric} on {rows_in_words(each)} is {each.value:.3f} "
        f"({interval_in_words(each.lower, each.upper)})",
        requested=f"at {'least' if is_floor else 'most'} {limit:.3f}",
    )


def _of_change(each: MetricEstimate, allowed: float, champion: str) -> Standing:
    blessed, difference = _figure(each.blessed_value), _figure(each.change)
    lower, upper = _figure(each.change_lower), _figure(each.change_upper)
    gain, down, up = difference, difference - lower, upper - difference
    if each.metric in LOWER_IS_BETTER:
        gain, down, up = -difference, up, down
    elif each.metric == "calibration":
        # 1 is ideal: the distance from it is compared, and either arm may lead away from it.
        gain, down, up = abs(blessed - 1) - abs(each.value - 1), max(down, up), max(down, up)
    return Standing(
        estimate=each,
        kind=LimitKind.NO_WORSE,
        limit=allowed,
        value=difference,
        lower=lower,
        upper=upper,
        good=gain,
        needed=-allowed,
        doubt_down=down,
        doubt_up=up,
        shown=f"{each.metric} on {rows_in_words(each)} is {each.value:.3f}, {champion}'s {blessed:.3f} "
        f"(change {difference:+.3f}, {interval_in_words(lower, upper, '+.3f')})",
        requested=f"no worse than {champion} by more than {allowed:.3f}",
    )


def _figure(value: float | None) -> float:
    return math.nan if value is None else value


def interval_in_words(lower: float, upper: float, form: str = ".3f") -> str:
    """ "0.630 to 0.675", or that the rows are too few for an interval."""
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return "too few rows for an interval"
    return f"{lower:{form}} to {upper:{form}}"


def rows_in_words(each: MetricEstimate) -> str:
    """The rows that a figure is measured on, in words."""
    if each.slice.class_name is not None:
        of = "of class" if each.metric == "recall" else "taken for"
        return f"the {each.n:,} test rows {of} {each.slice.class_name}"
    if each.slice == OVERALL:
        return f"all {each.n:,} test rows (overall)"
    return f"the {each.n:,} test rows with {each.slice.name}"
