"""A fast stand-in for the model: how well it predicts the label out of fold in train, and in the held-out tables.

Boosted trees on numbers and categories; nearest neighbours on a random projection where a column holds images.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from gates.data import boosted
from gates.data.evidence import Data
from gates.data.leakage.fast_scores import FOLDS, bin_means, binned, projected, votes
from gates.data.target import Target, target_in, target_of
from gates.statistics.sampling import drawn
from gates.statistics.strength import Strength, concordance, correlation, ranks_among, shares_of
from gates.tables.table import Codes, ColumnKind, Floats, Table
from gates.verdict.catalogue import NotApplicable

RowNumbers = NDArray[np.intp]

_ROWS = 8_000
_IMAGES = 4_000
_TREES = 25
# Boosting grows one tree for each class and round, so rare classes are judged together.
_MOST_CLASSES = 10
_DIRECTIONS = 16
# With very many features, single features are judged on fewer rows.
_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class Side:
    """Sampled rows of one table and their labels: codes of classes, or ranks within train (0 to 1)."""

    table: Table
    rows: RowNumbers
    labels: NDArray


@dataclass(frozen=True, eq=False)
class Proxy:
    """Train's sample against one held-out table."""

    data: Data
    train: Side
    other: Side
    classes: int  # 0 for a quantity
    groups: tuple[Codes, Codes] | None  # entities or contents of both sides' rows, when these were drawn
    together: Codes | None  # rows of train that must share a fold

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Features that are numbers or categories in both tables."""
        return tuple(self.data.comparable(self.other.table, ColumnKind.NUMBER, ColumnKind.CATEGORY))

    @cached_property
    def matrix(self) -> boosted.Matrix:
        """Numbers and categories of train's sample, and below them of the other table's."""
        whole, starts = _matrix(self.data, self.names)
        return whole.rows(np.concatenate([self.train.rows, starts[self.other.table.name] + self.other.rows]))

    @cached_property
    def images(self) -> list[str]:
        """Image columns of one size in both tables."""
        return [
            name
            for name in self.data.comparable(self.other.table, ColumnKind.IMAGE)
            if self.train.table.arrow.column(name).type.list_size == self.other.table.arrow.column(name).type.list_size
        ]

    @cached_property
    def scores(self) -> tuple[Floats, Floats]:
        """Scores by all features: out of fold in train, and in the other table."""
        if self.images and self.classes:
            return self._of_images()
        inside, model = _learnt(self.data, self.names, self.grouped_by)
        return inside, boosted.scores_of(model, self.matrix.rows(slice(len(self.train.rows), None)))

    @cached_property
    def grouped_by(self) -> str | None:
        """The entity column that the folds follow, or the name of the unit."""
        if self.groups is None:
            return None
        return self.data.unit_column(self.other.table) or self.data.unit(self.other.table).value

    def inside(self, features: boosted.Matrix) -> tuple[Floats, object]:
        """Out-of-fold scores of train's rows, and a model fitted on all of them.

        Raises:
          NotApplicable: without features.
        """
        if not features.names:
            raise NotApplicable("no feature that both tables hold is a number, a category or an image")
        train_features, labels, seed = features.rows(slice(0, len(self.train.rows))), self.train.labels, self.data.seed
        scores = boosted.out_of_fold(
            train_features, labels, groups=self.together, seed=seed, trees=self.trees, folds=FOLDS
        )
        return scores, boosted.fit(train_features, labels, seed, self.trees)

    def scores_of(self, features: boosted.Matrix) -> tuple[Floats, Floats]:
        """Scores by some features of `matrix`: out of fold in train, and in the other table."""
        inside, model = self.inside(features)
        return inside, boosted.scores_of(model, features.rows(slice(len(self.train.rows), None)))

    @property
    def trees(self) -> int:
        """Rounds of boosting."""
        return max(6, _TREES * 2 // max(self.classes, 2))

    def few_features(self, rows: int) -> boosted.Matrix:
        """Features of train's first rows for a fast model; projections of the images where there are no others."""
        if self.matrix.names or not self.images:
            return self.matrix.rows(slice(0, rows))
        vectors = self.train.table.vectors(self.images[0])[self.train.rows[:rows]]
        points = projected(np.nan_to_num(vectors, posinf=0, neginf=0), self.data.seed)[:, :_DIRECTIONS]
        names = tuple(f"direction {i}" for i in range(points.shape[1]))
        return boosted.Matrix(points.astype(np.float64), np.zeros(points.shape[1], dtype=bool), names)

    def _of_images(self) -> tuple[Floats, Floats]:
        count, name, labels = len(self.train.rows), self.images[0], self.train.labels
        vectors = np.concatenate([side.table.vectors(name)[side.rows] for side in (self.train, self.other)])
        points = projected(np.nan_to_num(vectors, posinf=0, neginf=0), self.data.seed)
        alike = np.arange(count) if self.together is None else self.together
        return (
            votes(points[:count], points[:count], labels, self.classes, alike),
            votes(points[count:], points[:count], labels, self.classes),
        )

    def strengths(self, scores: tuple[Floats, Floats], first: int | None = None) -> tuple[Strength, Strength]:
        """How well the scores order the labels of both sides (of their first rows)."""
        train_labels, other_labels = self.train.labels[:first], self.other.labels[:first]
        if not self.classes:
            return correlation(scores[0], train_labels), correlation(scores[1], other_labels)
        shares = shares_of(train_labels, other_labels, self.classes)
        return concordance(scores[0], train_labels, shares), concordance(scores[1], other_labels, shares)

    def single_features(self) -> tuple[dict[str, tuple[Strength, Strength]], int]:
        """Each feature alone, by the mean label of its 64 quantile bins or its values; and the rows it is judged on."""
        features, count = self.matrix, len(self.train.rows)
        first = max(1_000, _CELLS // max(1, len(features.names) * max(self.classes - 1, 1)))
        fold = boosted.folds_of(count, self.together, self.data.seed, FOLDS)[:first]
        found = {}
        for i, name in enumerate(features.names):
            column = features.values[:, i]
            train_values, other_values = column[:count][:first], column[count:][:first]
            bins, other_bins = binned(train_values, other_values, bool(features.categorical[i]))
            scores = bin_means(bins, other_bins, fold, self.train.labels[:first], self.classes)
            found[name] = self.strengths(scores, first)
        return found, first

    @property
    def power(self) -> str:
        """The unit of the strengths."""
        return "AUC" if self.classes else "R2 (of ranks)"

    def head(self, first: int) -> tuple[Codes, Codes] | None:
        """The entities of the first rows."""
        return None if self.groups is None else (self.groups[0][:first], self.groups[1][:first])


@lru_cache(maxsize=4)
def proxy_of(data: Data, name: str) -> Proxy:
    """Train against the held-out table of this name.

    Raises:
      NotApplicable: when labels cannot be compared.
    """
    other = data.held_out[name]
    target = target_of(data)
    other_target = target_in(other, target)
    most = _IMAGES if data.comparable(other, ColumnKind.IMAGE) else _ROWS
    known = other_target.present if target.is_regression else other_target.present & (other_target.codes >= 0)
    rows, other_rows = (drawn(np.flatnonzero(usable), most, data.seed) for usable in (target.present, known))
    if len(other_rows) < 2:
        raise NotApplicable(f"{name} has {len(other_rows)} rows with a label that train knows")
    labels, other_labels, classes = _labels(target, other_target, rows, other_rows)
    if classes and not shares_of(labels, other_labels, classes).any():
        raise NotApplicable(f"{name} has too few rows of all classes but one to compare how well they are separated")
    groups = data.groups(other)
    together = _copies(data, rows)
    if groups is not None:
        together, groups = groups[0][rows], (groups[0][rows], groups[1][other_rows])
    return Proxy(data, Side(data.train, rows, labels), Side(other, other_rows, other_labels), classes, groups, together)


@lru_cache(maxsize=2)
def _matrix(data: Data, names: tuple[str, ...]) -> tuple[boosted.Matrix, dict[str, int]]:
    """One coding for train and all held-out tables that hold these features, and where each begins."""
    kinds = (ColumnKind.NUMBER, ColumnKind.CATEGORY)
    fitting = [t for t in data.held_out.values() if set(names) <= set(data.comparable(t, *kinds))]
    tables = [data.train, *fitting]
    starts = np.cumsum([0, *(table.rows for table in tables)])
    places = {table.name: int(start) for table, start in zip(tables, starts, strict=False)}
    return boosted.matrix(tables, list(names)), places


@lru_cache(maxsize=2)
def _learnt(data: Data, names: tuple[str, ...], grouped_by: str | None) -> tuple[Floats, object]:
    """Scores and model of train, computed once for all held-out tables with the same features."""
    for name in data.held_out:
        try:
            proxy = proxy_of(data, name)
        except NotApplicable:
            continue
        if proxy.names == names and proxy.grouped_by == grouped_by:
            return proxy.inside(proxy.matrix)
    return proxy_of_train(data).inside(proxy_of_train(data).matrix)


@lru_cache(maxsize=2)
def proxy_of_train(data: Data) -> Proxy:
    """The proxy of the first held-out table that has one; else of train against itself, where only train is used."""
    for name in data.held_out:
        try:
            return proxy_of(data, name)
        except NotApplicable:
            continue
    target = target_of(data)
    rows = drawn(np.flatnonzero(target.present), _IMAGES if data.features_of(ColumnKind.IMAGE) else _ROWS, data.seed)
    labels, _, classes = _labels(target, target, rows, rows)
    side = Side(data.train, rows, labels)
    return Proxy(data, side, side, classes, None, _copies(data, rows))


def _labels(
    target: Target, other_target: Target, rows: RowNumbers, other_rows: RowNumbers
) -> tuple[NDArray, NDArray, int]:
    if target.is_regression:
        ordered = np.sort(target.values[target.present])
        return ranks_among(target.values[rows], ordered), ranks_among(other_target.values[other_rows], ordered), 0
    train_codes, other_codes = target.codes[rows], other_target.codes[other_rows]
    counts = np.bincount(train_codes, minlength=len(target.classes))
    kept = np.argsort(-counts, kind="stable")[: _MOST_CLASSES - 1] if len(counts) > _MOST_CLASSES else None
    if kept is not None:
        place = np.full(len(counts), _MOST_CLASSES - 1)
        place[kept] = np.arange(len(kept))
        train_codes, other_codes = place[train_codes], place[other_codes]
    known = np.unique(train_codes)
    if len(known) < 2:
        raise NotApplicable("the rows looked at hold one class only")
    # A class without rows in train's sample cannot be scored; its rows in the other table count as the first class.
    place = np.zeros(int(max(train_codes.max(), other_codes.max())) + 1, np.int64)
    place[known] = np.arange(len(known))
    return place[train_codes], place[other_codes], len(known)


def _copies(data: Data, rows: RowNumbers) -> Codes | None:
    """Codes of rows that agree in every feature: they share a fold, because copies in train would look like skill.

    None where few combinations of values exist: there a model learns from equal rows.
    """
    high = data.train.words(data.features)[0][rows]
    distinct, codes = np.unique(high, return_inverse=True)
    return codes if 0.2 * len(rows) <= len(distinct) < len(rows) else None
