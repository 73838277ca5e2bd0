"""Checks of single features: does one carry more of the label than all others together?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from functools import lru_cache

import numpy as np

from gates.data.evidence import Data
from gates.data.leakage.copies import are_alike, copies_label, is_function_of
from gates.data.leakage.identifiers import identifier_suspects, identifiers
from gates.data.leakage.lead import Advantage, Rivals, judged, measured
from gates.data.leakage.partition import Partition, partition_of, partition_of_mask
from gates.data.leakage.predictive_power import (
    PredictionProblem,
    PredictivePower,
    features_alone,
    missing_mask,
    problem_of,
)
from gates.data.leakage.siblings import siblings
from gates.data.target import target_of
from gates.tables.table import ColumnKind, Floats, Mask
from gates.verdict.catalogue import Gate, Need, NotApplicable, NothingToJudge, check
from gates.verdict.finding import Severity
from gates.verdict.measurement import Measurement
from gates.verdict.rule import ALPHA, SUSPICION

_MOST_ROUNDS = 3
_STRICTER = 2 / 3
# Two columns are missing in the same rows when their indicators agree in more than this share of them.
_SAME_ROWS = 0.95
_MASKS_AT_ONCE = 256
SINGLE_MARGIN = 0.5
_FEWEST_FEATURES = 3
_CERTAIN = 0.97
# An AUC that is shown to people whatever the other columns reach.
_SHOWN = 0.98
MISSING_MARGIN = 0.5
_REMEDY = (
    "If `{0}` is known only after the moment of prediction, leave it out (`prediction.never`) or declare from when it "
    "is known (`prediction.known_from`). If it is honest, waive this finding with the reason."
)


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="a feature that is the label under another name, or is recorded together with it",
    statistic="share of the errors of all other features together that this feature alone avoids (1 - AUC; 1 - R2)",
    margin=SINGLE_MARGIN,
    rule="out of fold in 64 bins, error of the feature < (1 - margin) x error of the best other feature and of boosted "
    "trees on all others, Holm-adjusted p <= 0.001 (Hanley-McNeil); a quantity needs R2 > 0.99; one class of several "
    "AUC > 0.97; columns from one source do not clear each other; or a one-to-one copy of the label, or a cut or "
    "partition of it (99.5 % of the rows right, 90 % lower bound), whatever the others reach; AUC >= 0.98 warns",
    source="Kaufman et al. 2012, Leakage in data mining; Kapoor & Narayanan 2023, L2; "
    "docs/statistics.md, Share of errors avoided",
    needs=(Need.LABEL,),
    tier=1,
)
def single_feature(data: Data, margin: float) -> Iterator[Measurement]:
    """Each number or category alone. Its AUC is judged against the rest of the table, not against a constant: on honest
    tables one good measurement reaches 0.98, and so do related ones.

    `identifier` judges columns whose values are unique and number or name the rows.
    """
    advantages = single_advantages(data, margin)
    if not advantages:
        raise NothingToJudge("no feature is a number or a category")
    problem, powers = problem_of(data), features_alone(data)
    for name, advantage in advantages.items():
        beyond, remedy = advantage.is_beyond(margin), _REMEDY.format(name)
        found = measured(data, name, f"`{name}` alone has", advantage, beyond, remedy)
        partition = partition_of(data, name)
        if copies_label(data, name):
            found = replace(found, reason=_copied(name, problem), p_value=None)
        elif partition is not None:
            found = replace(found, reason=_cut(name, partition, data), p_value=None)
        elif not problem.is_regression and _is_shown(advantage, powers, name, margin):
            yield _shown(found, advantage, name, data)
            if not beyond:
                continue
        # With one other column the comparison is weak: of two honest coordinates one is easily far ahead.
        is_weak = len(powers) < _FEWEST_FEATURES and advantage.power <= _CERTAIN and partition is None
        yield replace(found, at_most=Severity.WARN if is_weak else Severity.BLOCK)


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="a column that is filled in, or left empty, once the outcome is known",
    statistic="share of all other features' errors avoided by knowing only whether the column has a value",
    margin=MISSING_MARGIN,
    rule="error of is-null < (1 - margin) x that of all columns that are not missing in the same rows: AUC > 0.75 at "
    "least; Holm-adjusted p <= 0.001; or the label is known by it (99.5 % of the rows right, 90 % lower bound)",
    source="Kaufman et al. 2012, Leakage in data mining; docs/statistics.md, Share of errors avoided",
    needs=(Need.LABEL,),
)
def missingness(data: Data, margin: float) -> Iterator[Measurement]:
    """The presence of a value as a feature of its own, judged as any other feature."""
    advantages = missing_advantages(data, margin)
    if not advantages:
        raise NotApplicable("no feature has values in some rows and none in others")
    for name, advantage in advantages.items():
        words, beyond = f"Whether `{name}` has a value has", advantage.is_beyond(margin)
        yield measured(data, name, words, advantage, beyond, _REMEDY.format(name), charted=f"{name} is missing")


@lru_cache(maxsize=2)
def single_advantages(data: Data, margin: float) -> dict[str, Advantage]:
    """Every feature against all that are not copies of it. A leak must not clear another one: the features are judged
    again without those that are refused."""
    powers = features_alone(data)
    elsewhere = missing_suspects(data) | identifier_suspects(data)
    copying = frozenset(
        name
        for name in powers
        if copies_label(data, name) or (name not in elsewhere and partition_of(data, name) is not None)
    )
    advantages: dict[str, Advantage] = {}
    refused = copying | elsewhere
    left = frozenset(identifiers(data))
    for _ in range(_MOST_ROUNDS):
        honest = {name: each for name, each in powers.items() if name not in refused}
        described = {name: each for name, each in honest.items() if name not in left}
        rivals, errors = Rivals.of(honest), np.array([each.errors for each in honest.values()])
        for name in described:
            hidden = _hidden_behind(data, name, list(honest), errors, margin)
            related = siblings(data, name, honest)
            apart = hidden | related
            ratio = max(margin, _STRICTER) if related else margin
            advantages[name] = judged(data, powers[name], apart | refused, ratio, rivals.without(apart))
        found = frozenset(
            n for n in described if advantages[n].is_beyond(margin) and advantages[n].p_value <= _certain(powers)
        )
        if not found:
            advantages |= _two_leaks(data, described, refused, margin)
            break
        refused |= found
    for name in copying:
        advantages[name] = Advantage.of_label_itself(powers[name])
    return {name: advantages[name] for name in powers if name in advantages}


def _two_leaks(
    data: Data, honest: dict[str, PredictivePower], refused: frozenset[str], margin: float
) -> dict[str, Advantage]:
    """Two different leaks clear each other, because neither carries more than the other. The strongest feature and the
    next are judged without each other, the strongest by a stricter margin.

    Correlated features are excluded: a petal's length and width measure the same honestly.
    """
    every = Rivals.of(honest)
    for k in range(problem_of(data).labels.shape[1]):
        first, second, *_ = [*sorted(honest, key=lambda name: (float(honest[name].errors[k]), name)), "", ""]
        if not second or are_alike(data, first, second):
            continue
        both = frozenset({first, second})
        rivals, members = every.without(both), refused | both
        strict = judged(data, honest[first], members, max(margin, _STRICTER), rivals)
        if not (strict.is_beyond(max(margin, _STRICTER)) and strict.p_value <= _certain(honest)):
            continue
        lax = judged(data, honest[second], members, margin, rivals)
        if lax.is_beyond(margin) and lax.p_value <= _certain(honest):
            return {first: strict, second: lax}
    return {}


def _certain(among: Sized) -> float:
    return ALPHA / max(1, len(among))


@lru_cache(maxsize=2)
def missing_advantages(data: Data, margin: float) -> dict[str, Advantage]:
    """Every is-null indicator against all columns that are not missing in the same rows."""
    problem, powers = problem_of(data), features_alone(data)
    kinds = (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.TEXT, ColumnKind.IMAGE, ColumnKind.OTHER)
    masks = {name: missing_mask(data, name) for name in data.features_of(*kinds)}
    masks = {name: mask for name, mask in masks.items() if mask.any() and not mask.all()}
    advantages, rivals = {}, Rivals.of(powers)
    for (name, mask), together in zip(masks.items(), _missing_together(masks), strict=True):
        power = problem.power_of(mask.astype(np.int64))
        if partition_of_mask(data, mask) is None:
            advantages[name] = judged(data, power, together, margin, rivals.without(together))
        else:
            advantages[name] = Advantage.of_label_itself(power, int(power.errors.argmin()))
    return advantages


def _missing_together(masks: Mapping[str, Mask]) -> Iterator[frozenset[str]]:
    """For each mask those that agree with it in nearly all rows, itself among them."""
    if not masks:
        return
    names, signs = list(masks), np.column_stack([np.where(mask, 1, -1).astype(np.float32) for mask in masks.values()])
    for start in range(0, len(names), _MASKS_AT_ONCE):
        # Rows that agree less rows that differ; whole numbers below 2^24, so exact.
        balance = (signs[:, start : start + _MASKS_AT_ONCE].T @ signs).astype(np.float64)
        for agree in (len(signs) + balance) / 2 / len(signs) >= _SAME_ROWS:
            yield frozenset(names[place] for place in np.flatnonzero(agree))


def missing_suspects(data: Data) -> frozenset[str]:
    """Columns that `missingness` refuses."""
    return _refused(missing_advantages(data, MISSING_MARGIN), MISSING_MARGIN)


def single_suspects(data: Data) -> frozenset[str]:
    """Columns that are refused by themselves; values derived from them are not reported again."""
    found = _refused(single_advantages(data, SINGLE_MARGIN), SINGLE_MARGIN)
    return found | missing_suspects(data) | identifier_suspects(data)


def _refused(advantages: Mapping[str, Advantage], margin: float) -> frozenset[str]:
    certain = _certain(advantages)
    return frozenset(name for name, each in advantages.items() if each.is_beyond(margin) and each.p_value <= certain)


def _hidden_behind(data: Data, name: str, names: Sequence[str], errors: Floats, margin: float) -> frozenset[str]:
    """The suspect and the columns that are functions of it: a leak that is in the data twice must not clear itself.
    `errors`: of all `names`, [features, classes].

    A column that is only correlated with the suspect is not a member: honest tables measure one thing in several ways
    (carat, and the length, width and depth of a diamond).
    """
    members = {name}
    clears = errors * (1 - margin) <= errors[names.index(name)]
    # Only columns that would clear the suspect are examined.
    for place in np.flatnonzero(clears.any(axis=1) & (errors < 0.25).any(axis=1)).tolist():
        if names[place] == name:
            continue
        if is_function_of(data, names[place], name):
            members.add(names[place])
        elif clears[place].all():
            break
    return frozenset(members)


def _is_shown(advantage: Advantage, powers: Mapping[str, PredictivePower], name: str, margin: float) -> bool:
    """Whether a column ranks the label, over all of its classes, so well that people must look, although the
    comparison with the others neither refuses it nor warns. A margin of 1, which no share exceeds, silences that."""
    is_suspected = advantage.is_beyond(margin) and advantage.p_value <= SUSPICION / max(1, len(powers))
    return margin < 1 and not is_suspected and 1 - float(powers[name].errors.mean()) >= _SHOWN


def _shown(found: Measurement, advantage: Advantage, name: str, data: Data) -> Measurement:
    reason = (
        f"`{name}` alone has AUC {advantage.power:.3f} on {found.n:,} rows of {data.train.name}: it nearly "
        f"orders the label. Other columns reach about as much, so it may be an honest measurement."
    )
    return replace(
        found,
        statistic="AUC of the feature alone",
        value=advantage.power,
        margin=_SHOWN,
        reason=reason,
        remedy=_REMEDY.format(name),
        beyond=True,
        p_value=None,
        at_most=Severity.WARN,
    )


def _cut(name: str, partition: Partition, data: Data) -> str:
    units = "rows" if problem_of(data).groups is None else "entities"
    return (
        f"`{name}` decides the label: cut or grouped by its values, it puts {partition.sentence} {units} of "
        f"{data.train.name} on the right side, out of fold."
    )


def _copied(name: str, problem: PredictionProblem) -> str:
    values = len(target_of(problem.data).classes)
    return (
        f"`{name}` is the label under another name: each of its {values:,} values goes with one class, in practically "
        f"all of {problem.size:,} rows of {problem.data.train.name}."
    )
