"""Judges an evaluation against its thresholds.

All test rows: in doubt, refuse. With `judged_by="interval"` the end of the confidence interval nearest to refusal has
to meet the limit; with `"estimate"` the value itself. A metric that cannot be computed refuses; one that only the
blessed model lacks (it never predicted the class, and so has no precision) is nothing to fall behind.

Slices: in doubt, do not refuse, because among many slices some look bad by chance. A slice blocks only when it is
certainly beyond its limit: Holm's correction over every slice judgement of the evaluation, at the evaluation's own
confidence. A slice that looks bad without being certain warns; one that looks good without being certain, is too small
(`min_examples`) or has no value (one class alone has no AUC) is reported as information. With `"estimate"` a slice
blocks when its value is beyond the limit.

One class, by its name, is judged as all test rows are: nobody picked it because it looks bad. Every class (`*`) is
judged as slices are, in one correction with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from core.text import listed, plural, shortened
from gates.evaluation.limits import CHANGE, CLASS, Judgement, Limit, estimates_for, judgements, rows_told
from gates.evaluation.metrics import OVERALL, Evaluation, MetricEstimate
from gates.verdict.finding import Finding, Severity, SkippedCheck
from gates.verdict.rule import holm

_NOUNS = {"slice": ("slice", "slices"), "class": ("class", "classes")}


def judge_thresholds(
    evaluation: Evaluation, limits: Sequence[Limit], judged_by: Literal["interval", "estimate"] = "interval"
) -> tuple[list[Finding], list[SkippedCheck]]:
    """What the thresholds say about an evaluation, and which of them could not be judged."""
    findings: list[Finding] = []
    skipped: list[SkippedCheck] = []
    champion = evaluation.compared_with
    many: list[Judgement] = []
    for limit in limits:
        estimates = estimates_for(limit, evaluation)
        if not estimates:
            findings.append(_without_rows(limit))
        elif limit.no_worse_than_blessed_by is not None and estimates[0].blessed_value is None:
            skipped.append(SkippedCheck(CHANGE, f"no model has been blessed before ({_described(limit)})"))
        if not limit.judges_many:
            for judgement in judgements(limit, estimates, champion):
                findings.append(_judge_one(judgement, judged_by, champion))
        else:
            findings += _unjudged(limit, estimates, champion)
            many += [each for each in judgements(limit, estimates, champion) if _is_judged(limit, each)]
    findings += _judge_many(many, judged_by, evaluation.confidence)
    return findings, skipped


def _is_judged(limit: Limit, judgement: Judgement) -> bool:
    return judgement.estimate.n >= limit.min_examples and math.isfinite(judgement.value)


def _lacks_change(limit: Limit, each: MetricEstimate) -> bool:
    """Whether the change is asked for but one of the two models has no value."""
    if limit.no_worse_than_blessed_by is None or each.blessed_value is None:
        return False
    return each.change is None or not math.isfinite(each.change)


def _judge_one(judgement: Judgement, judged_by: str, champion: str) -> Finding:
    each = judgement.estimate
    if not math.isfinite(judgement.value):
        where = rows_told(each, judgement.check)
        if math.isfinite(each.value) and math.isnan(each.blessed_value or 0.0):
            reason = f"{each.metric} on {where} is {each.value:.3f}, and {champion} has none: there is "
            return _finding(judgement, Severity.INFO, f"{reason}nothing to fall behind.", "Nothing to do.")
        reason = f"{each.metric} on {where} could not be computed; asked is "
        remedy = "Look at the predictions and labels of test: one class alone, or predictions that are not numbers."
        return _finding(judgement, Severity.BLOCK, f"{reason}{judgement.asked}.", remedy)
    if judgement.surely_met or (judged_by == "estimate" and judgement.met):
        return _finding(judgement, Severity.INFO, f"{judgement.shown}: {judgement.asked}, as asked.", "Nothing to do.")
    if judgement.met and not judgement.has_interval:
        reason = f"{judgement.shown}; asked is {judgement.asked}, and nobody can say that it is."
        return _finding(judgement, Severity.BLOCK, reason, "Evaluate on more test rows.")
    if judgement.met:
        reason = f"{judgement.shown}; asked is {judgement.asked}, and the interval reaches beyond that."
        rows = _rows_to_decide(judgement)
        remedy = f"With about {rows:,} test rows the same value would do; else lower the threshold or mend the model."
        return _finding(judgement, Severity.BLOCK, reason, remedy)
    return _finding(judgement, Severity.BLOCK, f"{judgement.shown}; asked is {judgement.asked}.", _improve(judgement))


def _judge_many(judgements: Sequence[Judgement], judged_by: str, confidence: float) -> list[Finding]:
    adjusted = holm([judgement.p_beyond(confidence) for judgement in judgements])
    kinds = {"class" if judgement.check == CLASS else "slice" for judgement in judgements}
    among = f"{len(judgements)} {listed([_NOUNS[kind][1] for kind in sorted(kinds)])}"
    found = []
    for judgement, p_value in zip(judgements, adjusted, strict=True):
        certain = p_value <= (1 - confidence) / 2 or judged_by == "estimate"
        if not judgement.met and certain:
            reason = f"{judgement.shown}; asked is {judgement.asked}."
            found.append(_finding(judgement, Severity.BLOCK, reason, _improve(judgement), p_value))
        elif not judgement.met:
            reason = f"{judgement.shown}; asked is {judgement.asked}, but among {among} that is not sure."
            kind = "class" if judgement.check == CLASS else "slice"
            rows = f"About {_rows_to_decide(judgement):,}" if judgement.has_interval else "More"
            remedy = f"{rows} rows of this {kind} would decide; watch it."
            found.append(_finding(judgement, Severity.WARN, reason, remedy, p_value))
        elif not judgement.surely_met:
            doubt = "the interval reaches beyond that" if judgement.has_interval else "that is not sure"
            reason = f"{judgement.shown}: {judgement.asked}, as asked, though {doubt}."
            found.append(_finding(judgement, Severity.INFO, reason, "Nothing to do."))
    return found


def _rows_to_decide(judgement: Judgement) -> int:
    """Rows at which an interval around the same value would no longer hold the limit: its width goes by 1/sqrt(n)."""
    arm = judgement.doubt_down if judgement.met else judgement.doubt_up
    distance = max(abs(judgement.value - judgement.limit), 1e-4)
    return math.ceil(judgement.estimate.n * (arm / distance) ** 2)


def _improve(judgement: Judgement) -> str:
    where = (
        " on this class"
        if judgement.check == CLASS
        else ""
        if judgement.estimate.slice == OVERALL
        else " on this slice"
    )
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
    return f"{limit.metric} on {limit.where}"


def _limit_value(limit: Limit) -> float:
    asked = (limit.at_least, limit.at_most, limit.no_worse_than_blessed_by)
    return next(value for value in asked if value is not None)


def _without_rows(limit: Limit) -> Finding:
    why, remedy = "no test row belongs to it", "Check evaluator.slices and the spelling of the value, or take the "
    if limit.class_name is not None:
        why, remedy = "the model has no class of that name, or tells two classes apart by one probability", "Check "
        remedy += "data.class_names and the spelling of the class, or take the "
    return Finding(
        check=limit.check,
        subject=limit.where,
        statistic=limit.metric,
        value=math.nan,
        threshold=_limit_value(limit),
        n=0,
        severity=Severity.WARN if limit.slice else Severity.BLOCK,
        reason=f"{_described(limit)} has a threshold but was not measured: {why}.",
        remedy=f"{remedy}threshold out.",
    )


def _unjudged(limit: Limit, estimates: Sequence[MetricEstimate], champion: str) -> list[Finding]:
    """One line for the small slices of a threshold and one for those whose metric does not exist."""
    small = [each for each in estimates if each.n < limit.min_examples]
    large = [each for each in estimates if each.n >= limit.min_examples]
    undefined = [each for each in large if not math.isfinite(each.value)]
    unpaired = [each for each in large if math.isfinite(each.value) and _lacks_change(limit, each)]
    found = []
    for group, why in (
        (small, f"fewer than {limit.min_examples:,} test rows"),
        (undefined, f"no {limit.metric} (one class alone, for instance)"),
        (unpaired, f"no {limit.metric} of {champion} to compare with"),
    ):
        if group:
            noun = plural(len(group), *_NOUNS["slice" if limit.slice else "class"])
            names = shortened([each.slice for each in group], 3, between="; ")
            reason = f"{_described(limit)}: {len(group)} {noun} ({names}) with {why}: reported, not judged."
            found.append(_unjudged_finding(limit, group, reason))
    return found


def _unjudged_finding(limit: Limit, group: Sequence[MetricEstimate], reason: str) -> Finding:
    return Finding(
        check=limit.check,
        subject=group[0].slice if len(group) == 1 else limit.where,
        statistic=limit.metric,
        value=group[0].value if len(group) == 1 else math.nan,
        threshold=_limit_value(limit),
        n=sum(each.n for each in group),
        severity=Severity.INFO,
        reason=reason,
        remedy="Evaluate on more rows, or lower min_examples if you want it judged.",
    )
