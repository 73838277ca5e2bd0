"""Measures a model on all test rows and on slices of them, beside the last blessed model on the same rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.evaluation import class_metrics
from gates.evaluation.class_metrics import answers_of, codes_of
from gates.evaluation.metrics import ClassPerformance, ConfusionMatrix, MetricEstimate
from gates.evaluation.slices import OVERALL, Slice
from gates.statistics import intervals
from gates.statistics.clusters import Groups
from gates.statistics.intervals import Floats, Measured, Metric, change, interval, proportion

MISSING = "(missing)"

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Scored:
    """Test rows with their labels, predictions, the blessed model's predictions, and the columns to slice by.

    Predictions are [rows] probabilities of class 1, or [rows, classes]. The blessed model of two classes may have the
    other of these forms: `side_by_side` converts it. `groups`: the entity or the content of each row, where
    these were assigned to the splits.
    """

    labels: NDArray[Any]
    predictions: Floats
    blessed: Floats | None = None
    columns: Mapping[str, NDArray[Any]] | None = None
    groups: Groups = None

    @property
    def is_binary(self) -> bool:
        """Whether a prediction is one probability."""
        return self.predictions.ndim == 1

    @property
    def classes(self) -> int:
        """The number of the model's classes."""
        return 2 if self.is_binary else int(self.predictions.shape[1])

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics for predictions of this shape, by name."""
        return intervals.METRICS if self.is_binary else class_metrics.METRICS


def side_by_side(scored: Scored) -> Scored:
    """The same with the blessed model's predictions in the form of the candidate's; without them where the two models
    differ in the number of classes."""
    blessed, own = scored.blessed, scored.predictions
    if blessed is not None and own.ndim == 1 and blessed.ndim == 2 and blessed.shape[1] == 2:
        blessed = blessed[:, 1]
    elif blessed is not None and blessed.ndim == 1 and own.ndim == 2 and own.shape[1] == 2:
        blessed = np.column_stack([1 - blessed, blessed])
    comparable = blessed is not None and blessed.shape == own.shape
    return replace(scored, blessed=blessed if comparable else None)


@dataclass(frozen=True)
class SliceRows:
    """A slice, and the positions of its rows in test."""

    slice: Slice
    rows: NDArray[np.intp]


def slices_of(scored: Scored, by: Sequence[Sequence[str]]) -> Iterator[SliceRows]:
    """All rows first, then each combination of values that occurs, in order of the values."""
    yield SliceRows(OVERALL, np.arange(len(scored.labels)))
    for columns in by:
        yield from _slices_by(scored.columns or {}, sorted(columns))


def _slices_by(columns: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Iterator[SliceRows]:
    values, codes = zip(*(np.unique(columns[name], return_inverse=True) for name in names), strict=True)
    shape = tuple(len(each) for each in values)
    flat = np.ravel_multi_index(tuple(np.ravel(code) for code in codes), shape)
    order = np.argsort(flat, kind="stable")
    found, starts = np.unique(flat[order], return_index=True)
    for code, rows in zip(found, np.split(order, starts[1:]), strict=True):
        at = np.unravel_index(code, shape)
        named = {name: each[i] for name, each, i in zip(names, values, at, strict=True)}
        yield SliceRows(Slice.of(named), np.sort(rows))


def estimate(scored: Scored, part: SliceRows, metric: str, confidence: float) -> MetricEstimate:
    """One metric on one slice. What cannot be computed (a slice of one class has no AUC) is NaN."""
    labels, measured = scored.labels[part.rows], scored.metrics[metric]
    old = None if scored.blessed is None else measured(labels, scored.blessed[part.rows])
    new, groups = measured(labels, scored.predictions[part.rows]), _groups_of(scored, part)
    return _estimate(metric, part.slice, len(labels), new, old, confidence, groups)


def _groups_of(scored: Scored, part: SliceRows) -> Groups:
    """The entities of a slice. A slice of one entity is not drawn from others: its rows are the sample."""
    if scored.groups is None:
        return None
    groups = scored.groups[part.rows]
    return None if part.slice != OVERALL and len(np.unique(groups)) < 2 else groups


def _estimate(
    metric: str, where: Slice, n: int, new: Measured, old: Measured | None, confidence: float, groups: Groups
) -> MetricEstimate:
    own = interval(new, confidence, groups)
    if old is None:
        return MetricEstimate(metric, where, n, own.value, own.lower, own.upper)
    difference = change(new, old, confidence, groups)
    return MetricEstimate(
        metric=metric,
        slice=where,
        n=n,
        value=own.value,
        lower=own.lower,
        upper=own.upper,
        blessed_value=old.value,
        change=difference.value,
        change_lower=difference.lower,
        change_upper=difference.upper,
    )


def measure(
    scored: Scored, metrics: Sequence[str], slices: Sequence[Sequence[str]], confidence: float
) -> tuple[MetricEstimate, ...]:
    """Every metric on all rows and on every slice."""
    parts = list(slices_of(scored, slices))
    return tuple(estimate(scored, part, metric, confidence) for part in parts for metric in metrics)


def confusion(scored: Scored, names: Sequence[str] = ()) -> ConfusionMatrix:
    """Counts at the threshold of 0.5, or by the most probable class; rows whose label is no class are left out."""
    if scored.is_binary:
        actual, predicted = ((values > 0.5).astype(np.intp) for values in (scored.labels, scored.predictions))
    else:
        actual, predicted = codes_of(scored.labels, scored.classes), answers_of(scored.predictions)
    flat = (actual * scored.classes + predicted)[actual >= 0]
    counts = np.bincount(flat, minlength=scored.classes**2).reshape(scored.classes, -1)
    return ConfusionMatrix(class_names(scored.classes, names), tuple(tuple(row) for row in counts.tolist()))


def class_names(classes: int, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the classes: as configured, else their integers."""
    return tuple(names) or tuple(str(code) for code in range(classes))


def by_class(scored: Scored, names: Sequence[str], confidence: float) -> tuple[ClassPerformance, ...]:
    """Each class of [rows, classes] predictions, in order of the labels; nothing for a binary model."""
    if scored.is_binary:
        return ()
    codes = codes_of(scored.labels, scored.classes)
    new, old = answers_of(scored.predictions), None if scored.blessed is None else answers_of(scored.blessed)
    return tuple(
        _class_performance(
            name, codes == code, new == code, None if old is None else old == code, confidence, scored.groups
        )
        for code, name in enumerate(class_names(scored.classes, names))
    )


def _class_performance(
    name: str, true: Rows, predicted: Rows, blessed: Rows | None, confidence: float, groups: Groups
) -> ClassPerformance:
    found, members, taken = int((true & predicted).sum()), int(true.sum()), int(predicted.sum())
    shares = {"recall": (proportion(predicted, true), members), "precision": (proportion(true, predicted), taken)}
    before: dict[str, Measured] = {}
    if blessed is not None:
        before = {"recall": proportion(blessed, true), "precision": proportion(true, blessed)}
    estimates = {
        metric: _estimate(metric, Slice.of_class(name), n, share, before.get(metric), confidence, groups)
        for metric, (share, n) in shares.items()
    }
    return ClassPerformance(name, f1=2 * found / (members + taken) if members + taken else math.nan, **estimates)


def is_measured(estimate: MetricEstimate) -> bool:
    """Whether the metric could be computed."""
    return math.isfinite(estimate.value)
