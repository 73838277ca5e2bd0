"""The check of columns within slices: faults in one area, company or month only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np

from gates.data.evidence import Data
from gates.data.skew.coding import Coded, CodedPair, coded, is_whole
from gates.data.skew.comparison import TableComparison, comparisons
from gates.data.skew.windows import RowNumbers
from gates.statistics.distances import Distance, ks_distance, total_variation
from gates.tables.cell_text import number_texts
from gates.tables.table import Codes, Floats
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement

FEWEST_ROWS = 200
_MOST_SLICES = 100
# A slice with more than this share of the rows is the whole column.
_NEARLY_ALL = 0.95
_CERTAIN = 0.001
# Pairs of a column and a column of slices: with 200 columns, all of which can be sliced by, it is nearly all of them.
_MOST_PAIRS, _FEWEST_SLICINGS = 50_000, 10


class Slicing(NamedTuple):
    """The slice of each sampled row by one column."""

    name: str
    values: list[str]
    train: Codes
    other: Codes


class Worst(NamedTuple):
    """The slice with the most certain difference of a column."""

    slicing: Slicing
    place: int
    distance: Distance


@check(
    gate=Gate.DATA,
    group="skew and drift",
    catches="a column that is wrong in one slice only: one area, one company, one month",
    statistic="KS distance or total variation within a slice, beyond sampling noise",
    margin=0.20,
    rule="beyond the margin and certain (Bonferroni over slices); at least 200 effective rows of it on both sides",
    source="Chung et al. 2019, Slice Finder; docs/statistics.md, Distances beyond sampling noise",
    needs=(Need.OTHER,),
)
def slice_distribution(data: Data, margin: float) -> Iterator[Measurement]:
    """Every column within every value of columns with at most 100 values, on at most 20,000 rows a side. In a wide
    table the slices are those of some columns, at least 10: so many that there are 50,000 pairs with a column."""
    compared = 0
    for pair in comparisons(data):
        found = coded(pair)
        slicings, looked_at = _slicings(pair, found)
        for column in found.columns.values():
            worst, tried = _worst_of(pair, column, [each for each in slicings if each.name != column.name])
            if worst is not None:
                compared += 1
                yield replace(_measured(pair, found, column, worst, tried, margin), looked_at=looked_at)
    if not compared:
        raise NotApplicable(f"no slice has {FEWEST_ROWS} rows on both sides")


def _slicings(pair: TableComparison, found: CodedPair) -> tuple[list[Slicing], str]:
    """The slices of all columns, or of as many as the bound allows: names of clients, sources and areas before whole
    numbers, in an order that is drawn; and the bound in words."""
    most = max(_FEWEST_SLICINGS, _MOST_PAIRS // max(1, len(found.columns)))
    names, seed = list(found.columns), pair.data.seed
    if len(names) > most:
        drawn = np.random.default_rng(seed).permutation(len(names))
        names = sorted((names[i] for i in drawn), key=lambda name: found.columns[name].is_ordered)
    # One more than allowed shows that there are more.
    every = (each for name in names if (each := _slicing(pair, found, name)) is not None)
    slicings = list(islice(every, most + 1))
    kept = {each.name: each for each in slicings[:most]}
    in_order = [kept[name] for name in found.columns if name in kept]
    if len(slicings) <= most:
        return in_order, ""
    looked_at = f"looked at slices by {most:,} of {len(names):,} columns, names before numbers, drawn with seed {seed}"
    return in_order, looked_at


def _slicing(pair: TableComparison, found: CodedPair, name: str) -> Slicing | None:
    """Slices by a category, or by whole numbers with few values; only values that are frequent on both sides."""
    column = found.columns[name]
    if column.is_ordered and not is_whole(pair, name):
        return None
    if column.is_ordered:
        values = np.unique(pair.sorted(pair.train, name))
        if len(values) > _MOST_SLICES:
            return None
        train_codes, other_codes = (
            _places(table.numbers(name)[rows], values)
            for table, rows in zip((pair.train, pair.other), found.rows, strict=True)
        )
        names = number_texts(values)
    else:
        train_codes, other_codes = column.train, column.other
        names = _names_of(pair, found, name, column)
    counts = [np.bincount(side[side >= 0], minlength=len(names)) for side in (train_codes, other_codes)]
    enough = np.minimum(*counts) >= FEWEST_ROWS
    enough &= counts[1] <= _NEARLY_ALL * len(other_codes)
    kept = np.flatnonzero(enough)
    if not len(kept):
        return None
    place = np.full(len(names) + 1, -1)
    place[kept] = np.arange(len(kept))
    return Slicing(name, [names[i] for i in kept], place[train_codes], place[other_codes])


def _places(numbers: Floats, values: Floats) -> Codes:
    place = np.minimum(np.searchsorted(values, np.nan_to_num(numbers, nan=values[0])), len(values) - 1)
    return np.where(values[place] == numbers, place, -1).astype(np.int64)


def _names_of(pair: TableComparison, found: CodedPair, name: str, column: Coded) -> list[str]:
    """The value of each code; the last code may stand for several rare values."""
    codes, values = pair.train.codes(name)
    names = ["others"] * column.count
    sampled = codes[found.rows[0]]
    for code, at in zip(*np.unique(column.train, return_index=True), strict=True):
        if code >= 0:
            names[int(code)] = values[int(sampled[at])]
    return names


def _worst_of(pair: TableComparison, column: Coded, slicings: list[Slicing]) -> tuple[Worst | None, int]:
    """The slice with the largest effect among the certain ones, else the most certain one; and the number of slices."""
    effect = _design_effect(pair, column)
    found: list[Worst] = []
    for slicing in slicings:
        for place, distance in _distances(column, slicing, effect):
            found.append(Worst(slicing, place, distance))
    if not found:
        return None, 0
    certain = [each for each in found if each.distance.p_value * len(found) <= _CERTAIN]
    if certain:
        return max(certain, key=lambda each: each.distance.effect), len(found)
    return min(found, key=lambda each: each.distance.p_value), len(found)


def _design_effect(pair: TableComparison, column: Coded) -> tuple[float, float]:
    if pair.groups is None:
        return 1.0, 1.0
    found = coded(pair)
    rows = []
    for side, table in enumerate((pair.train, pair.other)):
        mask = np.zeros(table.rows, dtype=bool)
        mask[found.rows[side]] = True
        rows.append(mask)
    effective = pair.effective_rows(column.train.astype(float), column.other.astype(float), rows[0], rows[1])
    return len(column.train) / effective[0], len(column.other) / effective[1]


def _distances(column: Coded, slicing: Slicing, effect: tuple[float, float]) -> Iterator[tuple[int, Distance]]:
    tables = [
        _counts(side, place, column.count, len(slicing.values))
        for side, place in ((column.train, slicing.train), (column.other, slicing.other))
    ]
    rows_a, rows_b = (table.sum(axis=1) for table in tables)
    gaps = np.abs(np.subtract(*(np.cumsum(t, axis=1) / np.maximum(t.sum(axis=1), 1)[:, None] for t in tables))).max(
        axis=1
    )
    for place in range(len(slicing.values)):
        a, b = rows_a[place] / effect[0], rows_b[place] / effect[1]
        if min(a, b) < FEWEST_ROWS:
            continue
        if column.is_ordered:
            yield place, ks_distance(float(gaps[place]), a, b)
        else:
            yield place, total_variation(tables[0][place], tables[1][place], a, b)


def _counts(codes: Codes, places: Codes, count: int, slices: int) -> Floats:
    inside = (codes >= 0) & (places >= 0)
    flat = np.bincount(places[inside] * count + codes[inside], minlength=slices * count)
    return flat.reshape(slices, count).astype(np.float64)


def _measured(
    pair: TableComparison, found: CodedPair, column: Coded, worst: Worst, tried: int, margin: float
) -> Measurement:
    slicing, place, distance = worst
    value, name = slicing.values[place], pair.other.name
    inside = int((slicing.other == place).sum())
    full = np.full(pair.train.rows, -1)
    full[found.rows[0]] = np.where(slicing.train == place, column.train, -1)
    statistic = "KS distance" if column.is_ordered else "total variation"
    return pair.measured(
        column.name,
        f"{statistic} within a slice, beyond sampling noise",
        distance._replace(p_value=min(1.0, distance.p_value * tried)),
        margin,
        text=f"Where `{slicing.name}` is {value}, `{column.name}` in {name} is distributed otherwise than in train; "
        f"it is the worst of {tried:,} slices",
        remedy=f"Look at the rows of {name} with `{slicing.name}` = {value}: one client, source or area writes them.",
        where=f" where {slicing.name} = {value}",
        n=inside,
        bounded=False,
        changes_with_time=True,
        by_entity=_by_entity(pair, found, column, worst),
        in_windows=partial(_in_windows, full, column),
    )


def _in_windows(codes: Codes, column: Coded, earlier: RowNumbers, later: RowNumbers) -> float:
    a, b = (
        np.bincount(codes[rows][codes[rows] >= 0], minlength=column.count).astype(float) for rows in (earlier, later)
    )
    if not a.any() or not b.any():
        return np.nan
    if column.is_ordered:
        gap = float(np.abs(np.cumsum(a) / a.sum() - np.cumsum(b) / b.sum()).max())
        return ks_distance(gap, a.sum(), b.sum()).effect
    return total_variation(a, b, a.sum(), b.sum()).effect


def _by_entity(pair: TableComparison, found: CodedPair, column: Coded, worst: Worst) -> float:
    if pair.groups is None:
        return 0.0
    masks, scores = [], []
    sides = (column.train, worst.slicing.train), (column.other, worst.slicing.other)
    for (codes, places), rows, table in zip(sides, found.rows, (pair.train, pair.other), strict=True):
        inside = (places == worst.place) & (codes >= 0)
        mask = np.zeros(table.rows, dtype=bool)
        mask[rows[inside]] = True
        masks.append(mask)
        scores.append(codes[inside].astype(np.float64))
    return pair.entity_p(scores[0], scores[1], masks[0], masks[1])
