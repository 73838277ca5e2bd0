"""Cells of two or three columns: the predictive power of their joint values, for all combinations at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gates.data.evidence import Data
from gates.data.leakage.bins import bins_of_codes
from gates.data.leakage.lead import error_of
from gates.data.leakage.predictive_power import PredictivePower, features_alone, problem_of
from gates.tables.table import Codes, ColumnKind, Floats

SCREENED = 4_000
CONFIRMED = 2
# Honest features also interact, but their joint error stays above this.
CERTAIN_ERROR = 0.02
_PAIR_BINS, _TRIPLE_BINS = 12, 4
_MOST_CLASSES = 4


def joint(data: Data, members: tuple[str, ...]) -> PredictivePower:
    """The power of the cells of all members, or of trees on two members where these find better borders."""
    problem = problem_of(data)
    bins = _PAIR_BINS if len(members) == 2 else _TRIPLE_BINS
    cells = np.zeros(problem.size, np.int64)
    for name in members:
        cells = cells * bins + _coarse(data, name, bins, problem.rows)
    power = problem.power_of(cells)
    others = frozenset(features_alone(data)) - frozenset(members)
    if len(members) == 2 and CERTAIN_ERROR < power.errors.min() < 4 * CERTAIN_ERROR:
        k = int(power.errors.argmin())
        errors = power.errors.copy()
        errors[k] = min(errors[k], error_of(data, others, k)[0])
        power = replace(power, errors=errors)
    return power


def screened(data: Data, names: list[str], order: int) -> list[tuple[str, ...]]:
    """The combinations whose cells, ranked on one half of a sample, rank the other half best."""
    problem = problem_of(data)
    if len(names) < order:
        return []
    bins = _PAIR_BINS if order == 2 else _TRIPLE_BINS
    taken = np.random.default_rng(data.seed).permutation(problem.size)[:SCREENED]
    codes = np.column_stack([_coarse(data, name, bins, problem.rows[taken]) for name in names])
    labels = problem.labels[taken, :_MOST_CLASSES] > 0.5
    chosen = np.array(list(combinations(range(len(names)), order)))
    halves = [problem.fold[taken] % 2 == 0, problem.fold[taken] % 2 == 1]
    total = [_cells(codes[half], chosen, bins, None) for half in halves]
    best = np.full(len(chosen), 0.5)
    for k in range(labels.shape[1]):
        positive = [_cells(codes[half], chosen, bins, labels[half, k]) for half in halves]
        areas = [_areas(positive[a], total[a], positive[b], total[b]) for a, b in ((0, 1), (1, 0))]
        best = np.maximum(best, (areas[0] + areas[1]) / 2)
    ahead = np.argsort(-best, kind="stable")[:CONFIRMED]
    place = {name: i for i, name in enumerate(data.features)}
    return [tuple(sorted((names[i] for i in chosen[each]), key=place.__getitem__)) for each in ahead]


def _coarse(data: Data, name: str, bins: int, rows: NDArray[np.intp]) -> Codes:
    """At most `bins` bins: the most frequent categories, or quantiles of a number; missing values have one."""
    table = data.train
    if table.kinds[name] is ColumnKind.CATEGORY:
        return bins_of_codes(table.codes(name)[0][rows], bins)
    values = table.numbers(name)[rows]
    missing = np.isnan(values)
    present = np.sort(values[~missing])
    if not len(present):
        return np.zeros(len(values), np.int64)
    distinct = np.unique(present)
    if len(distinct) <= bins - 1:
        edges = distinct[1:]
    else:
        # An even number of bins has a border at the median, where honest thresholds also lie.
        count = bins if not missing.any() else bins - 2
        edges = np.unique(present[(np.arange(1, count) * len(present)) // count])
    return np.where(missing, bins - 1, np.searchsorted(edges, values, "right")).astype(np.int64)


def _cells(codes: Codes, chosen: NDArray[np.intp], bins: int, weight: NDArray[np.bool_] | None) -> Floats:
    """Rows in each cell of each combination, by one matrix product of indicators: [combinations, cells]."""
    if weight is not None:
        codes = codes[weight]
    columns, order = codes.shape[1], chosen.shape[1]
    hot = np.zeros((len(codes), columns, bins), np.float32)
    np.put_along_axis(hot, codes[:, :, None], 1.0, axis=2)
    if order == 2:
        flat = hot.reshape(len(codes), columns * bins)
        product = flat.T @ flat
        product = product.reshape(columns, bins, columns, bins).transpose(0, 2, 1, 3)
        return product[chosen[:, 0], chosen[:, 1]].reshape(len(chosen), -1).astype(np.float64)
    counts = np.empty((len(chosen), bins**3))
    for first in range(columns):
        starting = np.flatnonzero(chosen[:, 0] == first)
        if not len(starting):
            continue
        for value in range(bins):
            inside = hot[codes[:, first] == value].reshape(-1, columns * bins)
            product = (inside.T @ inside).reshape(columns, bins, columns, bins).transpose(0, 2, 1, 3)
            counts[starting, value * bins**2 : (value + 1) * bins**2] = product[
                chosen[starting, 1], chosen[starting, 2]
            ].reshape(len(starting), -1)
    return counts


def _areas(positive: Floats, total: Floats, second_positive: Floats, second_total: Floats) -> Floats:
    """AUC on the second half of cells ranked by their share of positives on the first, of each combination."""
    rate = positive.sum(1, keepdims=True) / np.maximum(total.sum(1, keepdims=True), 1)
    order = np.argsort((positive + rate) / (total + 1), axis=1, kind="stable")
    hits = np.take_along_axis(second_positive, order, axis=1)
    misses = np.take_along_axis(second_total - second_positive, order, axis=1)
    above = hits.sum(1, keepdims=True) - np.cumsum(hits, axis=1)
    pairs_of_rows = np.maximum(hits.sum(1) * misses.sum(1), 1)
    return (misses * (above + hits / 2)).sum(1) / pairs_of_rows
