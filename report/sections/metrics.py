"""The figures on test: overall beside simple references, against the last blessed model, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from core.text import listed
from gates.evaluation.judgements import Decision, Judgement
from gates.evaluation.metrics import ConfusionMatrix, Evaluation, MetricEstimate
from gates.evaluation.slices import OVERALL
from report.evidence import Evidence
from report.limits import leads, limit_words, on_change, on_value, trails
from report.markup import fragment
from report.scale import AxisScale
from report.sections.intervals import IntervalPlot, IntervalRow, bounds_of, mark, plot
from report.sections.section import Section, not_reached
from report.sections.slices import slice_groups
from report.wording import metric as written

TITLE = "Metrics"


class Beside(str, Enum):
    """How the model compares with another one, in the words of a sentence."""

    WORSE = "worse than {} by more than its interval"
    LEVEL = "no worse and no better than {}, within its interval,"
    BETTER = "better than {} by more than its interval"


def render(evidence: Evidence) -> Section:
    """Every metric with its interval, its limits and the figures of simple models on the same rows."""
    evaluation = evidence.evaluation
    if evaluation is None:
        return not_reached("metrics", TITLE, "no model was evaluated in this run")
    body = fragment(
        "metrics",
        confidence=f"{100 * evaluation.confidence:g}",
        rows=max((estimate.n for estimate in evaluation.overall().values()), default=0),
        judged_by=evidence.judged_by,
        overall=[_overall_plot(estimate, evaluation) for estimate in evaluation.overall().values()],
        sentences=_against_references(evaluation),
        notes=evaluation.notes,
        blessed=_against_blessed(evaluation),
        limit_words=limit_words,
        compared_with=evaluation.compared_with,
        slices=slice_groups(evaluation),
        # Of several classes the matrix has a section of its own.
        confusion=_confusion_rows(evaluation.confusion) if evaluation.confusion and not evaluation.classes else None,
    )
    return Section("metrics", TITLE, body)


def _overall_plot(estimate: MetricEstimate, evaluation: Evaluation) -> IntervalPlot:
    """The model, the last blessed model and the references on one axis."""
    others = [
        (reference.name, other)
        for reference in evaluation.references
        for other in reference.estimates
        if other.metric == estimate.metric and other.slice == OVERALL
    ]
    limits = on_value(evaluation.judgements_on(estimate))
    figures = [figure for _, shown in [("", estimate), *others] for figure in (shown.value, shown.lower, shown.upper)]
    if estimate.blessed_value is not None:
        figures.append(estimate.blessed_value)
    scale = AxisScale.over([*figures, *(limit.limit for limit in limits)], *bounds_of(estimate.metric))
    rows = [mark("this model", estimate, scale, limits, strong=True)]
    if estimate.blessed_value is not None:
        rows.append(
            _point(evaluation.compared_with.removeprefix("the "), estimate.blessed_value, estimate.n, scale, limits)
        )
    rows += [mark(name, other, scale, limits, judged=False) for name, other in others]
    return plot(estimate.metric, scale, rows, limits)


def _point(name: str, value: float, n: int, scale: AxisScale, limits: Sequence[Judgement]) -> IntervalRow:
    bare = MetricEstimate("", OVERALL, n, value, float("nan"), float("nan"))
    return mark(name, bare, scale, limits, judged=False)


def _against_references(evaluation: Evaluation) -> list[tuple[bool, str]]:
    """Sentences that compare the model with each reference, (whether it is bad news, the sentence); bad news first."""
    ours = evaluation.overall()
    sentences = []
    for reference in evaluation.references:
        judged: dict[Beside, list[str]] = {}
        for other in reference.estimates:
            own = ours.get(other.metric)
            behind = trails(own, other) if own and other.slice == OVERALL else None
            if own and behind is not None:
                beside = Beside.WORSE if behind else Beside.BETTER if leads(own, other) else Beside.LEVEL
                figures = f"{other.metric} ({written(own.value)} against {written(other.value)})"
                judged.setdefault(beside, []).append(figures)
        for beside, metrics in judged.items():
            sentence = f"The model is {beside.value.format(reference.name)} on {listed(metrics)}."
            sentences.append((beside is Beside.WORSE, sentence))
    return sorted(sentences, key=lambda entry: not entry[0])


def _against_blessed(evaluation: Evaluation) -> list[tuple[MetricEstimate, list[Judgement]]]:
    """Overall changes, then the slices that miss, or may miss, a limit on change."""
    compared = [estimate for estimate in evaluation.estimates if estimate.change is not None]
    shown = []
    for estimate in compared:
        limits = on_change(evaluation.judgements_on(estimate))
        if estimate.slice == OVERALL or any(limit.decision in (Decision.MISSED, Decision.DOUBTFUL) for limit in limits):
            shown.append((estimate, limits))
    return shown


def _confusion_rows(matrix: ConfusionMatrix) -> dict[str, object]:
    rows = []
    for label, counts in zip(matrix.labels, matrix.counts, strict=True):
        total = sum(counts)
        shares = [count / total if total else 0.0 for count in counts]
        rows.append({"label": label, "cells": list(zip(counts, shares, strict=True)), "total": total})
    return {"labels": matrix.labels, "rows": rows}
