"""Checks of columns of numbers: their distribution, single values, the steps in which they come, and their range."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from gates.data.evidence import Data
from gates.data.skew import evidence
from gates.data.skew.comparison import TableComparison, comparisons
from gates.data.skew.new_values import domain_of
from gates.data.skew.shares import measured_share
from gates.data.skew.windows import RowNumbers
from gates.statistics.distances import TOLERANCE, Distance, exceedance_p, ks_distance, slack, widest_gap
from gates.tables.cell_text import number_text
from gates.tables.table import Floats, Mask
from gates.verdict.catalogue import Gate, Need, NothingToJudge, check
from gates.verdict.measurement import Measurement

_GROUP = "skew and drift"
# Values with at least this part of the margin are compared; rarer ones cannot differ by the margin.
_CANDIDATE = 0.5
# Steps in which quantities are recorded: decimals, whole units, minutes or hours in seconds.
_STEPS = (0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 100.0, 1000.0)
_ROWS_FOR_STEPS = 20_000
# A step is left out where the rounding of float32 exceeds this part of it.
_BLURRED = 0.05


@check(
    gate=Gate.DATA,
    group=_GROUP,
    catches="numbers in another unit, shifted, scaled, joined from elsewhere",
    statistic="Kolmogorov-Smirnov distance beyond sampling noise",
    margin=0.10,
    rule="beyond the margin and certain (Kolmogorov's p-value, effective rows); in time, beyond past windows",
    source="Rabanser et al. 2019; Kolmogorov 1933; docs/statistics.md, Distances beyond sampling noise",
    needs=(Need.OTHER,),
    tier=1,
)
def numeric_distribution(data: Data, margin: float) -> Iterator[Measurement]:
    """The widest gap between the two distribution functions of each number column."""
    for pair, column, train_values, other_values in _numbers(data):
        a, b = pair.sorted(data.train, column), pair.sorted(pair.other, column)
        gap, at = widest_gap(a, b)
        effective, rows = (
            _effective_rows_at(pair, train_values, other_values, at),
            (~np.isnan(train_values), ~np.isnan(other_values)),
        )
        shares = [float((side <= at + slack(np.array([at]))[0]).mean()) for side in (a, b)]
        yield pair.measured(
            column,
            "KS distance beyond sampling noise",
            ks_distance(gap, *effective),
            margin,
            text=f"`{column}` is at most {at:.6g} in {shares[1]:.1%} of the rows of {pair.other.name} and in "
            f"{shares[0]:.1%} of train",
            remedy=f"Compare how `{column}` is made for {pair.other.name} and train: unit, source, time zone, scaling.",
            n=len(b),
            effective_rows=effective[1],
            by_entity=pair.entity_p(train_values[rows[0]] <= at, other_values[rows[1]] <= at, *rows),
            in_windows=partial(_ks_in_windows, train_values),
            chart=partial(evidence.of_numbers, f"share of rows by {column}", pair.other.name, a, b, at),
        )


def _numbers(data: Data) -> Iterator[tuple[TableComparison, str, Floats, Floats]]:
    """Every number column that can be compared, with both sides' values."""
    compared = 0
    for pair in comparisons(data):
        for column in pair.numbers():
            compared += 1
            yield pair, column, data.train.numbers(column), pair.other.numbers(column)
    if not compared:
        raise NothingToJudge("no column of numbers that both sides have")


def _effective_rows_at(
    pair: TableComparison, train_values: Floats, other_values: Floats, at: float
) -> tuple[float, float]:
    """Effective rows for the ranks, or for lying on one side of where the two differ most, whichever is less."""
    rows_a, rows_b = ~np.isnan(train_values), ~np.isnan(other_values)
    a, b = train_values[rows_a], other_values[rows_b]
    if pair.groups is None:
        return float(len(a)), float(len(b))
    by_rank = pair.effective_rows(a, b, rows_a, rows_b)
    by_side = pair.effective_rows((a <= at).astype(float), (b <= at).astype(float), rows_a, rows_b)
    return min(by_rank[0], by_side[0]), min(by_rank[1], by_side[1])


def _ks_in_windows(values: Floats, earlier: RowNumbers, later: RowNumbers) -> float:
    a, b = (np.sort(values[rows][~np.isnan(values[rows])]) for rows in (earlier, later))
    return ks_distance(widest_gap(a, b)[0], len(a), len(b)).effect if len(a) and len(b) else np.nan


@check(
    gate=Gate.DATA,
    group=_GROUP,
    catches="one number that replaces others: a new sentinel such as -1, a default, a constant",
    statistic="largest difference of the shares of one value",
    margin=0.05,
    rule="beyond the margin and certain (Fisher's exact test, Bonferroni over the values tried)",
    source="docs/statistics.md, Single values",
    needs=(Need.OTHER,),
)
def single_values(data: Data, margin: float) -> Iterator[Measurement]:
    """Shares, among rows with a value, of each number that is frequent on either side."""
    for pair, column, train_values, other_values in _numbers(data):
        a, b = pair.sorted(data.train, column), pair.sorted(pair.other, column)
        values = np.union1d(*(_frequent(side, _CANDIDATE * margin) for side in (a, b)))
        if not len(values):
            continue
        shares = [_shares_at(side, values) for side in (a, b)]
        worst = int(np.argmax(np.abs(shares[0] - shares[1])))
        value, room = values[worst], slack(values[worst : worst + 1])[0]
        yield measured_share(
            pair,
            column,
            "difference of the shares of one value",
            np.abs(train_values - value) <= room if np.isfinite(value) else train_values == value,
            np.abs(other_values - value) <= room if np.isfinite(value) else other_values == value,
            margin,
            text=f"`{column}` is {number_text(value)} in {shares[1][worst]:.1%} of the rows of {pair.other.name} and "
            f"in {shares[0][worst]:.1%} of train",
            remedy=f"See what writes {number_text(value)} to `{column}`: a default for missing values, or a constant.",
            tried=len(values),
            rows=(~np.isnan(train_values), ~np.isnan(other_values)),
            bounded=False,
            in_windows=partial(_atoms_in_windows, train_values, values),
        )


def _atoms_in_windows(numbers: Floats, values: Floats, earlier: RowNumbers, later: RowNumbers) -> float:
    """The largest difference of any value's shares: each season has its own frequent values."""
    a, b = (np.sort(numbers[rows][~np.isnan(numbers[rows])]) for rows in (earlier, later))
    return float(np.abs(_shares_at(a, values) - _shares_at(b, values)).max()) if len(a) and len(b) else np.nan


def _frequent(ordered: Floats, share: float) -> Floats:
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(np.append(starts, len(ordered)))
    return ordered[starts[counts >= max(2.0, share * len(ordered))]]


def _shares_at(ordered: Floats, values: Floats) -> Floats:
    room = slack(values)
    low, high = np.searchsorted(ordered, values - room), np.searchsorted(ordered, values + room, side="right")
    return np.asarray((high - low) / len(ordered), dtype=np.float64)


@check(
    gate=Gate.DATA,
    group=_GROUP,
    catches="numbers rounded, truncated or refined: whole amounts, seconds in full minutes",
    statistic="largest difference of the shares of values that are multiples of one step",
    margin=0.10,
    rule="beyond the margin and certain (Fisher's exact test, Bonferroni over 8 steps)",
    source="docs/statistics.md, Steps of a number",
    needs=(Need.OTHER,),
)
def granularity(data: Data, margin: float) -> Iterator[Measurement]:
    """Shares of multiples of 0.001 to 1000, among values other than 0, on at most 20,000 rows a side."""
    for pair, column, train_values, other_values in _numbers(data):
        rows_a, rows_b = pair.sampled(_ROWS_FOR_STEPS)
        sides = [_unlike_zero(train_values, rows_a), _unlike_zero(other_values, rows_b)]
        if not sides[0].any() or not sides[1].any():
            continue
        found = [
            (step, _on_step(train_values, step), _on_step(other_values, step))
            for step in _distinguishable_steps(train_values[sides[0]], other_values[sides[1]])
        ]
        if not found:
            continue
        worst = max(found, key=lambda each: abs(each[1][sides[0]].mean() - each[2][sides[1]].mean()))
        share_a, share_b = worst[1][sides[0]].mean(), worst[2][sides[1]].mean()
        yield measured_share(
            pair,
            column,
            "difference of the shares of multiples of one step",
            worst[1],
            worst[2],
            margin,
            text=f"Of the values of `{column}` {share_b:.1%} are multiples of {worst[0]:g} in {pair.other.name} and "
            f"{share_a:.1%} in train",
            remedy=f"See where `{column}` is rounded or cut on its way to {pair.other.name}.",
            tried=len(found),
            rows=(sides[0], sides[1]),
            bounded=False,
            changes_with_time=True,
        )


def _unlike_zero(values: Floats, rows: RowNumbers) -> Mask:
    """Rows with another value than 0, which is a multiple of every step; `single_values` judges its share."""
    picked = np.zeros(len(values), dtype=bool)
    picked[rows] = True
    return picked & np.isfinite(values) & (values != 0)


def _distinguishable_steps(a: Floats, b: Floats) -> list[float]:
    largest = max(float(np.quantile(np.abs(side), 0.99)) for side in (a, b))
    return [step for step in _STEPS if largest / step * TOLERANCE <= _BLURRED]


def _on_step(values: Floats, step: float) -> Mask:
    with np.errstate(invalid="ignore"):
        times = values / step
        return np.asarray(np.abs(times - np.rint(times)) <= np.maximum(np.abs(times) * TOLERANCE, 1e-9), dtype=bool)


@check(
    gate=Gate.DATA,
    group=_GROUP,
    catches="numbers outside the range of train: overflows, sentinels, another unit in some rows",
    statistic="share of rows outside train's range",
    margin=0.01,
    rule="beyond the margin and certain (exact chance that the largest values all lie on one side)",
    source="Breck et al. 2019; Wilks 1941; docs/statistics.md, Values outside the range",
    needs=(Need.OTHER,),
)
def value_range(data: Data, margin: float) -> Iterator[Measurement]:
    """The share outside the smallest and largest value; `schema_domain` judges columns of few whole numbers."""
    for pair, column, train_values, other_values in _numbers(data):
        if domain_of(pair, column) is None:
            yield _of_range(pair, column, train_values, other_values, margin)


def _of_range(
    pair: TableComparison, column: str, train_values: Floats, other_values: Floats, margin: float
) -> Measurement:
    a, b = pair.sorted(pair.train, column), pair.sorted(pair.other, column)
    older, newer, names = (
        (a, b, ("train", pair.other.name)) if pair.other.name != "previous" else (b, a, ("previous", "train"))
    )
    low, high = older[0] - slack(older[:1])[0], older[-1] + slack(older[-1:])[0]
    below, above = int(np.searchsorted(newer, low)), len(newer) - int(np.searchsorted(newer, high, side="right"))
    expected = 2.0 / (len(older) + 1)
    effect = max(0.0, (below + above) / len(newer) - expected)
    p_value = min(
        1.0,
        2 * min(_outside_p(pair, train_values, other_values, low, high, names[0], side) for side in ("below", "above")),
    )
    return pair.measured(
        column,
        "share of rows outside the range, beyond the expected",
        Distance(effect, p_value, 1.0),
        margin,
        bounded=False,
        n=len(newer),
        text=f"In {(below + above) / len(newer):.1%} of the rows of {names[1]} `{column}` lies outside the range of "
        f"{names[0]}, {older[0]:.6g} to {older[-1]:.6g}: it reaches from {newer[0]:.6g} to {newer[-1]:.6g}",
        remedy=f"Look at the rows beyond the range: a sentinel, an overflow, or `{column}` in another unit.",
        in_windows=partial(_outside_in_windows, train_values),
        chart=partial(evidence.of_numbers, f"share of rows by {column}", pair.other.name, a, b),
    )


def _outside_p(
    pair: TableComparison, train_values: Floats, other_values: Floats, low: float, high: float, older: str, side: str
) -> float:
    """The p-value of the values outside; with entities as units where these were drawn."""
    new, known = (other_values, train_values) if older == "train" else (train_values, other_values)
    outside = new < low if side == "below" else new > high
    if pair.groups is None:
        return exceedance_p(int(outside.sum()), int((~np.isnan(known)).sum()), int((~np.isnan(new)).sum()))
    groups = pair.groups if older == "train" else pair.groups[::-1]
    counts = [len(np.unique(each)) for each in (groups[1][outside], groups[0], groups[1])]
    return exceedance_p(*counts)


def _outside_in_windows(values: Floats, earlier: RowNumbers, later: RowNumbers) -> float:
    known, new = (values[rows][~np.isnan(values[rows])] for rows in (earlier, later))
    return float(((new < known.min()) | (new > known.max())).mean()) if len(known) and len(new) else np.nan
