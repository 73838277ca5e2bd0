"""Judges an evaluation against its thresholds.

All test rows: in doubt, refuse. With `judged_by="interval"` the end of the confidence interval nearest to refusal has
to meet the limit; with `"estimate"` the value itself. A metric that cannot be computed refuses.

Slices: in doubt, do not refuse, because among many slices some look bad by chance. A slice blocks only when it is
certainly beyond its limit: Holm's correction over every slice judgement of the evaluation, at the evaluation's own
confidence. A slice that looks bad without being certain warns; one that looks good without being certain, is too small
(`min_examples`) or has no value (one class alone has no AUC) is reported as information. With `"estimate"` a slice
blocks when its value is beyond the limit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from scipy import stats

from gates.finding import Finding, Severity, SkippedCheck
from gates.intervals import LOWER_IS_BETTER
from gates.metrics import OVERALL, Evaluation, MetricEstimate
from gates.rule import holm

EVERY = "*"
# `company=A, hour=1` is a slice over two columns, not a company.
_ANY_VALUE = "(?:(?!, [^,=]+=).)*"
VALUE, CHANGE, SLICE = "threshold_value", "threshold_change", "threshold_slice"
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

    @property
    def limits_value(self) -> bool:
        """Whether it asks something of the value itself, not only of its change."""
        return self.at_least is not None or self.at_most is not None


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
    def surely_met(self) -> bool:
        """Whether the end of the interval nearest to refusal does."""
        return self.value - self.doubt_down >= self.limit

    def p_beyond(self, confidence: float) -> float:
        """One-sided p-value of "not really beyond the limit", from the interval's upper arm."""
        if self.met:
            return 1.0
        if self.doubt_up <= 0:
            return 0.0
        z = (self.limit - self.value) / self.doubt_up * float(stats.norm.ppf(0.5 + confidence / 2))
        return float(stats.norm.sf(z))


def judge_thresholds(
    evaluation: Evaluation, limits: Sequence[Limit], judged_by: Literal["interval", "estimate"] = "interval"
) -> tuple[list[Finding], list[SkippedCheck]]:
    """What the thresholds say about an evaluation, and which of them could not be judged."""
    findings: list[Finding] = []
    skipped: list[SkippedCheck] = []
    slice_judgements: list[Judgement] = []
    for limit in limits:
        estimates = [each for each in evaluation.estimates if each.metric == limit.metric and _covers(limit, each)]
        if not estimates:
            findings.append(_without_rows(limit))
        elif limit.no_worse_than_blessed_by is not None and estimates[0].blessed_value is None:
            skipped.append(SkippedCheck(CHANGE, f"no model has been blessed before ({_described(limit)})"))
        if not limit.slice:
            for judgement in _judgements(limit, estimates):
                findings.append(_judge_overall(judgement, judged_by))
        else:
            findings += _unjudged(limit, estimates)
            slice_judgements += [each for each in _judgements(limit, estimates) if _is_judged(limit, each)]
    findings += _judge_slices(slice_judgements, judged_by, evaluation.confidence)
    return findings, skipped


def _covers(limit: Limit, estimate: MetricEstimate) -> bool:
    if not limit.slice:
        return estimate.slice == OVERALL
    pattern = ", ".join(
        re.escape(f"{column}=") + (_ANY_VALUE if limit.slice[column] == EVERY else re.escape(str(limit.slice[column])))
        for column in sorted(limit.slice)
    )
    return estimate.slice != OVERALL and re.fullmatch(pattern, estimate.slice, re.DOTALL) is not None


def _is_judged(limit: Limit, judgement: Judgement) -> bool:
    return judgement.estimate.n >= limit.min_examples and math.isfinite(judgement.value)


def _lacks_change(limit: Limit, each: MetricEstimate) -> bool:
    """Whether the change is asked for but one of the two models has no value."""
    if limit.no_worse_than_blessed_by is None or each.blessed_value is None:
        return False
    return each.change is None or not math.isfinite(each.change)


def _judgements(limit: Limit, estimates: Sequence[MetricEstimate]) -> list[Judgement]:
    """One for each side of the limit and each estimate."""
    found = []
    for each in estimates:
        if limit.at_least is not None:
            found.append(_value_judgement(each, limit.at_least, +1))
        if limit.at_most is not None:
            found.append(_value_judgement(each, limit.at_most, -1))
        if limit.no_worse_than_blessed_by is not None and each.blessed_value is not None:
            found.append(_change_judgement(each, limit.no_worse_than_blessed_by))
    return found


def _value_judgement(each: MetricEstimate, asked: float, sign: int) -> Judgement:
    down, up = each.value - each.lower, each.upper - each.value
    words = f"at {'least' if sign > 0 else 'most'} {asked:.3f}"
    return Judgement(
        estimate=each,
        check=SLICE if each.slice != OVERALL else VALUE,
        value=sign * each.value,
        limit=sign * asked,
        doubt_down=down if sign > 0 else up,
        doubt_up=up if sign > 0 else down,
        shown=f"{each.metric} on {_where(each)} is {each.value:.3f} ({each.lower:.3f} to {each.upper:.3f})",
        asked=words,
        asked_value=asked,
        shown_value=each.value,
    )


def _change_judgement(each: MetricEstimate, allowed: float) -> Judgement:
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
        check=SLICE if each.slice != OVERALL else CHANGE,
        value=gain,
        limit=-allowed,
        doubt_down=down,
        doubt_up=up,
        shown=f"{each.metric} on {_where(each)} is {each.value:.3f}, the last blessed model's {blessed:.3f} "
        f"(change {difference:+.3f}, {each.change_lower or 0.0:+.3f} to {each.change_upper or 0.0:+.3f})",
        asked=f"no worse than the last blessed model by more than {allowed:.3f}",
        asked_value=allowed,
        shown_value=difference,
    )


def _where(each: MetricEstimate) -> str:
    return (
        f"all {each.n:,} test rows (overall)"
        if each.slice == OVERALL
        else f"the {each.n:,} test rows with {each.slice}"
    )


def _judge_overall(judgement: Judgement, judged_by: str) -> Finding:
    if not math.isfinite(judgement.value):
        reason = f"{judgement.estimate.metric} on {_where(judgement.estimate)} could not be computed; asked is "
        remedy = "Look at the predictions and labels of test: one class alone, or predictions that are not numbers."
        return _finding(judgement, Severity.BLOCK, f"{reason}{judgement.asked}.", remedy)
    if judgement.surely_met or (judged_by == "estimate" and judgement.met):
        return _finding(judgement, Severity.INFO, f"{judgement.shown}: {judgement.asked}, as asked.", "Nothing to do.")
    if judgement.met:
        reason = f"{judgement.shown}; asked is {judgement.asked}, and the interval reaches beyond that."
        rows = _rows_to_decide(judgement)
        remedy = f"With about {rows:,} test rows the same value would do; else lower the threshold or mend the model."
        return _finding(judgement, Severity.BLOCK, reason, remedy)
    return _finding(judgement, Severity.BLOCK, f"{judgement.shown}; asked is {judgement.asked}.", _improve(judgement))


def _judge_slices(judgements: Sequence[Judgement], judged_by: str, confidence: float) -> list[Finding]:
    adjusted = holm([judgement.p_beyond(confidence) for judgement in judgements])
    found = []
    for judgement, p_value in zip(judgements, adjusted, strict=True):
        certain = p_value <= (1 - confidence) / 2 or judged_by == "estimate"
        if not judgement.met and certain:
            reason = f"{judgement.shown}; asked is {judgement.asked}."
            found.append(_finding(judgement, Severity.BLOCK, reason, _improve(judgement), p_value))
        elif not judgement.met:
            reason = (
                f"{judgement.shown}; asked is {judgement.asked}, but among {len(judgements)} slices that is not sure."
            )
            remedy = f"About {_rows_to_decide(judgement):,} rows of this slice would decide; watch it."
            found.append(_finding(judgement, Severity.WARN, reason, remedy, p_value))
        elif not judgement.surely_met:
            reason = f"{judgement.shown}: {judgement.asked}, as asked, though the interval reaches beyond that."
            found.append(_finding(judgement, Severity.INFO, reason, "Nothing to do."))
    return found


def _rows_to_decide(judgement: Judgement) -> int:
    """Rows at which an interval around the same value would no longer hold the limit: its width goes by 1/sqrt(n)."""
    arm = judgement.doubt_down if judgement.met else judgement.doubt_up
    distance = max(abs(judgement.value - judgement.limit), 1e-4)
    return math.ceil(judgement.estimate.n * (arm / distance) ** 2)


def _improve(judgement: Judgement) -> str:
    where = "" if judgement.estimate.slice == OVERALL else " on this slice"
    if judgement.asked.startswith("no worse"):
        return f"Find what made it fall behind{where} (data, features, training), or allow more in the threshold."
    return f"Improve the model{where}, or change the threshold in the configuration if it asks too much."


def _finding(
    judgement: Judgement, severity: Severity, reason: str, remedy: str, p_value: float | None = None
) -> Finding:
    each = judgement.estimate
    return Finding(
        check=judgement.check,
        subject=each.slice,
        statistic=f"change of {each.metric}" if judgement.asked.startswith("no worse") else each.metric,
        value=judgement.shown_value,
        threshold=judgement.asked_value,
        n=each.n,
        severity=severity,
        reason=reason,
        remedy=remedy,
        p_value=p_value,
    )


def _described(limit: Limit) -> str:
    where = ", ".join(f"{column}={value}" for column, value in sorted(limit.slice.items())) or OVERALL
    return f"{limit.metric} on {where}"


def _limit_value(limit: Limit) -> float:
    asked = (limit.at_least, limit.at_most, limit.no_worse_than_blessed_by)
    return next(value for value in asked if value is not None)


def _without_rows(limit: Limit) -> Finding:
    return Finding(
        check=SLICE if limit.slice else VALUE,
        subject=_described(limit).partition(" on ")[2],
        statistic=limit.metric,
        value=math.nan,
        threshold=_limit_value(limit),
        n=0,
        severity=Severity.WARN if limit.slice else Severity.BLOCK,
        reason=f"{_described(limit)} has a threshold but was not measured: no test row belongs to it.",
        remedy="Check evaluator.slices and the spelling of the value, or take the threshold out.",
    )


def _unjudged(limit: Limit, estimates: Sequence[MetricEstimate]) -> list[Finding]:
    """One line for the small slices of a threshold and one for those whose metric does not exist."""
    small = [each for each in estimates if each.n < limit.min_examples]
    large = [each for each in estimates if each.n >= limit.min_examples]
    undefined = [each for each in large if not math.isfinite(each.value)]
    unpaired = [each for each in large if math.isfinite(each.value) and _lacks_change(limit, each)]
    found = []
    for group, why in (
        (small, f"fewer than {limit.min_examples:,} test rows"),
        (undefined, f"no {limit.metric} (one class alone, for instance)"),
        (unpaired, f"no {limit.metric} of the last blessed model to compare with"),
    ):
        if group:
            count = "1 slice" if len(group) == 1 else f"{len(group)} slices"
            reason = f"{_described(limit)}: {count} ({_listed(group)}) with {why}: reported, not judged."
            found.append(_unjudged_finding(limit, group, reason))
    return found


def _listed(group: Sequence[MetricEstimate]) -> str:
    names = [each.slice for each in group[:3]]
    return "; ".join(names) + (f" and {len(group) - 3} more" if len(group) > 3 else "")


def _unjudged_finding(limit: Limit, group: Sequence[MetricEstimate], reason: str) -> Finding:
    return Finding(
        check=SLICE,
        subject=group[0].slice if len(group) == 1 else _described(limit).partition(" on ")[2],
        statistic=limit.metric,
        value=group[0].value if len(group) == 1 else math.nan,
        threshold=_limit_value(limit),
        n=sum(each.n for each in group),
        severity=Severity.INFO,
        reason=reason,
        remedy="Evaluate on more rows, or lower min_examples if you want it judged.",
    )
