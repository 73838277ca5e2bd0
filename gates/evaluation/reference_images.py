"""A cheap model of images and vectors: a multinomial logistic regression on coarse versions of them."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from gates.tables.table import Floats

# More images add little to a linear model of some 200 numbers, and cost seconds.
MOST_IMAGES = 10_000
_BLOCKS_A_SIDE = 14
_MOST_NUMBERS = 512
_ITERATIONS = 100


def coarse(flat: NDArray[np.float32], shape: tuple[int, ...]) -> Floats:
    """[rows, numbers] of rows with the values of `shape`: of an image, (rows, columns, channels), the means of at most
    14 x 14 blocks by channel; of a vector its numbers, or the means of neighbours where it is long."""
    if len(shape) != 3:
        return _means(flat, min(flat.shape[1], _MOST_NUMBERS), axis=1)
    images = flat.reshape(-1, *shape)
    rows = _means(images, min(shape[0], _BLOCKS_A_SIDE), axis=1)
    return _means(rows, min(shape[1], _BLOCKS_A_SIDE), axis=2).reshape(len(flat), -1)


def logistic_regression(train: Floats, labels: NDArray[np.intp], test: Floats, classes: int) -> Floats:
    """Probabilities on test, [rows, classes]; NaN is the mean of train. One thread."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    mean, spread = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    seen, unseen = (np.nan_to_num((values - mean) / scale) for values in (train, test))
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # A hundred steps are enough for a reference.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=0.1, max_iter=_ITERATIONS).fit(seen, labels)
        known = model.predict_proba(unseen)
    scores = np.zeros((len(known), classes))
    scores[:, model.classes_] = known
    return scores


def _means(values: NDArray[np.floating], parts: int, axis: int) -> Floats:
    """Means of neighbours along an axis, in as many parts of nearly equal length."""
    length = values.shape[axis]
    edges = np.linspace(0, length, parts + 1).astype(int)
    sums = np.add.reduceat(values, edges[:-1], axis=axis, dtype=np.float64)
    sizes = np.diff(edges).reshape([-1 if place == axis else 1 for place in range(values.ndim)])
    return np.asarray(sums / sizes)
