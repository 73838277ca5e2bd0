"""Checks of columns that carry the label only together: small differences of large numbers, XOR and the like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from gates.data.evidence import Data
from gates.data.leakage.bins import bins_of_numbers, centred_ranks
from gates.data.leakage.cells import CERTAIN_ERROR, CONFIRMED, SCREENED, joint, screened
from gates.data.leakage.features import single_suspects
from gates.data.leakage.lead import Advantage, Rivals, judged_jointly, judged_singly, measured
from gates.data.leakage.pair_cuts import deciding
from gates.data.leakage.predictive_power import ALIKE, PredictionProblem, features_alone, problem_of
from gates.tables.table import ColumnKind, Floats
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement
from gates.verdict.rule import ALPHA

PAIRS_MARGIN = 2 / 3
_MOST_PAIRS = 150
_FEWEST_VALUES = 10
_MOST_COLUMNS, _MOST_IN_TRIPLES = 48, 24
_REMEDY = (
    "Leave out {0}, or declare from when each is known (`prediction.known_from`): together they reveal the outcome."
)


@dataclass(frozen=True)
class Derived:
    """A value derived from two columns, and its advantage."""

    members: tuple[str, str]
    form: str  # "difference", "ratio", "sum", "product"
    advantage: Advantage


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="two columns whose small difference or ratio is the outcome (a total and its part, two clocks), or of "
    "which it is a cut (one score above the other)",
    statistic="share of the errors of all other features that the difference or ratio of two columns avoids",
    margin=PAIRS_MARGIN,
    rule="numeric pairs with |Spearman| >= 0.85: difference and ratio (sum and product when opposed); any pair of the "
    "24 strongest columns whose difference, sum, ratio or product cuts the label (99.5 % of rows right, 90 % lower "
    "bound); judged as a single feature against each feature alone, both members too, and boosted trees on all others",
    source="Kaufman et al. 2012; Lou et al. 2013, GA2M; docs/statistics.md, Share of errors avoided",
    needs=(Need.LABEL,),
)
def pairs(data: Data, margin: float) -> Iterator[Measurement]:
    """A difference that is small against the spread of both columns, which neither single features nor trees detect.

    O(sample x pairs). Columns that are refused by themselves are left out.
    """
    found = derived(data, margin)
    if not found:
        raise NotApplicable(
            "no two numeric features are so alike that their difference could hide something, and none "
            "cuts the label together with another"
        )
    for each in found:
        first, second = each.members
        what, beyond = f"{each.form} of `{first}` and `{second}`", each.advantage.is_beyond(margin)
        remedy = _REMEDY.format(f"`{first}` or `{second}`")
        yield measured(data, f"{first}, {second}", f"The {what} has", each.advantage, beyond, remedy, charted=what)


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="two or three columns that give the label together while each alone carries nothing (XOR)",
    statistic="share of the errors of all other features that the joint values of two or three columns avoid",
    margin=PAIRS_MARGIN,
    rule="the strongest of all pairs (12 x 12 cells) and triples (4 x 4 x 4, up to 24 columns), each column alone at "
    "AUC 0.6 (R2 0.2) at most: error <= 0.02, and < (1 - margin) x that of each feature alone and of boosted trees on "
    "all others; p <= 0.001 / combinations",
    source="Lou et al. 2013, FAST; docs/statistics.md, Share of errors avoided",
    needs=(Need.LABEL,),
)
def combination(data: Data, margin: float) -> Iterator[Measurement]:
    """Screens all pairs and triples at once: one matrix product counts the cells of one half of a sample, and these
    rank the cells of the other half. The strongest combinations are judged on all rows."""
    members, advantage, tried = strongest(data, margin)
    problem, powers = problem_of(data), features_alone(data)
    what = " and ".join(f"`{name}`" for name in members)
    # An honest relation of several columns (a price of area and rooms) also shows in each of them.
    known = min(float(powers[name].errors[advantage.k]) for name in members if name in powers)
    beyond = advantage.is_beyond(margin) and advantage.power >= 1 - CERTAIN_ERROR and known >= _tells_nothing(problem)
    found = measured(data, ", ".join(members), f"{what} together have", advantage, beyond, _REMEDY.format(what))
    yield replace(
        found,
        reason=f"{found.reason} The strongest of {tried:,} pairs and triples, found on {SCREENED:,} rows at most.",
        p_value=min(1.0, advantage.p_value * tried),
    )


def _tells_nothing(problem: PredictionProblem) -> float:
    """The error from which a column alone carries nothing: AUC 0.6, or R2 0.2."""
    return 0.8 if problem.is_regression else 0.4


@lru_cache(maxsize=2)
def derived(data: Data, margin: float) -> list[Derived]:
    """Each pair of alike columns in the stronger of its forms."""
    problem, rivals = problem_of(data), Rivals.of(features_alone(data))
    refused = single_suspects(data)
    names = [name for name in data.features_of(ColumnKind.NUMBER) if name not in refused]
    numbers = {name: np.nan_to_num(data.train.numbers(name)[problem.rows], nan=np.nan) for name in names}
    names = [name for name in names if _has_values(numbers[name])]
    found = []
    for first, second, opposed in _alike(names, numbers):
        forms = []
        for form, values in _forms(numbers[first], numbers[second], opposed):
            power = problem.power_of(bins_of_numbers(values))
            forms.append((form, power, judged_singly(data, power, margin, rivals)))
        form, power, advantage = min(forms, key=lambda each: (each[2].p_value, -each[2].share))
        advantage = replace(advantage, p_value=min(1.0, advantage.p_value * len(forms)))
        found.append((power, Derived((first, second), form, advantage)))
    for first, second, form, values, tried in deciding(data, names, numbers):
        if not any(each.members == (first, second) for _, each in found):
            power = problem.power_of(bins_of_numbers(values))
            advantage = judged_singly(data, power, margin, rivals)
            advantage = replace(advantage, p_value=min(1.0, advantage.p_value * tried))
            found.append((power, Derived((first, second), form, advantage)))
    found.sort(key=lambda each: (each[1].advantage.p_value, -each[1].advantage.share, each[1].members))
    # One leak makes many pairs suspicious; the most certain few suffice to find it, and a fit costs more than a pair.
    for i, (power, each) in enumerate(found[:CONFIRMED]):
        advantage = judged_jointly(data, each.advantage, power, frozenset(each.members), margin)
        found[i] = (power, replace(each, advantage=advantage))
    return [
        each if each.advantage.jointly else replace(each, advantage=replace(each.advantage, p_value=1.0))
        for _, each in found
    ]


def _has_values(values: Floats) -> bool:
    return len(np.unique(values[:SCREENED][~np.isnan(values[:SCREENED])])) >= _FEWEST_VALUES


def _alike(names: list[str], numbers: dict[str, Floats]) -> Iterator[tuple[str, str, bool]]:
    """Pairs of columns with correlated ranks, the strongest first, and whether the correlation is negative."""
    if len(names) < 2:
        return
    step = max(1, len(numbers[names[0]]) // SCREENED)
    ranks = np.column_stack([centred_ranks(numbers[name][::step]) for name in names])
    alike = np.nan_to_num(np.asarray(np.corrcoef(ranks, rowvar=False)))
    rows, columns = np.triu_indices(len(names), 1)
    strength = np.abs(alike[rows, columns])
    order = [i for i in np.argsort(-strength, kind="stable")[:_MOST_PAIRS] if strength[i] >= ALIKE]
    for i in order:
        yield names[rows[i]], names[columns[i]], bool(alike[rows[i], columns[i]] < 0)


def _forms(first: Floats, second: Floats, opposed: bool) -> list[tuple[str, Floats]]:
    with np.errstate(all="ignore"):
        if opposed:
            return [("sum", _finite(first + second)), ("product", _finite(first * second))]
        return [("difference", _finite(first - second)), ("ratio", _finite(first / second))]


def _finite(values: Floats) -> Floats:
    # A float has 15 digits: the remainder of 1e9 + 0.1 - 1e9 is rounding.
    return np.where(np.isfinite(values), np.round(values, 9), np.nan)


@lru_cache(maxsize=2)
def strongest(data: Data, margin: float) -> tuple[tuple[str, ...], Advantage, int]:
    """The strongest pair or triple, its advantage, and the number of combinations tried.

    Raises:
      NotApplicable: when there is no combination to try.
    """
    powers = features_alone(data)
    left_out = set(single_suspects(data))
    for each in derived(data, PAIRS_MARGIN):
        if each.advantage.is_beyond(PAIRS_MARGIN) and each.advantage.p_value <= ALPHA:
            left_out |= set(each.members)
    names = [name for name in powers if name not in left_out]
    if len(names) < 2:
        raise NotApplicable("fewer than two features are numbers or categories")
    # Of very many columns the strongest: in wide tables a pair of columns that are both weak alone is not found.
    names = sorted(names, key=lambda name: (float(powers[name].errors.min()), name))[:_MOST_COLUMNS]
    tried = len(names) * (len(names) - 1) // 2
    candidates = screened(data, names, 2)
    if len(names) <= _MOST_IN_TRIPLES:
        tried += len(names) * (len(names) - 1) * (len(names) - 2) // 6
        candidates += screened(data, names, 3)
    advantages, rivals = [], Rivals.of(powers)
    for members in candidates:
        power = joint(data, members)
        advantage = judged_singly(data, power, margin, rivals)
        if advantage.power >= 1 - CERTAIN_ERROR:
            advantage = judged_jointly(data, advantage, power, frozenset(members), margin)
        advantages.append((members, advantage))
    members, advantage = min(
        advantages, key=lambda each: (not each[1].is_beyond(margin), -each[1].share, len(each[0]), each[1].p_value)
    )
    return members, advantage, tried
