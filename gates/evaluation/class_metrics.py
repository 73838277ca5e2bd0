"""Metrics of a classifier whose predictions are [rows, classes] probabilities, with influence as in intervals.py.

`auc`, `precision` and `recall` are macro averages: each class against the rest, all classes counting alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.statistics import intervals
from gates.statistics.intervals import EPSILON, WORST_LOSS, Floats, Measured, Metric, proportion, undefined

Codes = NDArray[np.intp]


def codes_of(labels: NDArray[Any], classes: int) -> Codes:
    """The class of each row as an integer, -1 where the label is none of 0 … classes - 1."""
    values = np.asarray(labels, dtype=np.float64)
    known = (values >= 0) & (values < classes) & (values == np.floor(values))
    return np.where(known, values, -1).astype(np.intp)


def answers_of(predictions: Floats) -> Codes:
    """The class with the highest probability in each row."""
    return np.asarray(predictions.argmax(axis=1), dtype=np.intp)


def accuracy(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Share of rows whose most probable class is the true one."""
    return proportion(_hits(labels, predictions), np.ones(len(labels), dtype=bool))


def loss(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Mean negative log-likelihood, clipped and brought back to a sum of 1 as Keras' SparseCategoricalCrossentropy."""
    codes = codes_of(labels, predictions.shape[1])
    clipped = np.clip(predictions, EPSILON, 1 - EPSILON)
    each = np.log(clipped.sum(axis=1)) - np.log(clipped[np.arange(len(codes)), codes])
    each = np.where(codes >= 0, each, np.nan)
    return Measured(float(each.mean()), each - each.mean(), ratio_scale=True, reach=WORST_LOSS)


def calibration(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Sum of the highest probabilities over the number of right answers; 1 is right, more is too sure."""
    return intervals.calibration(_hits(labels, predictions).astype(np.float64), predictions.max(axis=1))


def auc(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Mean over the classes that occur of the area under each one's ROC curve, one against the rest."""
    codes = codes_of(labels, predictions.shape[1])
    there = _classes_in(codes)
    if len(there) < 2:
        return undefined(len(codes))
    return _mean({code: intervals.auc(codes == code, predictions[:, code]) for code in there})


def precision(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Mean of the classes' precision; that of a class which occurs and is never predicted counts as 0."""
    codes, answers = codes_of(labels, predictions.shape[1]), answers_of(predictions)
    parts = {code: proportion(codes == code, answers == code) for code in _classes_in(codes, answers)}
    nothing = Measured(0.0, np.zeros(len(codes)))
    return _mean({code: nothing if np.isnan(part.value) else part for code, part in parts.items()})


def recall(labels: NDArray[Any], predictions: Floats) -> Measured:
    """Mean of the recall of the classes that occur."""
    codes, answers = codes_of(labels, predictions.shape[1]), answers_of(predictions)
    return _mean({code: proportion(answers == code, codes == code) for code in _classes_in(codes)})


METRICS: dict[str, Metric] = {
    "auc": auc,
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "loss": loss,
    "calibration": calibration,
}


def _hits(labels: NDArray[Any], predictions: Floats) -> NDArray[np.bool_]:
    return np.asarray(codes_of(labels, predictions.shape[1]) == answers_of(predictions))


def _classes_in(*codes: Codes) -> list[int]:
    found = np.unique(np.concatenate(codes))
    return [int(code) for code in found if code >= 0]


def _mean(parts: dict[int, Measured]) -> Measured:
    if not parts:
        return undefined(0)
    value = float(np.mean([part.value for part in parts.values()]))
    total = np.zeros(len(next(iter(parts.values())).influence))
    for part in parts.values():
        total += part.influence
    return Measured(value, total / len(parts), parts=parts)
