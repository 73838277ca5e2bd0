"""The check of all columns together: faults between columns whose own distributions are right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gates.data.boosted import Matrix
from gates.data.evidence import Data
from gates.data.skew.coding import CodedPair, coded
from gates.data.skew.comparison import TableComparison, comparisons
from gates.data.skew.two_sample import FEWEST_ENTITIES, MOST_ROWS, TRAIN_ROWS, TwoSample
from gates.data.skew.windows import RowNumbers
from gates.data.target import target_in, target_of
from gates.data.units import Unit
from gates.statistics.distances import Distance
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart
from gates.verdict.measurement import Measurement

_FEWEST_ROWS = 50
_ROWS_OF_WINDOWS = 2_000
_NAMED = 3


@check(
    gate=Gate.DATA,
    group="skew and drift",
    catches="columns joined to the wrong rows, swapped, or stale, though each alone looks as in train",
    statistic="99 % lower bound of the AUC of a classifier that separates the rows of the two sides",
    margin=0.53,
    rule="beyond the margin and certain (Mann-Whitney z, 1.7 times wider below 1,000 rows); entities stay in one fold",
    source="Lopez-Paz & Oquab 2017; docs/statistics.md, Two-sample classifier",
    needs=(Need.OTHER,),
)
def joint_distribution(data: Data, margin: float) -> Iterator[Measurement]:
    """Classifier two-sample test, out of fold, on ranges of numbers and codes of categories, at most 20,000 rows."""
    compared = 0
    for pair in comparisons(data):
        found = coded(pair)
        # A later eval only warns, and the checks of its single columns cost a hundredth of this one.
        if pair.unit is Unit.TIME and pair.other.name != "serving":
            continue
        if len(found.columns) < 2 or min(len(rows) for rows in found.rows) < _FEWEST_ROWS:
            continue
        if (test := TwoSample.of(pair, found)) is not None:
            compared += 1
            yield _measured(pair, found, test, margin)
    if not compared:
        raise NotApplicable(f"no two tables with {_FEWEST_ROWS} rows, or {FEWEST_ENTITIES} entities, and two columns")


def _measured(pair: TableComparison, found: CodedPair, test: TwoSample, margin: float) -> Measurement:
    auc, lower, p_value, note = test.auc, test.lower, test.p_value, ""
    if lower > margin and (matched := _with_labels_alike(pair, found)) is not None and matched.auc < auc:
        auc, lower, p_value = matched.auc, matched.lower, matched.p_value
        note = " among rows of train with labels in the same proportions"
    text = f"A classifier separates the rows of {pair.other.name} from those of train with AUC {auc:.3f}{note}"
    falls = test.importances() if lower > margin else {}
    if falls:
        most = ", ".join(f"`{name}`" for name in list(falls)[:_NAMED])
        text += f", mostly by {most} taken together with the others"
    return pair.measured(
        "all columns",
        "99 % lower bound of AUC",
        Distance(max(0.0, lower), p_value, 1.0),
        margin,
        text=text,
        n=int(test.side.sum()),
        bounded=False,
        changes_with_time=True,
        remedy="Check the join and the order of these columns: each may look right while it belongs to other rows.",
        looks=8,
        in_windows=lambda earlier, later: _in_windows(pair, found, earlier, later) - (auc - lower),
        by_entity=test.entity_p,
        effective_rows=test.effective_rows,
        chart=lambda: Chart(
            "fall of AUC when a column is shuffled", tuple(falls)[:20], {"fall": tuple(falls.values())[:20]}, None
        ),
    )


def _with_labels_alike(pair: TableComparison, found: CodedPair) -> TwoSample | None:
    """The test against rows of train that are drawn with the class shares of the other side, because the checks of
    labels judge class shares. None without a label there, or when the shares agree."""
    label = pair.data.label
    if label is None or not pair.other.has(label) or pair.groups is not None:
        return None
    try:
        target = target_of(pair.data)
        there = target_in(pair.other, target)
    except NotApplicable:
        return None
    if target.is_regression:
        return None
    train_codes = target.codes[found.rows[0]]
    other_codes = there.codes[found.rows[1]]
    known_a, known_b = np.flatnonzero(train_codes >= 0), np.flatnonzero(other_codes >= 0)[: MOST_ROWS // 2]
    if min(len(known_a), len(known_b)) < _FEWEST_ROWS:
        return None
    wanted, had = (
        np.bincount(side, minlength=len(target.classes)) for side in (other_codes[known_b], train_codes[known_a])
    )
    if np.abs(wanted / wanted.sum() - had / had.sum()).sum() / 2 < 0.02 or (had[wanted > 0] == 0).any():
        return None
    times = min(TRAIN_ROWS, float((had[wanted > 0] / wanted[wanted > 0]).min()))
    rng = np.random.default_rng(pair.data.seed)
    drawn = [
        rng.choice(np.flatnonzero(train_codes == code), int(times * wanted[code]), replace=False)
        for code in range(len(wanted))
    ]
    rows = np.sort(np.concatenate(drawn))
    return TwoSample.of(pair, found, (rows, known_b)) if len(rows) >= _FEWEST_ROWS else None


def _in_windows(pair: TableComparison, found: CodedPair, earlier: RowNumbers, later: RowNumbers) -> float:
    """The AUC between two sets of train's rows, on few rows."""
    rng = np.random.default_rng(pair.data.seed)
    place = np.full(pair.train.rows, -1)
    place[found.rows[0]] = np.arange(len(found.rows[0]))
    picked = []
    for rows, most in ((earlier, TRAIN_ROWS), (later, 1)):
        at = place[rows][place[rows] >= 0]
        few = most * _ROWS_OF_WINDOWS // (1 + TRAIN_ROWS)
        picked.append(np.sort(rng.choice(at, min(len(at), few), replace=False)))
    if min(len(each) for each in picked) < _FEWEST_ROWS:
        return float("nan")
    columns = list(found.columns.values())
    values = np.column_stack([each.train[np.concatenate(picked)] for each in columns]).astype(np.float64)
    values[values < 0] = np.nan
    features = Matrix(values, np.array([not c.is_ordered for c in columns]), tuple(c.name for c in columns))
    side = np.repeat([0, 1], [len(picked[0]), len(picked[1])])
    return TwoSample(features, side, None, pair.data.seed).auc
