"""The advantage of a suspect over all other features together, in figures, in words and as a chart.

The derivation: docs/statistics.md, Share of errors avoided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from core.text import p_value_text
from gates.data import boosted
from gates.data.evidence import Data
from gates.data.leakage.predictive_power import PredictionProblem, PredictivePower, features_alone, problem_of
from gates.statistics.sample_size import rows_until_certain
from gates.statistics.sampling import drawn
from gates.tables.table import ColumnKind
from gates.verdict.finding import Chart
from gates.verdict.measurement import Measurement
from gates.verdict.rule import ALPHA

_REST_ROWS, _REST_FOLDS, _REST_TREES = 10_000, 3, 50
_ONE_SIDED = 0.01
_ALL_BUT_CERTAIN = 0.03
_CHARTED = 12
# About how many p-values a gate has for each feature: single, missing, shifted in two splits.
_COMPARISONS = 10


@dataclass(frozen=True)
class Advantage:
    """The predictive power of a suspect for one class against that of all other features."""

    k: int
    power: float  # AUC or R2 of the suspect
    others: float  # of the strongest of the others: one feature, or all together when `jointly`
    next_name: str
    next_power: float
    jointly: bool
    share: float  # of the others' errors that the suspect avoids
    p_value: float

    @classmethod
    def of_label_itself(cls, power: PredictivePower, k: int = 0) -> Advantage:
        """Of a suspect that is the label, whatever the others reach: nothing is compared with it."""
        return cls(k, power.alone(k), 0.5, "", 0.5, False, share=1.0, p_value=0.0)

    def is_beyond(self, margin: float) -> bool:
        """Whether the share is beyond the margin, also at its 99 % lower bound."""
        return self.share > margin and self.p_value <= _ONE_SIDED


@dataclass(frozen=True, eq=False)
class Rivals:
    """The features that a suspect is compared with, sorted once for all suspects: a wide table has thousands."""

    least: Sequence[tuple[float, str]]  # mean error over the classes, ascending
    by_class: Sequence[Sequence[tuple[float, str]]]  # error for each class, ascending
    absent: frozenset[str] = frozenset()

    @classmethod
    def of(cls, powers: Mapping[str, PredictivePower]) -> Rivals:
        """All of these features."""
        if not powers:
            return cls((), ())
        names = list(powers)
        errors = np.array([powers[name].errors for name in names])
        means = errors.mean(axis=1)
        columns = [sorted(zip(column.tolist(), names, strict=True)) for column in errors.T]
        return cls(sorted(zip(means.tolist(), names, strict=True)), columns)

    def without(self, names: frozenset[str]) -> Rivals:
        """All but these."""
        return replace(self, absent=names)

    def least_mean(self, nothing: float) -> float:
        """The least mean error of one feature; `nothing` without any."""
        return next((error for error, name in self.least if name not in self.absent), nothing)

    def strongest(self, k: int, nothing: float) -> tuple[str, float]:
        """The feature with the least error for a class, and that error."""
        ranked = self.by_class[k] if self.by_class else ()
        return next(((name, error) for error, name in ranked if name not in self.absent), ("", nothing))


@lru_cache(maxsize=64)
def error_of(data: Data, without: frozenset[str], k: int) -> tuple[float, int]:
    """The error of boosted trees on all features but `without`, and the number of their rows."""
    problem = problem_of(data)
    names = [name for name in data.features_of(ColumnKind.NUMBER, ColumnKind.CATEGORY) if name not in without]
    rows = drawn(np.arange(problem.size), _REST_ROWS, data.seed)
    if not names:
        return 1.0 if problem.is_regression else 0.5, len(rows)
    features = boosted.matrix([data.train], names).rows(problem.rows[rows])
    label = problem.labels[rows, k]
    target = label if problem.is_regression else label.astype(np.int64)
    groups = None if problem.groups is None else problem.groups[rows]
    scores = boosted.out_of_fold(features, target, groups=groups, seed=data.seed, trees=_REST_TREES, folds=_REST_FOLDS)
    return problem.error(scores if problem.is_regression else scores[:, -1], k, rows), len(rows)


def judged(
    data: Data,
    power: PredictivePower,
    members: frozenset[str],
    margin: float,
    rivals: Rivals,
) -> Advantage:
    """A suspect made of `members` against the strongest of its rivals and, if that does not clear it, against all
    features but its members together."""
    return judged_jointly(data, judged_singly(data, power, margin, rivals), power, members, margin)


def judged_singly(
    data: Data,
    power: PredictivePower,
    margin: float,
    rivals: Rivals,
    rows: int | None = None,
) -> Advantage:
    """A suspect against the strongest of its rivals, for its most suspicious class; p covers all classes.

    `rows`: how many it was measured on, when not on all.
    """
    problem = problem_of(data)
    classes, ratio = problem.labels.shape[1], 1 - margin
    # One class of several suffices only when it is nearly certain: an honest scale may separate one of them.
    nothing = 1.0 if problem.is_regression else 0.5
    least = rivals.least_mean(nothing)
    overall = classes == 1 or float(power.errors.mean()) < ratio * least
    advantages = []
    for k in range(classes):
        name, error = rivals.strongest(k, nothing)
        p_value = min(1.0, classes * problem.p_below(power, k, ratio * error, ratio, error, (rows, None)))
        share = problem.share(power, k, error)
        if not (overall or problem.p_below(power, k, _ALL_BUT_CERTAIN, rows=(rows, None)) <= _ONE_SIDED):
            p_value = 1.0
        advantages.append(Advantage(k, power.alone(k), 1 - error, name, 1 - error, False, share, p_value))
    return min(advantages, key=lambda each: (not each.is_beyond(margin), each.p_value, -each.share))


def judged_jointly(
    data: Data,
    singly: Advantage,
    power: PredictivePower,
    members: frozenset[str],
    margin: float,
    rows: int | None = None,
) -> Advantage:
    """The same against boosted trees on all features but the members; unchanged when the suspect is cleared already."""
    if not singly.is_beyond(margin):
        return singly
    problem = problem_of(data)
    error, rest_rows = error_of(data, members, singly.k)
    if error >= 1 - singly.others:
        return replace(singly, jointly=True)
    ratio = 1 - margin
    p_value = problem.p_below(power, singly.k, ratio * error, ratio, error, (rows, rest_rows))
    p_value = min(1.0, problem.labels.shape[1] * p_value)
    share = problem.share(power, singly.k, error)
    return replace(singly, others=1 - error, jointly=True, share=share, p_value=max(p_value, singly.p_value))


def measured(
    data: Data,
    name: str,
    words: str,
    advantage: Advantage,
    beyond: bool,
    remedy: str,
    charted: str = "",
    rows: int | None = None,
) -> Measurement:
    """The advantage of `name`, for a finding.

    `words` begin its sentence, and `charted` names it in the chart; `remedy` is for an advantage that is `beyond` what
    is allowed; `rows`: how many it was measured on, when not on all.
    """
    problem, powers = problem_of(data), features_alone(data)
    bar = charted or name
    return Measurement(
        subject=name,
        statistic="share of all others' errors avoided",
        value=advantage.share,
        n=rows or problem.size,
        reason=sentence(words, advantage, problem, rows),
        remedy=remedy if beyond else "Nothing to do.",
        p_value=advantage.p_value,
        beyond=beyond,
        rows_to_decide=_rows_to_decide(advantage.p_value, rows or problem.size, len(powers)) if beyond else None,
        chart=chart_of(bar, advantage.power, advantage.k, powers, problem) if beyond else None,
    )


def _rows_to_decide(p_value: float, rows: int, features: int) -> int | None:
    """Rows at which the same advantage would be certain among all that the gate compares. None where it nearly is, as
    then the other comparisons decide."""
    return rows_until_certain(p_value, ALPHA / (_COMPARISONS * max(1, features)), rows)


def sentence(subject: str, advantage: Advantage, problem: PredictionProblem, rows: int | None = None) -> str:
    """The figures of an advantage in words."""
    of_class = f" for {problem.class_in_words(advantage.k)}" if len(problem.names) > 1 else ""
    text = f"{subject} {problem.statistic} {advantage.power:.3f}{of_class} on {rows or problem.size:,} rows of "
    text += problem.data.train.name
    if advantage.next_name:
        text += f"; the next, `{advantage.next_name}`, has {advantage.next_power:.3f}"
    if advantage.jointly:
        text += f"; all other features together reach {advantage.others:.3f}"
    return text + f". It alone avoids {advantage.share:.0%} of their errors, {p_value_text(advantage.p_value)}."


def chart_of(name: str, power: float, k: int, powers: dict[str, PredictivePower], problem: PredictionProblem) -> Chart:
    """The power of the suspect and of the strongest features."""
    bars = {other: each.alone(k) for other, each in powers.items()} | {name: power}
    ordered = sorted(bars, key=lambda each: (-bars[each], each))[:_CHARTED]
    ordered = ordered if name in ordered else [*ordered[:-1], name]
    return Chart(
        caption=f"{problem.statistic} of each feature alone, out of fold",
        labels=tuple(ordered),
        series={"train": tuple(bars[each] for each in ordered)},
        marked=name,
    )
