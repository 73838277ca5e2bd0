"""Judges an evaluation against its thresholds.

All test rows: in doubt, refuse. With `judged_by="interval"` the end of the confidence interval nearest to refusal has
to meet the limit; with `"estimate"` the value itself. A metric that cannot be computed refuses; one that only the
blessed model lacks (it never predicted the class, and so has no precision) is not compared.

Slices: in doubt, do not refuse, because among many slices some look bad by chance. A slice blocks only when it is
certainly beyond its limit: Holm's correction over every slice judgement of the evaluation, at the evaluation's own
confidence. A slice that looks bad without being certain warns; one that looks good without being certain, is too small
(`min_examples`) or has no value (one class alone has no AUC) is reported as information. With `"estimate"` a slice
blocks when its value is beyond the limit. A threshold on a slice that no row of test belongs to refuses: nothing shows
that it is met.

One class, by its name, is judged as all test rows are: it was not chosen because it looks bad. Every class (`*`) is
judged as slices are, in one correction with them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from typing import Literal

from core.text import listed, nearest, plural, shortened, suggestion
from gates.evaluation.judgements import Decision, Judgement, LimitKind
from gates.evaluation.limits import CHANGE, Limit, Standing, estimates_for, rows_in_words, standings
from gates.evaluation.metrics import Evaluation, MetricEstimate
from gates.evaluation.slices import EVERY, OVERALL, Slice
from gates.statistics.sample_size import rows_until_certain
from gates.verdict.finding import Finding, Severity, SkippedCheck
from gates.verdict.rule import holm

JudgedBy = Literal["interval", "estimate"]
_NOTHING = "Nothing to do."
_PLURALS = {"slice": ("slice", "slices"), "class": ("class", "classes")}
# difflib's ratio from which a name counts as a misspelling of another one.
_LIKE = 0.6
_NONE_BLESSED = "no model has been blessed before"


class _Lack(Enum):
    """What a slice or class lacks, so that it cannot be judged."""

    ROWS = "rows"
    VALUE = "value"
    CHAMPION = "champion"


@dataclass(frozen=True)
class _Decided:
    """A decision with the texts of its finding; without a severity it has no finding."""

    standing: Standing
    decision: Decision
    severity: Severity | None
    reason: str
    remedy: str = _NOTHING
    p_value: float | None = None


@dataclass(frozen=True)
class _Judged:
    """One limit with the figures that it applies to, and the decision about each."""

    limit: Limit
    estimates: Sequence[MetricEstimate]
    decided: Sequence[_Decided]


@dataclass(frozen=True)
class ThresholdDecisions:
    """What the thresholds decided about an evaluation."""

    judgements: tuple[Judgement, ...]
    """The decision of each threshold about each figure that it applies to, in the order of the thresholds."""
    findings: tuple[Finding, ...]
    skipped: tuple[SkippedCheck, ...]
    """The checks that could not be run."""


def judge_thresholds(
    evaluation: Evaluation, limits: Sequence[Limit], judged_by: JudgedBy = "interval"
) -> ThresholdDecisions:
    """Decides each threshold once; the judgements and the findings report the same decisions."""
    judged = list(_decide(evaluation, limits, judged_by))
    findings, skipped = _findings(evaluation, judged)
    return ThresholdDecisions(tuple(_judgements(judged)), tuple(findings), tuple(skipped))


def _findings(evaluation: Evaluation, decisions: Sequence[_Judged]) -> tuple[list[Finding], list[SkippedCheck]]:
    findings: list[Finding] = []
    skipped: list[SkippedCheck] = []
    among_many: list[Finding] = []
    for judged in decisions:
        limit, found = judged.limit, [_finding(each) for each in judged.decided if each.severity is not None]
        if not judged.estimates:
            findings.append(_without_rows(limit, evaluation))
        elif limit.no_worse_than_blessed_by is not None and judged.estimates[0].blessed_value is None:
            skipped.append(SkippedCheck(CHANGE, f"{_NONE_BLESSED} ({_described(limit)})"))
        if limit.judges_many:
            findings += _unjudged(limit, judged.estimates, evaluation.compared_with)
            among_many += found
        else:
            findings += found
    return findings + among_many, skipped


def _judgements(decisions: Sequence[_Judged]) -> Iterator[Judgement]:
    for judged in decisions:
        for each in judged.decided:
            yield Judgement(
                metric=each.standing.estimate.metric,
                slice=each.standing.estimate.slice,
                kind=each.standing.kind,
                limit=each.standing.limit,
                min_examples=judged.limit.min_examples,
                n=each.standing.estimate.n,
                value=each.standing.value,
                lower=each.standing.lower,
                upper=each.standing.upper,
                decision=each.decision,
                reason=each.reason,
            )


def _decide(evaluation: Evaluation, limits: Sequence[Limit], judged_by: JudgedBy) -> Iterator[_Judged]:
    champion, confidence = evaluation.compared_with, evaluation.confidence
    found = [(limit, estimates_for(limit, evaluation)) for limit in limits]
    held = [(limit, estimates, standings(limit, estimates, champion)) for limit, estimates in found]
    many = [each for limit, _, standing in held if limit.judges_many for each in standing if _is_judged(limit, each)]
    p_values = iter(holm([each.p_beyond(confidence) for each in many]))
    among = _among(many)
    for limit, estimates, standing in held:
        decided = []
        for each in standing:
            if each.lacks_champion:
                decided.append(_Decided(each, Decision.UNJUDGED, None, f"It is not judged: {_NONE_BLESSED}."))
            elif not limit.judges_many:
                decided.append(_decide_one(each, judged_by, champion))
            elif _is_judged(limit, each):
                p_value = next(p_values)
                is_certain = p_value <= (1 - confidence) / 2 or judged_by == "estimate"
                rows = rows_until_certain(p_value, (1 - confidence) / 2, each.estimate.n)
                decided.append(_decide_among_many(each, p_value, is_certain, among, rows))
            else:
                decided.append(_Decided(each, Decision.UNJUDGED, None, _not_judged(limit, each, champion)))
        yield _Judged(limit, estimates, decided)


def _is_judged(limit: Limit, standing: Standing) -> bool:
    return standing.estimate.n >= limit.min_examples and math.isfinite(standing.good)


def _decide_one(standing: Standing, judged_by: JudgedBy, champion: str) -> _Decided:
    each, shown, requested = standing.estimate, standing.shown, standing.requested
    if not math.isfinite(standing.good):
        where = rows_in_words(each)
        if math.isfinite(each.value) and math.isnan(each.blessed_value or 0.0):
            reason = f"{each.metric} on {where} is {each.value:.3f}, and {champion} has none: there is "
            return _Decided(standing, Decision.UNJUDGED, Severity.INFO, f"{reason}nothing to fall behind.")
        reason = f"{each.metric} on {where} could not be computed; required is {requested}."
        remedy = "Look at the predictions and labels of test: one class alone, or predictions that are not numbers."
        return _missed(standing, reason, remedy)
    if standing.surely_met or (judged_by == "estimate" and standing.met):
        return _Decided(standing, Decision.MET, Severity.INFO, f"{shown}: {requested}, as required.")
    if standing.met and not standing.has_interval:
        reason = f"{shown}; required is {requested}, and nobody can say that it is."
        return _missed(standing, reason, "Evaluate on more test rows.")
    if standing.met:
        reason = f"{shown}; required is {requested}, and the interval reaches beyond that."
        rows = _rows_to_decide(standing)
        remedy = f"With about {rows:,} test rows the same value would do; else lower the threshold or mend the model."
        return _missed(standing, reason, remedy)
    return _missed(standing, f"{shown}; required is {requested}.", _improve(standing))


def _decide_among_many(
    standing: Standing, p_value: float, is_certain: bool, among: str, rows_to_decide: int | None
) -> _Decided:
    shown, requested = standing.shown, standing.requested
    if not standing.met and is_certain:
        return _missed(standing, f"{shown}; required is {requested}.", _improve(standing), p_value)
    if not standing.met:
        reason = f"{shown}; required is {requested}, but among {among} that is not sure."
        rows = f"About {rows_to_decide:,}" if standing.has_interval and rows_to_decide else "More"
        remedy = f"{rows} rows of this {_noun(standing)} would decide; watch it."
        return _Decided(standing, Decision.DOUBTFUL, Severity.WARN, reason, remedy, p_value)
    if standing.surely_met:
        return _Decided(standing, Decision.MET, None, f"{shown}: {requested}, as required.")
    doubt = "the interval reaches beyond that" if standing.has_interval else "that is not sure"
    return _Decided(standing, Decision.MET, Severity.INFO, f"{shown}: {requested}, as required, though {doubt}.")


def _missed(standing: Standing, reason: str, remedy: str, p_value: float | None = None) -> _Decided:
    return _Decided(standing, Decision.MISSED, Severity.BLOCK, reason, remedy, p_value)


def _among(many: Sequence[Standing]) -> str:
    return f"{len(many)} {listed([_PLURALS[noun][1] for noun in sorted(set(map(_noun, many)))])}"


def _noun(standing: Standing) -> str:
    return "slice" if standing.estimate.slice.class_name is None else "class"


def _rows_to_decide(standing: Standing) -> int:
    """Rows at which an interval around the same value would not contain the limit: its width goes by 1/sqrt(n)."""
    arm = standing.doubt_down if standing.met else standing.doubt_up
    distance = max(abs(standing.good - standing.needed), 1e-4)
    return max(standing.estimate.n + 1, math.ceil(standing.estimate.n * (arm / distance) ** 2))


def _improve(standing: Standing) -> str:
    where = "" if standing.estimate.slice == OVERALL else f" on this {_noun(standing)}"
    if standing.kind is LimitKind.NO_WORSE:
        return f"Find what made it fall behind{where} (data, features, training), or allow more in the threshold."
    return f"Improve the model{where}, or change the threshold in the configuration if it asks too much."


def _finding(decided: _Decided) -> Finding:
    assert decided.severity is not None
    standing, each = decided.standing, decided.standing.estimate
    return Finding(
        check=standing.check,
        subject=each.slice.name,
        statistic=f"change of {each.metric}" if standing.kind is LimitKind.NO_WORSE else each.metric,
        value=standing.value,
        threshold=standing.limit,
        n=each.n,
        severity=decided.severity,
        reason=decided.reason,
        remedy=decided.remedy,
        p_value=decided.p_value,
    )


def _described(limit: Limit) -> str:
    return f"{limit.metric} on {limit.where.name}"


def _limit_value(limit: Limit) -> float:
    requested = (limit.at_least, limit.at_most, limit.no_worse_than_blessed_by)
    return next(value for value in requested if value is not None)


def _without_rows(limit: Limit, evaluation: Evaluation) -> Finding:
    near = _nearest_slice(limit.where, evaluation)
    why, remedy = "no test row belongs to it", "Check evaluator.slices and the spelling of the value, or take the "
    if limit.class_name is not None:
        why, remedy = "the model has no class of that name, or tells two classes apart by one probability", "Check "
        remedy += "data.class_names and the spelling of the class, or take the "
    return Finding(
        check=limit.check,
        subject=limit.where.name,
        statistic=limit.metric,
        value=math.nan,
        threshold=_limit_value(limit),
        n=0,
        severity=Severity.BLOCK,
        reason=f"{_described(limit)} has a threshold but was not measured: {why}{suggestion(near) or '.'}",
        remedy=f"{remedy}threshold out.",
    )


def _nearest_slice(wanted: Slice, evaluation: Evaluation) -> str | None:
    """The slice of test whose name is most like the wanted one; None for a class, or when none is like it."""
    if wanted.class_name is not None:
        return nearest(wanted.class_name, [each.name for each in evaluation.classes])
    names = {each.slice.name: each.slice for each in evaluation.estimates if each.slice.columns == wanted.columns}
    near = max(names, key=lambda name: _likeness(wanted, names[name]), default=None)
    return near if near is not None and _likeness(wanted, names[near]) >= _LIKE else None


def _likeness(wanted: Slice, other: Slice) -> float:
    """How alike the values of two slices of the same columns are, from 0 to 1, that of the least like pair."""
    pairs = zip(wanted.values, other.values, strict=True)
    return min(
        1.0 if value == EVERY else SequenceMatcher(None, value.casefold(), given.casefold()).ratio()
        for (_, value), (_, given) in pairs
    )


def _unjudged(limit: Limit, estimates: Sequence[MetricEstimate], champion: str) -> list[Finding]:
    """One finding for the small slices of a threshold and one for those whose metric does not exist."""
    lacks = [_lack_of(limit, each) for each in estimates]
    found = []
    for lack in _Lack:
        group = [each for each, own in zip(estimates, lacks, strict=True) if own is lack]
        if group:
            noun = plural(len(group), *_PLURALS["slice" if limit.slice else "class"])
            names = shortened([each.slice.name for each in group], 3, between="; ")
            reason = f"{_described(limit)}: {len(group)} {noun} ({names}) with {_lacking(lack, limit, champion)}: "
            reason += "reported, not judged."
            found.append(_unjudged_finding(limit, group, reason))
    return found


def _lack_of(limit: Limit, each: MetricEstimate) -> _Lack | None:
    if each.n < limit.min_examples:
        return _Lack.ROWS
    if not math.isfinite(each.value):
        return _Lack.VALUE
    if limit.no_worse_than_blessed_by is None or each.blessed_value is None:
        return None
    return _Lack.CHAMPION if each.change is None or not math.isfinite(each.change) else None


def _lacking(lack: _Lack, limit: Limit, champion: str) -> str:
    return {
        _Lack.ROWS: f"fewer than {limit.min_examples:,} test rows",
        _Lack.VALUE: f"no {limit.metric} (one class alone, for instance)",
        _Lack.CHAMPION: f"no {limit.metric} of {champion} to compare with",
    }[lack]


def _not_judged(limit: Limit, standing: Standing, champion: str) -> str:
    lack = _lack_of(limit, standing.estimate)
    assert lack is not None, "what lacks nothing is judged"
    return f"It is not judged: {_lacking(lack, limit, champion)}."


def _unjudged_finding(limit: Limit, group: Sequence[MetricEstimate], reason: str) -> Finding:
    return Finding(
        check=limit.check,
        subject=(group[0].slice if len(group) == 1 else limit.where).name,
        statistic=limit.metric,
        value=group[0].value if len(group) == 1 else math.nan,
        threshold=_limit_value(limit),
        n=sum(each.n for each in group),
        severity=Severity.INFO,
        reason=reason,
        remedy="Evaluate on more rows, or lower min_examples if you want it judged.",
    )
