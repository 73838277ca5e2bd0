"""The check of each column's association with the others: values in the wrong rows lose it.

The derivation: docs/statistics.md, Association.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gates.data.evidence import Data
from gates.data.skew.coding import Coded, CodedPair, coded
from gates.data.skew.comparison import TableComparison, comparisons
from gates.data.skew.partners import bound_in_words, partners_of
from gates.data.skew.windows import RowNumbers
from gates.data.units import Unit
from gates.statistics.distances import Distance
from gates.statistics.sampling import effective_rows
from gates.tables.table import Floats
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement

_FEWEST_ROWS = 100
# A mean of fewer groups has no normal distribution.
_FEWEST_CONTENTS = 30
# Cells per column: enough to detect an association, few enough to estimate it.
_CELLS = 12
# Rows without any lift that are added to each cell.
_DOUBT = 5.0
_CERTAIN_PARTNER = 1e-6
# Train's own association must be so many standard errors above 0, or its loss cannot be judged.
_STRONG = 10.0


@check(
    gate=Gate.DATA,
    group="skew and drift",
    catches="a column that is stale, or joined to the wrong rows, in part of the rows",
    statistic="share of a column's association with the others that is lost",
    margin=0.10,
    rule="beyond the margin and certain (z of the mean log lift, known from one half of train, against its other half)",
    source="Church & Hanks 1990 (pointwise mutual information); docs/statistics.md, Association",
    needs=(Need.OTHER,),
)
def association(data: Data, margin: float) -> Iterator[Measurement]:
    """Rows that are joined at random keep every column's distribution and lose its association with the others in
    proportion. The baseline is the same table with its columns shuffled, so another mix of rows is no loss. Each column
    is compared with all others; in a table of more than 316 columns with as many as make 100,000 pairs, half of them
    the most correlated ones, half drawn."""
    compared = 0
    for pair in comparisons(data):
        found = coded(pair)
        # Associations may differ between entities: only the joint test keeps entities in one fold.
        if pair.unit is Unit.ENTITY or min(len(rows) for rows in found.rows) < _FEWEST_ROWS:
            continue
        coarse = {name: _coarse(column) for name, column in found.columns.items()}
        halves = _halves(pair, found)
        if pair.groups is not None and _fewest_groups(pair, found, halves) < _FEWEST_CONTENTS:
            continue
        of_train = {name: sides.train for name, sides in coarse.items()}
        learnt = [_Learnt(half, partners_of(of_train, half, data.seed)) for half in halves]
        looked_at = bound_in_words(learnt[0].partners, data.seed)
        for name in coarse:
            lifts = [_lifts(coarse, name, each.partners[name], each.half) for each in learnt]
            if lifts[0] and lifts[1]:
                compared += 1
                measured = _measured(pair, found, coarse, name, (lifts[0], lifts[1]), halves, margin)
                yield replace(measured, looked_at=looked_at)
    if not compared:
        raise NotApplicable("no column is strongly associated with another one")


Cells = NDArray[np.uint8]
# Log lifts of the cells of a column with those of each partner.
Lifts = dict[str, Floats]


class _Learnt(NamedTuple):
    """The half of train that lifts are learnt on, and the partners that it chooses for each column."""

    half: RowNumbers
    partners: Mapping[str, Sequence[str]]


class Sides(NamedTuple):
    """Codes of one column in few cells; missing values have a cell."""

    train: Cells
    other: Cells


def _coarse(column: Coded) -> Sides:
    counts = np.bincount(column.train + 1, minlength=column.count + 1).astype(np.float64)
    if column.is_ordered:
        cells = np.minimum(
            (np.cumsum(counts[1:]) - counts[1:] / 2) / max(counts[1:].sum(), 1) * (_CELLS - 1), _CELLS - 2
        )
        place = np.concatenate([[0], 1 + cells.astype(np.int64)])
    else:
        # The most frequent values of both sides: those of train alone are rarer on the other side by that choice.
        counts += np.bincount(column.other + 1, minlength=len(counts))
        place = np.full(len(counts), _CELLS - 1)
        place[1 + np.argsort(-counts[1:], kind="stable")[: _CELLS - 2]] = np.arange(1, _CELLS - 1)[: len(counts) - 1]
        place[0] = 0
    # A byte holds the cells of two columns together, and wide tables have many columns.
    place = place.astype(np.uint8)
    return Sides(place[column.train + 1], place[column.other + 1])


def _halves(pair: TableComparison, found: CodedPair) -> tuple[RowNumbers, RowNumbers]:
    """Places of train's sampled rows to learn from and to judge by; equal rows are in one half where they were drawn
    together."""
    rows = found.rows[0]
    odd = np.arange(len(rows)) % 2 if pair.groups is None else pair.groups[0][rows] % 2
    return np.flatnonzero(odd == 0), np.flatnonzero(odd == 1)


def _fewest_groups(pair: TableComparison, found: CodedPair, halves: tuple[RowNumbers, RowNumbers]) -> int:
    """Contents of the smallest of train's halves and the other side."""
    assert pair.groups is not None
    train, other = (groups[rows] for groups, rows in zip(pair.groups, found.rows, strict=True))
    return min(len(np.unique(each)) for each in (train[halves[0]], train[halves[1]], other))


def _lifts(coarse: dict[str, Sides], name: str, partners: Sequence[str], half: RowNumbers) -> Lifts | None:
    """Log lift of each cell of the column with each partner, from one half of train; None without a strong one."""
    from scipy.special import chdtrc

    lifts = {}
    own = coarse[name].train[half]
    for partner in partners:
        seen = _table(own, coarse[partner].train[half])
        expected = seen.sum(axis=1, keepdims=True) * seen.sum(axis=0, keepdims=True) / max(seen.sum(), 1)
        there = expected > 0
        square = float(((seen - expected)[there] ** 2 / (expected[there] + 1)).sum())
        free = max(1, (int((seen.sum(axis=1) > 0).sum()) - 1) * (int((seen.sum(axis=0) > 0).sum()) - 1))
        if chdtrc(free, square) <= _CERTAIN_PARTNER:
            lifts[partner] = np.log((seen + _DOUBT) / (expected + _DOUBT))
    return lifts or None


def _table(a: Cells, b: Cells) -> Floats:
    return np.bincount(a * _CELLS + b, minlength=_CELLS**2).reshape(_CELLS, _CELLS).astype(np.float64)


def _scores(columns: Mapping[str, Cells], name: str, lifts: Lifts, places: RowNumbers | slice) -> tuple[float, Floats]:
    """The mean log lift at these places beyond that of the same columns shuffled, and what each row contributes to its
    variance."""
    own_codes = columns[name][places]
    total, rows = 0.0, np.zeros(len(own_codes))
    for partner, lift in lifts.items():
        partner_codes = columns[partner][places]
        p, q = (np.bincount(codes, minlength=_CELLS) / len(own_codes) for codes in (own_codes, partner_codes))
        by_own, by_partner = lift @ q, p @ lift
        rows += lift[own_codes, partner_codes] - by_own[own_codes] - by_partner[partner_codes]
        total += float(p @ lift @ q)
    return float(rows.mean()) + total, rows


def _measured(
    pair: TableComparison,
    found: CodedPair,
    coarse: dict[str, Sides],
    name: str,
    lifts: tuple[Lifts, Lifts],
    halves: tuple[RowNumbers, RowNumbers],
    margin: float,
) -> Measurement:
    of_train = {each: coarse[each].train for each in {name, *lifts[0], *lifts[1]}}
    of_other = {each: coarse[each].other for each in of_train}
    # Each half is judged by what the other one has learnt, the other table by both.
    train = [_scores(of_train, name, each, half) for each, half in zip(lifts, reversed(halves), strict=True)]
    other = [_scores(of_other, name, each, slice(None)) for each in lifts]
    scores = float(np.mean([score for score, _ in train])), float(np.mean([score for score, _ in other]))
    rows = np.concatenate([rows for _, rows in train]), np.mean([rows for _, rows in other], axis=0)
    groups = None
    if pair.groups is not None:
        judged = found.rows[0][np.concatenate(halves[::-1])]
        groups = pair.groups[0][judged], pair.groups[1][found.rows[1]]
    effective = effective_rows(*rows, groups)
    errors = float(rows[0].std() / np.sqrt(effective[0])), float(rows[1].std() / np.sqrt(effective[1]))
    lost = _lost(*scores) if scores[0] > _STRONG * errors[0] else 0.0
    partners = ", ".join(f"`{each}`" for each in sorted(lifts[0], key=lambda each: -np.abs(lifts[0][each]).sum())[:3])
    places = np.full(pair.train.rows, -1)
    places[found.rows[0]] = np.arange(len(found.rows[0]))
    return pair.measured(
        name,
        "share of its association that is lost",
        Distance(lost, _p_value(scores[0] - scores[1], errors) if lost else 1.0, 1.0),
        margin,
        text=f"`{name}` is {lost:.0%} less associated with other columns, such as {partners}, in {pair.other.name} "
        f"than "
        f"in train, as if that share of its values were in the wrong rows",
        remedy=f"Check how `{name}` is joined to the rows of {pair.other.name}: key, order, and age of its values.",
        n=len(rows[1]),
        bounded=False,
        changes_with_time=True,
        in_windows=partial(_in_windows, of_train, places, name, lifts[0]),
    )


def _lost(train_score: float, other_score: float) -> float:
    return float(np.clip(1 - other_score / train_score, 0.0, 1.0)) if train_score > 0 else 0.0


def _p_value(difference: float, errors: tuple[float, float]) -> float:
    from scipy.special import ndtr

    error = float(np.hypot(*errors))
    return float(ndtr(-difference / error)) if error > 0 else 1.0


def _in_windows(
    columns: Mapping[str, Cells],
    places: RowNumbers,
    name: str,
    lifts: Lifts,
    earlier: RowNumbers,
    later: RowNumbers,
) -> float:
    sides = [places[rows][places[rows] >= 0] for rows in (earlier, later)]
    if min(len(each) for each in sides) < _FEWEST_ROWS:
        return float("nan")
    found = [_scores(columns, name, lifts, rows)[0] for rows in sides]
    return _lost(*found)
