"""Gradient boosting inside a gate: out of fold, on one thread, with reproducible scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.data.images import fits, image_features, layout_of
from gates.statistics.features import with_values
from gates.statistics.sampling import drawn
from gates.tables.table import Codes, ColumnKind, Floats, Table, joint_categories

_MOST_CATEGORIES = 200
_FOLDS = 5


@dataclass(frozen=True)
class Matrix:
    """Features of several tables in one coding: numbers as they are, categories as codes, rare ones pooled."""

    values: Floats  # [rows of all tables, features], NaN where missing
    categorical: NDArray[np.bool_]  # by feature
    names: tuple[str, ...]

    def without(self, *names: str) -> Matrix:
        """Without some features."""
        kept = [i for i, name in enumerate(self.names) if name not in names]
        return Matrix(self.values[:, kept], self.categorical[kept], tuple(self.names[i] for i in kept))

    def only(self, *names: str) -> Matrix:
        """Some features alone."""
        return self.without(*(name for name in self.names if name not in names))

    def rows(self, index: NDArray[np.intp] | slice) -> Matrix:
        """Some rows."""
        return Matrix(self.values[index], self.categorical, self.names)


def matrix(tables: Sequence[Table], names: Sequence[str]) -> Matrix:
    """NUMBER and CATEGORY columns of the tables, one below the other; IMAGE columns as the means of their blocks.

    Infinities become the largest finite float.
    """
    columns: list[Floats] = []
    categorical: list[bool] = []
    used: list[str] = []
    for name in names:
        if all(table.kinds[name] is ColumnKind.IMAGE for table in tables):
            layout = layout_of(tables[0], name)
            blocks = [image_features(table, name, layout) for table in tables if fits(table, name, layout)]
            found = blocks[0] if len(blocks) == len(tables) else {}
            columns += [np.concatenate([each[part] for each in blocks]) for part in found]
            categorical += [False] * len(found)
            used += found
            continue
        used.append(name)
        if all(table.kinds[name] is ColumnKind.NUMBER for table in tables):
            columns.append(np.nan_to_num(np.concatenate([t.numbers(name) for t in tables]), nan=np.nan))
            categorical.append(False)
        else:
            codes, values_found = joint_categories(list(tables), name)
            columns.append(_pooled(np.concatenate(codes), len(values_found)))
            categorical.append(True)
    rows = sum(table.rows for table in tables)
    values = np.column_stack(columns) if columns else np.empty((rows, 0))
    return Matrix(values.astype(np.float64), np.array(categorical, dtype=bool), tuple(used))


def _pooled(codes: Codes, count: int) -> Floats:
    if count > _MOST_CATEGORIES:
        shares = np.bincount(codes[codes >= 0], minlength=count)
        kept = np.argsort(-shares, kind="stable")[: _MOST_CATEGORIES - 1]
        place = np.full(count, _MOST_CATEGORIES - 1)
        place[kept] = np.arange(len(kept))
        codes = np.where(codes >= 0, place[codes], codes)
    return np.where(codes >= 0, codes, np.nan).astype(np.float64)


def folds_of(rows: int, groups: Codes | None, seed: int, folds: int = _FOLDS) -> Codes:
    """The fold of each row; rows of one group share a fold."""
    rng = np.random.default_rng(seed)
    if groups is None:
        return rng.permutation(np.arange(rows) % folds)
    _, codes = np.unique(groups, return_inverse=True)
    count = int(codes.max()) + 1 if rows else 0
    return rng.permutation(np.arange(count) % folds)[codes]


def fit(features: Matrix, target: NDArray, seed: int = 0, trees: int = 60) -> object:
    """A classifier for integer targets, a regressor for float ones."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    kind = HistGradientBoostingRegressor if target.dtype.kind == "f" else HistGradientBoostingClassifier
    model = kind(
        max_iter=trees,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=max(5, min(20, len(target) // 50)),
        categorical_features=features.categorical if features.categorical.any() else None,
        early_stopping=False,
        random_state=seed,
    )
    # Measured: two processes with OpenMP threads on two cores take 100 times longer than with one thread each.
    with threadpool_limits(limits=1):
        return model.fit(with_values(features.values), target)


def scores_of(model: object, features: Matrix) -> Floats:
    """[rows, classes] probabilities of a classifier, [rows] values of a regressor."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        predict = getattr(model, "predict_proba", None) or model.predict  # type: ignore[attr-defined]
        return np.asarray(predict(features.values), dtype=np.float64)


def out_of_fold(
    features: Matrix,
    target: NDArray,
    *,
    groups: Codes | None = None,
    seed: int = 0,
    trees: int = 60,
    folds: int = _FOLDS,
) -> Floats:
    """Scores of every row by a model that did not see its fold: [rows, classes], or [rows] for a float target."""
    fold = folds_of(len(target), groups, seed, folds)
    classes = np.unique(target)
    scores = np.zeros((len(target), len(classes))) if target.dtype.kind != "f" else np.zeros(len(target))
    for number in range(folds):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        if not len(outside) or not len(inside):
            continue
        if target.dtype.kind == "f":
            scores[outside] = scores_of(fit(features.rows(inside), target[inside], seed, trees), features.rows(outside))
            continue
        known = np.unique(target[inside])
        if len(known) < 2:
            scores[np.ix_(outside, np.flatnonzero(np.isin(classes, known)))] = 1.0
            continue
        model = fit(features.rows(inside), target[inside], seed, trees)
        scores[np.ix_(outside, np.searchsorted(classes, known))] = scores_of(model, features.rows(outside))
    return scores


def sample_of(table: Table, at_most: int, seed: int) -> NDArray[np.intp]:
    """Rows for a costly check: all, or `at_most` at random; the order in the file does not change the sample."""
    return drawn(np.arange(table.rows), at_most, seed)
