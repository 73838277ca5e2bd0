"""A fast stand-in for the model: what it can tell of the label out of fold in train, and in the held-out tables.

Boosted trees on numbers and categories; nearest neighbours on a random projection where a column holds images.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from gates import boosted
from gates.catalogue import NotApplicable
from gates.data import Data, Unit
from gates.leakage.strength import Strength, concordance, correlation, shares_of
from gates.leakage.target import Target, target_in, target_of
from gates.table import Codes, Floats, Kind, Mask, Table

Rows = NDArray[np.intp]

_ROWS = 8_000
_IMAGES = 4_000
_FOLDS = 3
_TREES = 25
# Boosting grows one tree a class and round: rare classes are judged together.
_MOST_CLASSES = 10
_BINS = 64
_NEIGHBOURS = 10
_PROJECTED = 128
# Single features are judged on fewer rows where there are very many of them.
_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class Side:
    """The rows of one table that are looked at, and their labels: codes of classes, or ranks within train (0 to 1)."""

    table: Table
    rows: Rows
    labels: NDArray


@dataclass(frozen=True, eq=False)
class Proxy:
    """Train's sample against one held-out table."""

    data: Data
    train: Side
    other: Side
    classes: int  # 0 for a quantity
    groups: tuple[Codes, Codes] | None  # entities of both sides' rows, when they were drawn
    together: Codes | None  # rows of train that must share a fold

    @cached_property
    def matrix(self) -> boosted.Matrix:
        """Numbers and categories of train's sample, and below them of the other table's."""
        whole = self.data.comparable(self.other.table, Kind.NUMBER, Kind.CATEGORY)
        both = boosted.matrix([self.train.table, self.other.table], whole)
        return both.rows(np.concatenate([self.train.rows, self.train.table.rows + self.other.rows]))

    @cached_property
    def images(self) -> list[str]:
        """Image columns of one size in both tables."""
        return [
            name
            for name in self.data.comparable(self.other.table, Kind.IMAGE)
            if self.train.table.arrow.column(name).type.list_size == self.other.table.arrow.column(name).type.list_size
        ]

    @cached_property
    def scores(self) -> tuple[Floats, Floats]:
        """Of all features: out of fold in train, and in the other table."""
        return self._of_images() if self.images and self.classes else self.scores_of(self.matrix)

    def scores_of(self, features: boosted.Matrix) -> tuple[Floats, Floats]:
        """Of some features. Raises NotApplicable when there is none."""
        if not features.names:
            raise NotApplicable("no feature that both tables hold is a number, a category or an image")
        count, labels, trees = len(self.train.rows), self.train.labels, self.trees
        mine, its = features.rows(slice(0, count)), features.rows(slice(count, None))
        inside = boosted.out_of_fold(mine, labels, groups=self.together, seed=self.data.seed, trees=trees, folds=_FOLDS)
        outside = boosted.scores_of(boosted.fit(mine, labels, self.data.seed, trees), its)
        return inside, outside

    @property
    def trees(self) -> int:
        """Rounds of boosting."""
        return max(6, _TREES * 2 // max(self.classes, 2))

    def _of_images(self) -> tuple[Floats, Floats]:
        count, name = len(self.train.rows), self.images[0]
        vectors = np.concatenate([side.table.vectors(name)[side.rows] for side in (self.train, self.other)])
        points = _projected(np.nan_to_num(vectors, posinf=0, neginf=0), self.data.seed)
        return (
            self._votes(points[:count], points[:count], self.together),
            self._votes(points[count:], points[:count], None),
        )

    def _votes(self, asked: NDArray, known: NDArray, alike: Codes | None) -> Floats:
        distances = (known**2).sum(1)[None, :] - 2 * asked @ known.T
        if alike is not None:
            distances[alike[:, None] == alike[None, :]] = np.inf
        elif asked is known:
            np.fill_diagonal(distances, np.inf)
        nearest = np.argpartition(distances, min(_NEIGHBOURS, distances.shape[1] - 1), axis=1)[:, :_NEIGHBOURS]
        return np.eye(self.classes)[self.train.labels[nearest]].mean(axis=1)

    def strengths(self, scores: tuple[Floats, Floats], first: int | None = None) -> tuple[Strength, Strength]:
        """How well the scores order the labels of both sides (of their first rows)."""
        mine, its = self.train.labels[:first], self.other.labels[:first]
        if not self.classes:
            return correlation(scores[0], mine), correlation(scores[1], its)
        shares = shares_of(mine, its, self.classes)
        return concordance(scores[0], mine, shares), concordance(scores[1], its, shares)

    def single_features(self) -> tuple[dict[str, tuple[Strength, Strength]], int]:
        """Each feature alone, by the mean label of its 64 quantile bins or its values; and the rows it is judged on."""
        features, count = self.matrix, len(self.train.rows)
        first = max(1_000, _CELLS // max(1, len(features.names) * max(self.classes - 1, 1)))
        fold = boosted.folds_of(count, self.together, self.data.seed, _FOLDS)[:first]
        found = {}
        for i, name in enumerate(features.names):
            column = features.values[:, i]
            mine, its = column[:count][:first], column[count:][:first]
            bins, other_bins = _binned(mine, its, bool(features.categorical[i]))
            scores = _bin_means(bins, other_bins, fold, self.train.labels[:first], self.classes)
            found[name] = self.strengths(scores, first)
        return found, min(first, count)

    def head(self, first: int) -> tuple[Codes, Codes] | None:
        """The entities of the first rows."""
        return None if self.groups is None else (self.groups[0][:first], self.groups[1][:first])


@lru_cache(maxsize=4)
def proxy_of(data: Data, name: str) -> Proxy:
    """Train against the held-out table of this name. Raises NotApplicable where labels cannot be compared."""
    other = data.held_out[name]
    target = target_of(data)
    its = target_in(other, target)
    most = _IMAGES if data.comparable(other, Kind.IMAGE) else _ROWS
    known = its.present if target.is_regression else its.present & (its.codes >= 0)
    rows, other_rows = _drawn(target.present, most, data.seed), _drawn(known, most, data.seed)
    if len(other_rows) < 2:
        raise NotApplicable(f"{name} has {len(other_rows)} rows with a label that train knows")
    labels, other_labels, classes = _labels(target, its, rows, other_rows)
    groups = data.groups(other)
    together = _copies(data, rows)
    if groups is not None and data.unit(other) is Unit.ENTITY:
        together, groups = groups[0][rows], (groups[0][rows], groups[1][other_rows])
    return Proxy(data, Side(data.train, rows, labels), Side(other, other_rows, other_labels), classes, groups, together)


@lru_cache(maxsize=2)
def proxy_of_train(data: Data) -> Proxy:
    """The proxy of the first held-out table that has one; else train against itself, of which only train counts."""
    for name in data.held_out:
        try:
            return proxy_of(data, name)
        except NotApplicable:
            continue
    target = target_of(data)
    rows = _drawn(target.present, _IMAGES if data.features_of(Kind.IMAGE) else _ROWS, data.seed)
    labels, _, classes = _labels(target, target, rows, rows)
    side = Side(data.train, rows, labels)
    return Proxy(data, side, side, classes, None, _copies(data, rows))


def _drawn(usable: Mask, most: int, seed: int) -> Rows:
    """Usable rows, at most as many: the tables are sorted by content, so the draw does not depend on files."""
    rows = np.flatnonzero(usable)
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _labels(target: Target, its: Target, rows: Rows, other_rows: Rows) -> tuple[NDArray, NDArray, int]:
    if target.is_regression:
        ordered = np.sort(target.values[target.present])
        return _ranks(target.values[rows], ordered), _ranks(its.values[other_rows], ordered), 0
    mine, others = target.codes[rows], its.codes[other_rows]
    counts = np.bincount(mine, minlength=len(target.classes))
    kept = np.argsort(-counts, kind="stable")[: _MOST_CLASSES - 1] if len(counts) > _MOST_CLASSES else None
    if kept is not None:
        place = np.full(len(counts), _MOST_CLASSES - 1)
        place[kept] = np.arange(len(kept))
        mine, others = place[mine], place[others]
    known = np.unique(mine)
    if len(known) < 2:
        raise NotApplicable("the rows looked at hold one class only")
    # A class that the sample of train lost cannot be scored; its few rows in the other table count as the first class.
    place = np.zeros(int(max(mine.max(), others.max())) + 1, np.int64)
    place[known] = np.arange(len(known))
    return place[mine], place[others], len(known)


def _ranks(values: Floats, ordered: Floats) -> Floats:
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return (below + upto) / (2 * len(ordered))


def _copies(data: Data, rows: Rows) -> Codes | None:
    """Rows that agree in every feature share a fold, or copies in train would look like skill.

    Not where few combinations exist at all: there such rows are what a model learns from.
    """
    high = data.train.words(data.features)[0][rows]
    distinct, codes = np.unique(high, return_inverse=True)
    return codes if 0.2 * len(rows) <= len(distinct) < len(rows) else None


def _projected(vectors: NDArray, seed: int) -> NDArray:
    """Distances survive a random projection (Johnson & Lindenstrauss 1984), at a fraction of the cost."""
    width = vectors.shape[1]
    if width <= _PROJECTED:
        return vectors - vectors.mean(0)
    directions = np.random.default_rng(seed).standard_normal((width, _PROJECTED)).astype(np.float32)
    return (vectors - vectors.mean(0)) @ directions / np.float32(_PROJECTED**0.5)


def _binned(mine: Floats, its: Floats, categorical: bool) -> tuple[Codes, Codes]:
    """Bins of train's values; a bin of its own for what is missing, and for what train does not know."""
    if categorical:
        count = int(np.nanmax(np.concatenate([mine, its, [0.0]]))) + 1
        return _coded(mine, count), _coded(its, count)
    present = mine[~np.isnan(mine)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(present) else np.empty(0)
    bins = [np.where(np.isnan(v), len(edges) + 1, np.searchsorted(edges, v, "left")) for v in (mine, its)]
    return bins[0], bins[1]


def _coded(values: Floats, count: int) -> Codes:
    return np.nan_to_num(values, nan=count).astype(np.int64)


def _bin_means(bins: Codes, other_bins: Codes, fold: Codes, labels: NDArray, classes: int) -> tuple[Floats, Floats]:
    """The mean label of each row's bin, over the other folds of train; over all of train for the other table."""
    count = int(max(bins.max(initial=0), other_bins.max(initial=0))) + 1
    place = fold * count + bins
    sizes = np.bincount(place, minlength=_FOLDS * count).reshape(_FOLDS, count)
    columns = [labels] if not classes else [labels == k for k in range(classes)]
    inside, outside = [], []
    for column in columns:
        sums = np.bincount(place, column, minlength=_FOLDS * count).reshape(_FOLDS, count)
        # Five rows of the overall mean keep small bins from deciding.
        prior = 5 * column.mean()
        others = (sums.sum(0) - sums + prior) / (sizes.sum(0) - sizes + 5)
        inside.append(others[fold, bins])
        outside.append(((sums.sum(0) + prior) / (sizes.sum(0) + 5))[other_bins])
    if not classes:
        return inside[0], outside[0]
    return np.column_stack(inside), np.column_stack(outside)
