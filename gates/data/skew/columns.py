"""Checks of single columns: missing values, unknown values, and the proportions of categories. Checks of numbers are in
`numbers.py`, those within slices in `slices.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from gates.data.evidence import Data
from gates.data.skew import evidence
from gates.data.skew.comparison import TableComparison, comparisons
from gates.data.skew.new_values import of_split_column, of_unseen
from gates.data.skew.shares import measured_share
from gates.data.skew.windows import RowNumbers
from gates.statistics.distances import total_variation
from gates.tables.table import Codes, Floats, Mask, joint_categories
from gates.tables.times import holds_times
from gates.verdict.catalogue import Gate, Need, NothingToJudge, check
from gates.verdict.measurement import Measurement

_GROUP = "skew and drift"
# A column with more distinct values than half of its rows identifies rows.
_IDENTIFIER = 0.5


@check(
    gate=Gate.DATA,
    group=_GROUP,
    catches="values that are missing, or that exist where train has none",
    statistic="difference of the shares of missing values",
    margin=0.05,
    rule="beyond the margin and certain (Fisher's exact test, effective rows)",
    source="Breck et al. 2019; docs/statistics.md, Distances beyond sampling noise",
    needs=(Need.OTHER,),
    tier=1,
)
def nulls(data: Data, margin: float) -> Iterator[Measurement]:
    """Two-proportion test on the share of rows without a value, in every feature of any type."""
    for pair in comparisons(data):
        for column in (c for c in data.features if pair.other.has(c) and not pair.leaves_out(c)):
            train_missing, other_missing = data.train.missing(column), pair.other.missing(column)
            name, shares = pair.other.name, (train_missing.mean(), other_missing.mean())
            text = f"`{column}` is missing in {shares[1]:.1%} of the rows of {name} and in {shares[0]:.1%} of train"
            yield measured_share(
                pair,
                column,
                "difference of the shares of missing values",
                train_missing,
                other_missing,
                margin,
                text=text,
                remedy=f"See where {pair.other.name} loses `{column}`: a failed join, a renamed field, a new client.",
            )


@check(
    gate=Gate.DATA,
    group=_GROUP,
    catches="categories that train never had: another vocabulary, another spelling, lower case",
    statistic="share of rows with a category that train never had, beyond the Good-Turing estimate",
    margin=0.01,
    rule="more than N1/N + the margin, and certain (Fisher's exact test); of entities, values that one entity has",
    source="Good 1953; Breck et al. 2019; docs/statistics.md, Unseen values",
    needs=(Need.OTHER,),
    tier=1,
)
def new_categories(data: Data, margin: float) -> Iterator[Measurement]:
    """The share of categories unseen in train. Nearly all values of an identifier or a time are new, as expected."""
    compared = 0
    for pair in comparisons(data):
        if (split := of_split_column(pair)) is not None:
            yield split
        for column in pair.categories():
            if holds_times(joint_categories([data.train, pair.other], column)[1]):
                continue
            compared += 1
            yield of_unseen(pair, column, margin)
    if not compared:
        raise NothingToJudge("no column of categories that both sides have")


@check(
    gate=Gate.DATA,
    group=_GROUP,
    catches="categories in other proportions",
    statistic="total variation beyond sampling noise, categories under 1 % pooled",
    margin=0.10,
    rule="beyond the margin and certain (Pearson's χ², Rao-Scott for entities); in time, beyond past windows",
    source="Rabanser et al. 2019; Rao & Scott 1981; docs/statistics.md, Distances beyond sampling noise",
    needs=(Need.OTHER,),
    tier=1,
)
def categorical_distribution(data: Data, margin: float) -> Iterator[Measurement]:
    """Half the sum of the differences of shares. Identifiers are left out."""
    compared = 0
    for pair in comparisons(data):
        for column in pair.categories():
            (train_codes, other_codes), names = joint_categories([data.train, pair.other], column)
            rows = train_codes >= 0, other_codes >= 0
            if len(np.unique(train_codes[rows[0]])) > _IDENTIFIER * rows[0].sum():
                continue
            compared += 1
            count = _counting(len(names))
            shares = [evidence.shares_of(codes, len(names)) for codes in (train_codes, other_codes)]
            effective = _effective_rows_of_categories(
                pair, train_codes[rows[0]], other_codes[rows[1]], rows, np.abs(shares[0] - shares[1])
            )
            worst, name = int(np.argmax(np.abs(shares[0] - shares[1]))), pair.other.name
            by_entity = pair.entity_p(train_codes[rows[0]] == worst, other_codes[rows[1]] == worst, *rows)
            yield pair.measured(
                column,
                "total variation beyond sampling noise",
                total_variation(count(train_codes), count(other_codes), *effective),
                margin,
                text=f"`{column}` is `{names[worst]}` in {shares[1][worst]:.1%} of the rows of {name} and in "
                f"{shares[0][worst]:.1%} of train",
                remedy=f"Compare where the rows of {pair.other.name} come from, and how `{column}` is written there.",
                n=int(rows[1].sum()),
                effective_rows=effective[1],
                by_entity=by_entity,
                in_windows=partial(_tv_in_windows, train_codes, count),
                chart=partial(
                    evidence.of_values,
                    f"share of rows by {column}",
                    pair.other.name,
                    names,
                    shares[0],
                    shares[1],
                    names[worst],
                ),
            )
    if not compared:
        raise NothingToJudge("no column of categories that both sides have")


def _counting(size: int) -> Callable[[Codes], Floats]:
    return lambda codes: np.bincount(codes[codes >= 0], minlength=size).astype(np.float64)


def _effective_rows_of_categories(
    pair: TableComparison, train_codes: Codes, other_codes: Codes, rows: tuple[Mask, Mask], differences: Floats
) -> tuple[float, float]:
    """The smallest effective rows for membership of one category, over the categories that differ most."""
    if pair.groups is None:
        return float(len(train_codes)), float(len(other_codes))
    most = np.argsort(-differences, kind="stable")[:5]
    found = [
        pair.effective_rows((train_codes == code).astype(float), (other_codes == code).astype(float), *rows)
        for code in most
    ]
    return min(each[0] for each in found), min(each[1] for each in found)


def _tv_in_windows(codes: Codes, count: Callable[[Codes], Floats], earlier: RowNumbers, later: RowNumbers) -> float:
    a, b = count(codes[earlier]), count(codes[later])
    return total_variation(a, b, a.sum(), b.sum()).effect if a.any() and b.any() else np.nan
