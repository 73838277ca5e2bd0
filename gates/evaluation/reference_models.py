"""Simple models to compare a candidate with: the majority class, gradient-boosted trees on the raw features, and for
images a logistic regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from gates.evaluation.class_metrics import codes_of
from gates.evaluation.measure import Scored, measure
from gates.evaluation.metrics import MetricEstimate, Reference
from gates.evaluation.reference_images import logistic_regression
from gates.statistics.clusters import Groups
from gates.statistics.features import with_values
from gates.statistics.intervals import Floats

METRICS = ("auc", "accuracy")
MAJORITY = "majority class"
TREES = "gradient-boosted trees"
IMAGES = "logistic regression on coarse images"

# scikit-learn's histograms have 255 bins; the rarest categories share the bin of missing values.
MOST_CATEGORIES = 250
MOST_CLASSES = 1_000
ITERATIONS = 60
# Each iteration grows a tree for each class: fewer and bolder ones when there are many.
MOST_TREES, FEWEST_ITERATIONS = 200, 10
BOLD = 0.3
SEED = 0

Columns = Mapping[str, NDArray[Any]]


def references(
    train: Columns,
    train_labels: NDArray[Any],
    test: Columns,
    test_labels: NDArray[Any],
    confidence: float,
    images: tuple[Floats, Floats] | None = None,
    groups: Groups = None,
) -> list[Reference]:
    """The references that apply, measured on test as the candidate is: as a binary model for labels of 0 and 1, as one
    of so many classes for 0, 1, 2, …

    Number columns hold NaN, text columns None for missing. `images`: [rows, numbers] of train and of test. `groups`:
    the entity of each row of test, where entities were assigned to the splits. Train's rows whose label is no class
    teach nothing; those of test are for the Evaluator to refuse.
    """
    classes = _classes_of(train_labels, test_labels)
    codes = codes_of(train_labels, classes)
    rows = codes >= 0
    if classes > MOST_CLASSES or not rows.any():
        return []
    shares = np.bincount(codes[rows], minlength=classes) / rows.sum()
    found = {MAJORITY: np.tile(shares, (len(test_labels), 1))}
    if (shares > 0).sum() > 1:
        if train:
            seen = {name: column[rows] for name, column in train.items()}
            found[TREES] = boosted_trees(seen, codes[rows], test, classes)
        if images is not None:
            found[IMAGES] = logistic_regression(images[0][rows], codes[rows], images[1], classes)
    return [Reference(name, _measured(test_labels, scores, confidence, groups)) for name, scores in found.items()]


def _classes_of(*labels: NDArray[Any]) -> int:
    values = np.concatenate(labels).astype(np.float64)
    return max(2, int(np.nanmax(np.append(values[np.isfinite(values)], 0.0))) + 1)


def boosted_trees(train: Columns, labels: NDArray[Any], test: Columns, classes: int) -> Floats:
    """Probabilities on test, [rows, classes]. One thread: two OpenMP processes on two cores would spin against each
    other."""
    names = sorted(train)
    encoded = [_encoded(train[name], test[name]) for name in names]
    categorical = [train[name].dtype == object for name in names]
    model = HistGradientBoostingClassifier(
        max_iter=ITERATIONS if classes == 2 else max(FEWEST_ITERATIONS, min(ITERATIONS, MOST_TREES // classes)),
        learning_rate=0.1 if classes == 2 else BOLD,
        categorical_features=categorical,
        early_stopping=False,
        random_state=SEED,
    )
    with threadpool_limits(limits=1):
        model.fit(with_values(np.column_stack([fitted for fitted, _ in encoded])), labels)
        known = model.predict_proba(np.column_stack([unseen for _, unseen in encoded]))
    scores = np.zeros((len(known), classes))
    scores[:, model.classes_] = known
    return scores


def _encoded(train: NDArray[Any], test: NDArray[Any]) -> tuple[Floats, Floats]:
    """Numbers as they are; texts as the rank of their frequency in train, NaN when rare, new or missing."""
    if train.dtype != object:
        return train.astype(np.float64), test.astype(np.float64)
    values, counts = np.unique(train[_present(train)].astype(str), return_counts=True)
    kept = np.sort(values[np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]])
    return _codes(train, kept), _codes(test, kept)


def _present(column: NDArray[Any]) -> NDArray[np.bool_]:
    return np.array([value is not None for value in column], dtype=bool)


def _codes(column: NDArray[Any], kept: NDArray[Any]) -> Floats:
    codes = np.full(len(column), np.nan)
    present = _present(column)
    if len(kept) and present.any():
        texts = column[present].astype(str)
        at = np.minimum(np.searchsorted(kept, texts), len(kept) - 1)
        codes[present] = np.where(kept[at] == texts, at, np.nan)
    return codes


def _measured(labels: NDArray[Any], scores: Floats, confidence: float, groups: Groups) -> tuple[MetricEstimate, ...]:
    predictions = scores[:, 1] if scores.shape[1] == 2 else scores
    return measure(Scored(labels, predictions, groups=groups), METRICS, [], confidence)
