"""A model's recall and precision by class, for models of two classes and of more."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy import stats

from gates.evaluation.metrics import ConfusionMatrix, Evaluation, MetricEstimate
from gates.statistics.intervals import wilson


@dataclass(frozen=True)
class Share:
    """A share of rows with its two-sided interval; all None where there are no rows, the interval alone where it is not
    known."""

    value: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class ClassLine:
    """One class on test."""

    name: str
    rows: int  # of the class
    predicted: int  # rows taken for the class
    recall: Share
    precision: Share
    f1: float | None
    mostly_taken_for: str | None  # the class that most of its rows are wrongly taken for
    rows_taken_for_it: int


def class_lines(evaluation: Evaluation) -> list[ClassLine]:
    """One line for each class, in order of the labels; empty without a confusion matrix."""
    matrix = evaluation.confusion
    if matrix is None:
        return []
    z = float(stats.norm.ppf(0.5 + evaluation.confidence / 2))
    lines = []
    for place, name in enumerate(matrix.labels):
        rows, predicted = sum(matrix.counts[place]), sum(row[place] for row in matrix.counts)
        recall, precision = (_share(matrix.counts[place][place], trials, z) for trials in (rows, predicted))
        if evaluation.entities is not None:  # counts of rows do not show how alike the rows of an entity are
            recall, precision = (replace(each, lower=None, upper=None) for each in (recall, precision))
        if evaluation.classes:  # the Evaluator's own figures, where it measured classes
            recall, precision = (_of(each) for each in _measured(evaluation, place))
        lines.append(
            ClassLine(name, rows, predicted, recall, precision, _f1(recall, precision), *_confused(matrix, place))
        )
    return lines


def _measured(evaluation: Evaluation, place: int) -> tuple[MetricEstimate, MetricEstimate]:
    return evaluation.classes[place].recall, evaluation.classes[place].precision


def _of(estimate: MetricEstimate) -> Share:
    values = (estimate.value, estimate.lower, estimate.upper)
    return Share(*(value if math.isfinite(value) else None for value in values))


def _share(hits: int, trials: int, z: float) -> Share:
    if not trials:
        return Share(None, None, None)
    found = wilson(hits / trials, trials, z)
    return Share(found.value, found.lower, found.upper)


def _f1(recall: Share, precision: Share) -> float | None:
    if recall.value is None or precision.value is None:
        return None
    both = recall.value + precision.value
    return 2 * recall.value * precision.value / both if both else 0.0


def _confused(matrix: ConfusionMatrix, place: int) -> tuple[str | None, int]:
    wrong = [(count, -other) for other, count in enumerate(matrix.counts[place]) if other != place]
    count, other = max(wrong, default=(0, 0))
    return (matrix.labels[-other], count) if count else (None, 0)
