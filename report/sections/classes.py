"""A model with several classes, class by class: confusions, and recall and precision with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gates.evaluation.metrics import ClassPerformance, ConfusionMatrix, Evaluation, MetricEstimate
from report.evidence import Evidence
from report.limits import limit_words, on_value
from report.markup import fragment
from report.scale import AxisScale
from report.sections.intervals import IntervalRow, bounds_of, mark
from report.sections.section import Section
from report.wording import count, figure, interval, metric, share

TITLE = "Classes"
# More cells cannot be read.
MOST_DRAWN = 30
MOST_NAMED = 5
# A class that is predicted so much more often than it is true, on so many rows, is a sign of a collapse.
TOO_OFTEN, OF_ALL_ROWS = 1.5, 0.05


@dataclass(frozen=True)
class Cell:
    """How many rows of one class were predicted as another; `shade` in per cent."""

    count: int
    shade: int
    right: bool
    sentence: str  # "Shirt taken for Coat: 63 of 1,000 rows, 6.3 %"


@dataclass(frozen=True)
class ClassRow:
    """One class of the table."""

    name: str
    n: int
    predicted: int
    f1: float
    recall: IntervalRow
    precision: IntervalRow
    changes: tuple[str, str]  # of recall and precision against the last blessed model, or empty


def render(evidence: Evidence) -> list[Section]:
    """The section of a model with several classes; none for two classes with one probability."""
    evaluation = evidence.evaluation
    if evaluation is None or not evaluation.classes:
        return []
    scale = _scale(evaluation)
    rows = [_class_row(each, scale, evaluation) for each in sorted(evaluation.classes, key=lambda each: _rank(each.f1))]
    matrix = evaluation.confusion
    body = fragment(
        "classes",
        confidence=f"{100 * evaluation.confidence:g}",
        sentences=_sentences(evaluation),
        matrix=_drawn(matrix) if matrix else None,
        rows=rows,
        ticks=[(scale.at(tick), figure(tick)) for tick in scale.ticks(3)],
        compared=any(any(row.changes) for row in rows),
        compared_with=evaluation.compared_with,
        limits=_limit_words(evaluation),
    )
    return [Section("classes", TITLE, body)]


def _rank(value: float) -> tuple[bool, float]:
    """Worst first; figures that could not be computed last."""
    return not math.isfinite(value), value


def _class_row(performance: ClassPerformance, scale: AxisScale, evaluation: Evaluation) -> ClassRow:
    drawn = {
        estimate.metric: mark(performance.name, estimate, scale, on_value(evaluation.judgements_on(estimate)))
        for estimate in (performance.recall, performance.precision)
    }
    return ClassRow(
        name=performance.name,
        n=performance.n,
        predicted=performance.predicted,
        f1=performance.f1,
        recall=drawn["recall"],
        precision=drawn["precision"],
        changes=(_change(performance.recall), _change(performance.precision)),
    )


def _limit_words(evaluation: Evaluation) -> dict[str, str]:
    """The limits on recall and precision, for the heads of their columns."""
    words: dict[str, list[str]] = {"recall": [], "precision": []}
    for performance in evaluation.classes:
        for estimate in (performance.recall, performance.precision):
            words[estimate.metric] += map(limit_words, on_value(evaluation.judgements_on(estimate)))
    return {name: ", ".join(dict.fromkeys(limits)) for name, limits in words.items()}


def _scale(evaluation: Evaluation) -> AxisScale:
    estimates = [estimate for each in evaluation.classes for estimate in (each.recall, each.precision)]
    figures = [end for estimate in estimates for end in (estimate.value, estimate.lower, estimate.upper)]
    figures += [limit.limit for estimate in estimates for limit in on_value(evaluation.judgements_on(estimate))]
    return AxisScale.over(figures, *bounds_of("recall"))


def _change(estimate: MetricEstimate) -> str:
    if estimate.change is None or not math.isfinite(estimate.change):
        return ""
    spread = interval(estimate.change_lower, estimate.change_upper)
    sign = "+" if estimate.change > 0 else ""
    return f"{sign}{metric(estimate.change)}" + (f" ({spread})" if spread else "")


def _sentences(evaluation: Evaluation) -> list[tuple[bool, str]]:
    """The most important sentences, each as (whether it is bad news, the sentence)."""
    rows = sum(each.n for each in evaluation.classes)
    sentences = []
    for each in evaluation.classes:
        if each.predicted > TOO_OFTEN * each.n and each.predicted - each.n > OF_ALL_ROWS * rows:
            sentence = f"{each.name} is the answer for {count(each.predicted)} rows and the truth for {count(each.n)}: "
            sentences.append((True, f"{sentence}other classes are taken for it."))
    known = [each for each in evaluation.classes if math.isfinite(each.recall.value)]
    if known:
        worst = min(known, key=lambda each: each.recall.value)
        spread = interval(worst.recall.lower, worst.recall.upper)
        text = f"{worst.name} is found least often: recall {metric(worst.recall.value)}"
        sentences.append((False, f"{text} ({spread}) on {count(worst.n)} rows."))
    confused = [each for each in _confusions(evaluation.confusion) if each.count] if evaluation.confusion else []
    if confused:
        sentences.append((False, f"Most often confused: {'; '.join(each.sentence for each in confused[:MOST_NAMED])}."))
    return sentences


def _confusions(matrix: ConfusionMatrix) -> list[Cell]:
    """The cells off the diagonal, largest first."""
    cells = [
        _cell(matrix, row, column)
        for row in range(len(matrix.labels))
        for column in range(len(matrix.labels))
        if row != column and matrix.counts[row][column]
    ]
    return sorted(cells, key=lambda cell: -cell.count)


def _cell(matrix: ConfusionMatrix, row: int, column: int) -> Cell:
    number, total = matrix.counts[row][column], sum(matrix.counts[row])
    part = number / total if total else 0.0
    right = row == column
    as_what = "found" if right else f"taken for {matrix.labels[column]}"
    # Square roots make small shares visible: the map is for a few errors in a hundred.
    return Cell(
        number,
        round(100 * math.sqrt(part)),
        right,
        f"{matrix.labels[row]} {as_what} in {count(number)} of {count(total)} rows ({share(part)})",
    )


def _drawn(matrix: ConfusionMatrix) -> dict[str, object]:
    """The matrix, or its classes with most errors where it is too large to read."""
    every = range(len(matrix.labels))
    errors = [sum(matrix.counts[i]) + sum(row[i] for row in matrix.counts) - 2 * matrix.counts[i][i] for i in every]
    shown = sorted(sorted(every, key=lambda i: -errors[i])[:MOST_DRAWN])
    rows = [
        {
            "label": matrix.labels[row],
            "cells": [_cell(matrix, row, column) for column in shown],
            "total": sum(matrix.counts[row]),
        }
        for row in shown
    ]
    return {"labels": [matrix.labels[i] for i in shown], "rows": rows, "of": len(matrix.labels)}
