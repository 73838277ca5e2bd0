"""Measures a model on all test rows and on slices of them, beside the last blessed model on the same rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.finding import Finding, Severity
from gates.intervals import METRICS, Floats, change, interval
from gates.metrics import OVERALL, ConfusionMatrix, MetricEstimate

MISSING = "(missing)"
SOUND_CHECKS = ("finite_predictions", "labels_are_binary", "both_classes_in_test")
_NAMED = 3


@dataclass(frozen=True)
class Scored:
    """Test rows as a model sees them: label, prediction, the blessed model's prediction, columns to slice by."""

    labels: NDArray[Any]
    predictions: Floats
    blessed: Floats | None = None
    columns: Mapping[str, NDArray[Any]] | None = None


@dataclass(frozen=True)
class Slice:
    """Some rows of test: all of them, or those with given values in given columns."""

    values: tuple[tuple[str, str], ...]
    rows: NDArray[np.intp]

    @property
    def name(self) -> str:
        """`overall`, or `company=Flash Cab, trip_start_hour=9` with the columns in alphabetical order."""
        return slice_name(dict(self.values))


def slice_name(values: Mapping[str, object]) -> str:
    """How a slice is called everywhere."""
    return ", ".join(f"{column}={values[column]}" for column in sorted(values)) or OVERALL


def slices_of(scored: Scored, by: Sequence[Sequence[str]]) -> Iterator[Slice]:
    """All rows first, then each combination of values that occurs, in order of the values."""
    yield Slice((), np.arange(len(scored.labels)))
    for columns in by:
        yield from _slices_by(scored.columns or {}, sorted(columns))


def _slices_by(columns: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Iterator[Slice]:
    values, codes = zip(*(np.unique(columns[name], return_inverse=True) for name in names), strict=True)
    shape = tuple(len(each) for each in values)
    flat = np.ravel_multi_index(tuple(np.ravel(code) for code in codes), shape)
    order = np.argsort(flat, kind="stable")
    found, starts = np.unique(flat[order], return_index=True)
    for code, rows in zip(found, np.split(order, starts[1:]), strict=True):
        at = np.unravel_index(code, shape)
        named = tuple((name, str(each[i])) for name, each, i in zip(names, values, at, strict=True))
        yield Slice(named, np.sort(rows))


def estimate(scored: Scored, part: Slice, metric: str, confidence: float) -> MetricEstimate:
    """One metric on one slice. What cannot be computed (a slice of one class has no AUC) is NaN."""
    labels = scored.labels[part.rows]
    new = METRICS[metric](labels, scored.predictions[part.rows])
    own = interval(new, confidence)
    figures: dict[str, Any] = {"metric": metric, "slice": part.name, "n": len(labels)}
    if scored.blessed is None:
        return MetricEstimate(**figures, value=own.value, lower=own.lower, upper=own.upper)
    old = METRICS[metric](labels, scored.blessed[part.rows])
    difference = change(new, old, confidence)
    return MetricEstimate(
        **figures,
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


def confusion(scored: Scored) -> ConfusionMatrix:
    """Counts at the threshold of 0.5."""
    actual, predicted = scored.labels > 0.5, scored.predictions > 0.5
    counts = tuple(
        tuple(int(np.sum((actual == row) & (predicted == column))) for column in (False, True)) for row in (False, True)
    )
    return ConfusionMatrix(labels=("0", "1"), counts=counts)


def is_measured(estimate: MetricEstimate) -> bool:
    """Whether the metric could be computed at all."""
    return math.isfinite(estimate.value)


def unsound(scored: Scored, label: str) -> list[Finding]:
    """What makes every figure meaningless, whatever the thresholds: `0.5 < NaN` is merely false."""
    found, rows = [], len(scored.labels)
    broken = int((~np.isfinite(scored.predictions)).sum())
    if broken:
        reason = f"{broken:,} of {rows:,} predictions on test ({broken / rows:.2%}) are not finite numbers."
        remedy = "Look for a diverged training, or for divisions and logarithms that make NaN or infinity of a feature."
        statistic = "share of predictions that are not finite"
        found.append(_refusal(SOUND_CHECKS[0], "serving_examples", statistic, broken / rows, 0.0, rows, reason, remedy))
    labels = np.asarray(scored.labels, dtype=np.float64)
    others = labels[(labels != 0) & (labels != 1)]
    if len(others):
        reason = f"{label} is neither 0 nor 1 in {len(others):,} of {rows:,} test rows ({_some(others)})."
        remedy = "Make it 0 or 1, e.g. with data.label_expression."
        statistic = "share of labels other than 0 and 1"
        found.append(_refusal(SOUND_CHECKS[1], label, statistic, len(others) / rows, 0.0, rows, reason, remedy))
    elif len(np.unique(labels)) < 2:
        reason = f"{label} is {labels[0]:g} in all {rows:,} test rows: they cannot tell a good model from a bad one."
        remedy = "Check the label and how the splits are made; test needs rows of both classes."
        found.append(_refusal(SOUND_CHECKS[2], label, "classes in test", 1.0, 2.0, rows, reason, remedy))
    return found


def _some(values: NDArray[np.float64]) -> str:
    seen = np.unique(values)
    named = ", ".join("missing" if math.isnan(value) else f"{value:g}" for value in seen[:_NAMED])
    return named + (" and others" if len(seen) > _NAMED else "")


def _refusal(
    check: str, subject: str, statistic: str, value: float, threshold: float, n: int, reason: str, remedy: str
) -> Finding:
    return Finding(check, subject, statistic, value, threshold, n, Severity.BLOCK, reason, remedy)
