"""Simple models to hold a candidate against: the majority class and gradient-boosted trees on the raw features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from gates.measurement import Scored, measure
from gates.metrics import MetricEstimate, Reference

METRICS = ("auc", "accuracy")
MAJORITY = "majority class"
TREES = "gradient-boosted trees"

# scikit-learn's histograms have 255 bins; the rarest categories share the bin of missing values.
MOST_CATEGORIES = 250
ITERATIONS = 60
SEED = 0

Columns = Mapping[str, NDArray[Any]]


def references(
    train: Columns, train_labels: NDArray[Any], test: Columns, test_labels: NDArray[Any], confidence: float
) -> list[Reference]:
    """Both references, measured on test as the candidate is. Number columns hold NaN, text columns None for missing."""
    share = float(np.mean(train_labels))
    found = [Reference(MAJORITY, _measured(test_labels, np.full(len(test_labels), share), confidence))]
    if train and 0.0 < share < 1.0:
        predictions = boosted_trees(train, train_labels, test)
        found.append(Reference(TREES, _measured(test_labels, predictions, confidence)))
    return found


def boosted_trees(train: Columns, labels: NDArray[Any], test: Columns) -> NDArray[np.float64]:
    """Probabilities on test. One thread: two OpenMP processes on two cores would spin against each other."""
    names = sorted(train)
    encoded = [_encoded(train[name], test[name]) for name in names]
    categorical = [train[name].dtype == object for name in names]
    model = HistGradientBoostingClassifier(
        max_iter=ITERATIONS, categorical_features=categorical, early_stopping=False, random_state=SEED
    )
    with threadpool_limits(limits=1):
        model.fit(np.column_stack([fitted for fitted, _ in encoded]), labels)
        return np.asarray(model.predict_proba(np.column_stack([unseen for _, unseen in encoded]))[:, 1])


def _encoded(train: NDArray[Any], test: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numbers as they are; texts as the rank of their frequency in train, NaN when rare, new or missing."""
    if train.dtype != object:
        return train.astype(np.float64), test.astype(np.float64)
    values, counts = np.unique(train[_present(train)].astype(str), return_counts=True)
    kept = np.sort(values[np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]])
    return _codes(train, kept), _codes(test, kept)


def _present(column: NDArray[Any]) -> NDArray[np.bool_]:
    return np.array([value is not None for value in column], dtype=bool)


def _codes(column: NDArray[Any], kept: NDArray[Any]) -> NDArray[np.float64]:
    codes = np.full(len(column), np.nan)
    present = _present(column)
    if len(kept) and present.any():
        texts = column[present].astype(str)
        at = np.minimum(np.searchsorted(kept, texts), len(kept) - 1)
        codes[present] = np.where(kept[at] == texts, at, np.nan)
    return codes


def _measured(labels: NDArray[Any], predictions: NDArray[np.float64], confidence: float) -> tuple[MetricEstimate, ...]:
    return measure(Scored(labels, predictions), METRICS, [], confidence)
