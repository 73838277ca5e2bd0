"""Faults of predictions and labels that make every figure of an evaluation meaningless; a threshold alone would not
show them, as `0.5 < NaN` is merely false."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.text import shortened
from gates.evaluation.class_metrics import codes_of
from gates.evaluation.measure import Scored
from gates.verdict.finding import Finding, Severity

ANSWERS = "answers_every_row"
FINITE, PROBABILITIES = "finite_predictions", "predictions_are_probabilities"
BINARY_LABELS, CLASS_LABELS = "labels_are_binary", "labels_are_classes"
BOTH_CLASSES, SEVERAL_CLASSES = "both_classes_in_test", "several_classes_in_test"
SIGNATURE = "serving_examples"

# Softmax in half precision is off by some thousandths; logits are off by more.
_ROUNDING = 0.01
_NAMED = 3


def sound_checks(scored: Scored) -> tuple[str, ...]:
    """The names of the checks that `unsound` makes."""
    if scored.is_binary:
        return FINITE, PROBABILITIES, BINARY_LABELS, BOTH_CLASSES
    return FINITE, PROBABILITIES, CLASS_LABELS, SEVERAL_CLASSES


def unsound(scored: Scored, label: str, names: Sequence[str] = ()) -> list[Finding]:
    """A finding that blocks for each check that fails. `names`: of the classes, as configured."""
    found = _not_finite(scored.predictions) or _no_probabilities(scored.predictions)
    if scored.is_binary:
        return found + _binary_labels(np.asarray(scored.labels, dtype=np.float64), label, names)
    return found + _class_labels(np.asarray(scored.labels, dtype=np.float64), scored.classes, label, names)


def unanswered(why: str) -> Finding:
    """The finding on a model that cannot be loaded, or fails on a row of test: `why`, as the end of a sentence."""
    return _refusal(
        ANSWERS,
        SIGNATURE,
        "models that fail on test",
        1.0,
        0,
        f"The exported model cannot be measured: {why}",
        "Let preprocessing_fn and the layers of the model give an answer for every row that can come, and keep all "
        "that they need in the export.",
    )


def unsound_answers(predictions: NDArray[Any], whose: str) -> list[Finding]:
    """The findings on the predictions of another model, named by `whose`, that make it impossible to compare with."""
    return _not_finite(predictions, f" of {whose}") or _no_probabilities(predictions, f" of {whose}")


def _not_finite(predictions: NDArray[Any], whose: str = "") -> list[Finding]:
    rows = len(predictions)
    broken = int((~np.isfinite(predictions.reshape(rows, -1)).all(axis=1)).sum())
    if not broken:
        return []
    reason = f"{broken:,} of {rows:,} predictions{whose} on test ({broken / rows:.2%}) are not finite numbers."
    remedy = "Look for a diverged training, or for divisions and logarithms that make NaN or infinity of a feature."
    return [
        _refusal(FINITE, SIGNATURE, "share of predictions that are not finite", broken / rows, rows, reason, remedy)
    ]


def _no_probabilities(predictions: NDArray[Any], whose: str = "") -> list[Finding]:
    rows, several = len(predictions), predictions.ndim == 2
    values = predictions.reshape(rows, -1)
    sums = values.sum(axis=1) if several else np.ones(rows)
    within = ((values >= -_ROUNDING) & (values <= 1 + _ROUNDING)).all(axis=1)
    odd = np.flatnonzero(~within | (np.abs(sums - 1) > _ROUNDING))
    if not len(odd):
        return []
    first = ", ".join(f"{value:.3g}" for value in values[odd[0]][:_NAMED])
    text = f"of classes: the first begins with ({first}) and adds up to {sums[odd[0]]:.3g}, not 1"
    reason = f"{len(odd):,} of {rows:,} predictions{whose} on test are no probabilities"
    reason += f" {text}." if several else f": the first is {first}."
    last = "softmax" if several else "sigmoid"
    remedy = f"End the model in a {last}, or compile it with from_logits and put a {last} into the served function."
    statistic = "share of predictions that are no probabilities"
    return [_refusal(PROBABILITIES, SIGNATURE, statistic, len(odd) / rows, rows, reason, remedy)]


def _binary_labels(labels: NDArray[np.float64], label: str, names: Sequence[str]) -> list[Finding]:
    rows, others = len(labels), labels[(labels != 0) & (labels != 1)]
    if len(others):
        reason = f"{label} is neither 0 nor 1 in {len(others):,} of {rows:,} test rows ({_some(others)})."
        remedy = "Make it 0 or 1, e.g. with data.label_expression."
        statistic = "share of labels other than 0 and 1"
        return [_refusal(BINARY_LABELS, label, statistic, len(others) / rows, rows, reason, remedy)]
    return _one_class_only(BOTH_CLASSES, labels, label, names, "rows of both classes")


def _class_labels(labels: NDArray[np.float64], classes: int, label: str, names: Sequence[str]) -> list[Finding]:
    rows, others = len(labels), labels[codes_of(labels, classes) < 0]
    if len(others):
        reason = (
            f"{label} is none of the model's {classes} classes, 0 to {classes - 1}, in {len(others):,} of {rows:,} "
            f"test rows ({_some(others)})."
        )
        remedy = "Number the classes 0, 1, 2, … without a gap, and give the model an output for each."
        statistic = "share of labels that the model does not know"
        return [_refusal(CLASS_LABELS, label, statistic, len(others) / rows, rows, reason, remedy)]
    return _one_class_only(SEVERAL_CLASSES, labels, label, names, "rows of at least two classes")


def _one_class_only(
    check: str, labels: NDArray[np.float64], label: str, names: Sequence[str], needed: str
) -> list[Finding]:
    if len(np.unique(labels)) >= 2:
        return []
    only = int(labels[0])  # a class of the model, as the other labels were refused
    called = names[only] if only < len(names) else str(only)
    reason = f"{label} is {called} in all {len(labels):,} test rows: they cannot tell a good model from a bad one."
    remedy = f"Check the label and how the splits are made; test needs {needed}."
    return [_refusal(check, label, "classes in test", 1.0, len(labels), reason, remedy, threshold=2.0)]


def _some(values: NDArray[np.float64]) -> str:
    # One more than is named: `shortened` adds that there are others.
    seen = np.unique(values)[: _NAMED + 1]
    return shortened(["missing" if math.isnan(value) else f"{value:g}" for value in seen], _NAMED, rest="others")


def _refusal(
    check: str, subject: str, statistic: str, value: float, n: int, reason: str, remedy: str, threshold: float = 0.0
) -> Finding:
    return Finding(check, subject, statistic, value, threshold, n, Severity.BLOCK, reason, remedy)
