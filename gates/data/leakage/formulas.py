"""The check of a numeric label that is computed: a sum, difference, product or quotient of columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.data.contamination.between import rounding, written_step
from gates.data.evidence import Data
from gates.data.leakage.features import single_suspects
from gates.data.leakage.partition import RIGHT, Partition, certainly_right
from gates.data.leakage.predictive_power import features_alone, problem_of
from gates.data.target import target_of
from gates.statistics.robust import least_absolute
from gates.statistics.sampling import drawn
from gates.tables.table import ColumnKind, Floats, Mask
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement

# The strongest columns alone, of these as many as rows allow.
_MOST_COLUMNS, _FIT_ROWS, _ROWS_A_COLUMN = 60, 3_000, 3
# A column that the others give but for this part of its spread tells nothing of its own.
_OWN_SPREAD = 1e-6
# Parts that contribute less than this share of the label's spread are left out; the first that gives the label counts.
_CONTRIBUTES = (0.05, 0.01, 1e-3, 1e-4)
# People compute with round weights of two digits (1, 0.35, 12), and with whole exponents or halves. A weight so near
# (as a share of itself) is meant to be round, and so is an exponent.
_NEAR_ROUND, _NEAR_HALF = 0.003, 0.05
_FACTOR, _FACTOR_OFF = 0.002, 1e-4
# Beyond this no square can be computed with: such numbers, as the largest of all floats, stand for a missing value.
_LARGEST = 1e100
# Columns of products have this many values, and hardly any 0.
_FEWEST_VALUES, _NOT_ZERO = 10, 0.9
# Rows that are not the most frequent value prove it, of which so many are needed.
_FEWEST_ROWS, _RIGHT_OF_THESE = 50, 0.99
# Where no row is off, 50 suffice, and else 460: chance gives fifty labels to the last digit no more than 460.
_RIGHT_IN_ALL = 0.95
# Labels of other rows agree by chance in at most this share.
_CHANCE = 0.05
_REMEDY = (
    "Leave {0} out of the features (`prediction.never`), or declare from when each is known "
    "(`prediction.known_from`): the label is computed from them, and need not be learnt."
)


@dataclass(frozen=True)
class Formula:
    """The label as a formula of columns."""

    members: tuple[str, ...]
    kind: str  # "sum" (of weighted columns), "product" (of powers)
    partition: Partition

    @property
    def share(self) -> float:
        """Of the rows in which it holds: all, or the lower bound."""
        return self.partition.lower if self.partition.wrong else 1.0


@dataclass(frozen=True, eq=False)
class _Columns:
    """Candidates on the problem's rows; missing values are 0. `steps`: the digit that each is written to."""

    names: list[str]
    values: Floats
    steps: Floats
    label: Floats
    label_step: float

    def of(self, places: list[int]) -> _Columns:
        names = [self.names[place] for place in places]
        return _Columns(names, self.values[:, places], self.steps[places], self.label, self.label_step)


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="a numeric label that is computed from features: a sum, difference, product or quotient of columns",
    statistic="share of rows in which a formula of columns gives the label to the last digit",
    margin=RIGHT,
    rule="a sum with weights of two digits, or a product of powers in halves, of the 60 strongest columns: within the "
    "rounding of its columns in all rows (50 at least) or in 99.5 % of them (90 % lower bound), and in at most 5 % for "
    "labels of other rows: a fact",
    source="Kaufman et al. 2012, Leakage in data mining; docs/statistics.md, Labels that are computed",
    needs=(Need.LABEL,),
)
def computed_label(data: Data, margin: float) -> Iterator[Measurement]:
    """Parts of which the label is the total, or factors of which it is the product, say little one by one. What only
    goes with the label, however closely, is off by more than its rounding."""
    problem = problem_of(data)
    if not problem.is_regression:
        raise NotApplicable("the label is no quantity")
    statistic = "share of rows whose label a formula of columns gives: all, or its 90 % lower bound"
    formulas = _formulas_of_the_label(data)
    if not formulas:
        reason = "No sum and no product of columns gives the label."
        yield Measurement(data.label or "", statistic, 0.0, problem.size, reason, beyond=False)
    for formula in formulas:
        names = ", ".join(f"`{name}`" for name in formula.members)
        yield Measurement(
            subject=", ".join(formula.members),
            statistic=statistic,
            value=formula.share,
            n=problem.size,
            beyond=formula.share >= margin,
            reason=f"`{data.label}` is a {formula.kind} of {names}, within the digits that these are written with, in "
            f"{formula.partition.sentence} rows of {data.train.name}.",
            remedy=_REMEDY.format(names),
        )


def _formulas_of_the_label(data: Data) -> list[Formula]:
    """The sum that gives a numeric label, and the product of other columns that does so."""
    columns = _columns(data)
    found: list[Formula] = []
    if len(np.unique(columns.label)) < _FEWEST_VALUES:
        return found
    for find in (_sum, _product):
        taken = {name for formula in found for name in formula.members}
        left = columns.of([place for place, name in enumerate(columns.names) if name not in taken])
        if left.names and (formula := find(data, left)):
            found.append(formula)
    return found


def _columns(data: Data) -> _Columns:
    problem, powers, refused = problem_of(data), features_alone(data), single_suspects(data)
    names = [name for name in data.features_of(ColumnKind.NUMBER) if name not in refused]
    names = sorted(names, key=lambda name: (float(powers[name].errors[0]), name))
    values = {name: _computable(data.train.numbers(name)[problem.rows]) for name in names}
    names = [name for name in names if np.ptp(values[name]) > 0]
    names = names[: min(_MOST_COLUMNS, problem.size // _ROWS_A_COLUMN)]
    table = np.column_stack([values[name] for name in names]) if names else np.empty((problem.size, 0))
    label = _computable(target_of(data).values[problem.rows])
    steps = np.array([written_step(column) for column in table.T])
    return _Columns(names, table, steps, label, written_step(label))


def _computable(values: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(values) <= _LARGEST, values, 0.0)


def _sum(data: Data, columns: _Columns) -> Formula | None:
    rows = drawn(np.arange(len(columns.label)), _FIT_ROWS, data.seed)
    spread = float(columns.label[rows].std())
    found = _fitted(columns.values[rows], columns.label[rows])
    if found is None or not spread:
        return None
    for least in _CONTRIBUTES:
        contributes = np.abs(found) * columns.values[rows].std(axis=0) > least * spread
        if not contributes.any():
            continue
        part = columns.of(list(np.flatnonzero(contributes)))
        weights = _fitted(part.values[rows], part.label[rows])
        if weights is None:
            continue
        near = _two_digits(weights)
        if (np.abs(weights - near) > _NEAR_ROUND * np.abs(weights)).any():
            continue
        computed = part.values @ near
        computed = computed + float(np.median((part.label - computed)[rows]))
        exact = rounding(np.abs(part.values) @ np.abs(near) + np.abs(part.label))
        written = (np.abs(near) @ part.steps + part.label_step) / 2
        for tolerance in (exact, exact + written):
            if partition := _judged(data, part.label, computed - tolerance, computed + tolerance):
                return Formula(tuple(part.names), "sum", partition)
    return None


def _two_digits(weights: Floats) -> Floats:
    """The nearest number of two significant digits."""
    unit = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(weights), 1e-300))) - 1)
    return np.asarray(np.rint(weights / unit) * unit, dtype=np.float64)


def _product(data: Data, columns: _Columns) -> Formula | None:
    """A product of powers is a sum of logarithms."""
    size = np.abs(columns.label)
    nonzero = np.flatnonzero(size > 0)
    if len(nonzero) < _FEWEST_ROWS:
        return None
    usable, rows = _nonzero(columns, nonzero)
    part, rows = columns.of(usable), drawn(rows, _FIT_ROWS, data.seed)
    if not usable:
        return None
    label, logs = np.log(size[rows]), np.log(np.abs(part.values[rows]))
    found = _fitted(logs, label)
    if found is None:
        return None
    for least in _CONTRIBUTES:
        kept = np.flatnonzero(np.abs(found) * logs.std(axis=0) > least * label.std())
        powers = _fitted(logs[:, kept], label) if len(kept) else None
        if powers is None:
            continue
        halves = np.rint(2 * powers) / 2
        if (halves == 0).any() or (np.abs(powers - halves) > _NEAR_HALF).any():
            continue
        if partition := _judged_product(data, part.of(list(kept)), halves, label - logs[:, kept] @ halves):
            return Formula(tuple(part.names[place] for place in kept), "product", partition)
    return None


def _nonzero(columns: _Columns, rows: NDArray[np.intp]) -> tuple[list[int], NDArray[np.intp]]:
    """Columns that may be factors, and those of the rows in which none of them is 0: of many columns that are sometimes
    0 the strongest, as long as they leave enough rows."""
    usable: list[int] = []
    left = rows
    for place, column in enumerate(columns.values.T):
        values = column[rows]
        if (values != 0).mean() < _NOT_ZERO or len(np.unique(values[:_FIT_ROWS])) < _FEWEST_VALUES:
            continue
        fewer = left[column[left] != 0]
        if len(fewer) >= max(_FEWEST_ROWS, _ROWS_A_COLUMN * (len(usable) + 1)):
            usable, left = [*usable, place], fewer
    return usable, left


def _judged_product(data: Data, part: _Columns, powers: Floats, left: Floats) -> Partition | None:
    """`left`: the logarithm of the label less that of the product, in some rows: a constant factor."""
    factor = float(np.median(left))
    off, factor = (0.0, 0.0) if abs(factor) < _FACTOR else (_FACTOR_OFF, factor)
    size = np.abs(part.values)
    # Exactly, else within the digits that columns and label are written with.
    for steps, label_step in ((np.zeros_like(part.steps), 0.0), (part.steps, part.label_step)):
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = [np.maximum(size + sign * np.sign(powers) * steps / 2, 0.0) ** powers for sign in (-1, 1)]
            low, high = (np.exp(factor) * end.prod(axis=1) for end in ends)
        slack = off * high + rounding(high) * (1 + np.abs(powers).sum()) + label_step / 2
        if partition := _judged(data, np.abs(part.label), low - slack, high + slack):
            return partition
    return None


def _fitted(values: Floats, label: Floats) -> Floats | None:
    """Weights of independent columns (0 for what the others give), or None where the fit is nowhere near the label."""
    from scipy.linalg import qr

    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    _, triangle, order = qr(scaled, mode="economic", pivoting=True)
    own = np.abs(np.diag(triangle)) / np.sqrt(len(values))
    kept = np.sort(order[: len(own)][own > _OWN_SPREAD])
    if not len(kept):
        return None
    design = np.column_stack([scaled[:, kept], np.ones(len(values))])
    found = least_absolute(design, label)
    if np.median(np.abs(label - design @ found)) > _CHANCE * max(float(label.std()), 1e-300):
        return None
    weights = np.zeros(values.shape[1])
    weights[kept] = found[:-1] / spread[kept]
    return weights


def _judged(data: Data, label: Floats, low: Floats, high: Floats) -> Partition | None:
    """Whether nearly all labels lie in their intervals, and those of other rows hardly ever do."""
    problem = problem_of(data)
    right = _inside(label, low, high)
    values, counts = np.unique(label, return_counts=True)
    telling = np.flatnonzero(label != values[counts.argmax()])
    if len(telling) < _FEWEST_ROWS or right[telling].mean() < _RIGHT_OF_THESE:
        return None
    others = label[np.random.default_rng(data.seed).permutation(telling)]
    if _inside(others, low[telling], high[telling]).mean() > _CHANCE:
        return None
    return certainly_right(problem, ~right, RIGHT if (~right).any() else _RIGHT_IN_ALL)


def _inside(label: Floats, low: Floats, high: Floats) -> Mask:
    with np.errstate(invalid="ignore"):
        return (label >= low) & (label <= high) & np.isfinite(high)
