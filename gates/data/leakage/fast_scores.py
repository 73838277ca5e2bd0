"""Cheap scores: mean labels of bins, and votes of nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gates.tables.table import Codes, Floats

FOLDS = 3
BINS = 64
_NEIGHBOURS = 10
_PROJECTED = 128


def projected(vectors: NDArray, seed: int) -> NDArray:
    """A random projection, which keeps distances (Johnson & Lindenstrauss 1984) and makes them cheaper."""
    width = vectors.shape[1]
    if width <= _PROJECTED:
        return vectors - vectors.mean(0)
    directions = np.random.default_rng(seed).standard_normal((width, _PROJECTED)).astype(np.float32)
    return (vectors - vectors.mean(0)) @ directions / np.float32(_PROJECTED**0.5)


def votes(queries: NDArray, known: NDArray, labels: Codes, classes: int, alike: Codes | None = None) -> Floats:
    """Shares of the classes among the nearest known points.

    `alike`: codes of the points when queries and known points are the same; equal codes do not vote for each other.
    """
    distances = (known**2).sum(1)[None, :] - 2 * queries @ known.T
    if alike is not None:
        distances[alike[:, None] == alike[None, :]] = np.inf
    nearest = np.argpartition(distances, min(_NEIGHBOURS, distances.shape[1] - 1), axis=1)[:, :_NEIGHBOURS]
    return np.asarray(np.eye(classes)[labels[nearest]].mean(axis=1), dtype=np.float64)


def binned(train_values: Floats, other_values: Floats, categorical: bool) -> tuple[Codes, Codes]:
    """Bins by train's values; missing values and values that train lacks have their own bins."""
    if categorical:
        count = int(np.nanmax(np.concatenate([train_values, other_values, [0.0]]))) + 1
        return _coded(train_values, count), _coded(other_values, count)
    present = train_values[~np.isnan(train_values)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1])) if len(present) else np.empty(0)
    bins = [
        np.where(np.isnan(v), len(edges) + 1, np.searchsorted(edges, v, "left")) for v in (train_values, other_values)
    ]
    return bins[0], bins[1]


def _coded(values: Floats, count: int) -> Codes:
    return np.nan_to_num(values, nan=count).astype(np.int64)


def bin_means(bins: Codes, other_bins: Codes, fold: Codes, labels: NDArray, classes: int) -> tuple[Floats, Floats]:
    """The mean label of each row's bin, over the other folds of train; over all of train for the other table."""
    count = int(max(bins.max(initial=0), other_bins.max(initial=0))) + 1
    place = fold * count + bins
    sizes = np.bincount(place, minlength=FOLDS * count).reshape(FOLDS, count)
    columns = [labels] if not classes else [labels == k for k in range(classes)]
    inside, outside = [], []
    for column in columns:
        sums = np.bincount(place, column, minlength=FOLDS * count).reshape(FOLDS, count)
        # Five rows of the overall mean are added, so that small bins do not dominate.
        prior = 5 * column.mean()
        others = (sums.sum(0) - sums + prior) / (sizes.sum(0) - sizes + 5)
        inside.append(others[fold, bins])
        outside.append(((sums.sum(0) + prior) / (sizes.sum(0) + 5))[other_bins])
    if not classes:
        return inside[0], outside[0]
    return np.column_stack(inside), np.column_stack(outside)
