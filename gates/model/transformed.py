"""Leakage that preprocessing brings in: a feature that knows the label better than any column that it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gates.data.evidence import Data
from gates.data.leakage.copies import copies_label
from gates.data.leakage.features import SINGLE_MARGIN, single_advantages, single_feature
from gates.data.leakage.lead import error_of
from gates.data.leakage.partition import RIGHT, partition_of
from gates.data.leakage.predictive_power import features_alone, problem_of
from gates.model.evidence import ModelEvidence, is_transformed
from gates.tables.table import ColumnKind
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Severity
from gates.verdict.measurement import Measurement

# A raw column with at most this share more of errors is what the feature was made of: the DataGate has judged it.
_AS_GOOD = 1.25
_HARDLY_ANY = 0.001
# Beyond this error (1 - AUC) honest features lie that trees cannot compute: a weekday of seconds, a ratio.
_NEARLY_ALL = 0.03
# One value gives the label: hardly a row with it is of another class, and it holds this share of the class.
_SHARE_GIVEN, _FEWEST_GIVEN = 0.5, 50
# Standard errors by which a feature must be better in one split than in the other, beside half of the errors.
_APART = 5.0
# What trees on the raw columns cannot read, but preprocessing can.
_UNREAD = (ColumnKind.TEXT, ColumnKind.IMAGE)
_SUSPECTED = (
    "Look at how preprocessing computes `{0}`. If it uses labels (a table, or means of the label by a key), compute "
    "these of train's rows alone, out of fold, or leave the feature out. If it is computed from the row's own raw "
    "columns, waive this finding with the reason."
)
_REMEDY = (
    "Look at how preprocessing computes `{0}`: a table that was filled with labels, or with means of the label by a "
    "key, must not be in it. Compute such means of train's rows alone, out of fold, or leave the feature out."
)


@check(
    gate=Gate.MODEL,
    group="leakage in preprocessing",
    catches="a look-up inside the preprocessing that knows the label (a table by row or by key)",
    statistic="share of the errors of all raw columns and other features together that one transformed feature avoids",
    margin=SINGLE_MARGIN,
    rule="as single_feature, on what Transform makes of train and of test, beside the raw columns; a feature that is "
    "no better than a raw column is left to the DataGate; refused: a copy or partition of the label, half of the "
    "errors of the other split, or (where trees on the raw columns do not nearly reach it and none of these is a text "
    "or an image) AUC > 0.97 or one value that gives half of a class; all else warns",
    source="Kapoor & Narayanan 2023, L1.2 and L2; docs/statistics.md, Share of errors avoided",
    needs=(Need.TRANSFORMED,),
)
def transformed_leakage(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """The DataGate sees raw columns; what the model reads is judged here by the same rule.

    Test is judged as well as train: a table may hold the labels of held-out rows alone. Trees on the raw columns stand
    for what an honest computation of them may reach.
    """
    why = []
    for split, data in evidence.transformed.items():
        try:
            others = [each for name, each in evidence.transformed.items() if name != split]
            yield from _of_split(split, data, others, margin)
        except NotApplicable as reason:
            why.append(str(reason))
    if why and len(why) == len(evidence.transformed):
        raise NotApplicable(why[0])


def _of_split(split: str, data: Data, others: list[Data], margin: float) -> Iterator[Measurement]:
    for found in single_feature(data, margin):
        if not is_transformed(found.subject):
            continue
        beyond = found.is_beyond and not _has_such_a_column(data, found.subject, margin)
        certain = beyond and _is_certain(data, others, found.subject, margin)
        remedy = (_REMEDY if certain else _SUSPECTED).format(found.subject)
        yield replace(
            found,
            subject=f"{found.subject} in {split}",
            column=found.subject,
            beyond=beyond,
            at_most=found.at_most if certain else Severity.WARN,
            remedy=remedy if beyond else "Nothing to do.",
            chart=found.chart if beyond else None,
        )


def _is_certain(data: Data, others: list[Data], feature: str, margin: float) -> bool:
    """Whether no honest computation of the raw columns explains the feature."""
    if copies_label(data, feature) or partition_of(data, feature) is not None:
        return True
    k = single_advantages(data, margin)[feature].k
    if any(_is_better_than_in(other, data, feature, k) for other in others):
        return True
    if any(not is_transformed(name) for name in data.features_of(*_UNREAD)):
        return False
    error = float(features_alone(data)[feature].errors[k])
    reached, _ = error_of(data, frozenset(name for name in data.features if is_transformed(name)), k)
    return error < (1 - margin) * reached and (error <= _NEARLY_ALL or _gives_a_class(data, feature, k))


def _is_better_than_in(other: Data, data: Data, feature: str, k: int) -> bool:
    """Whether the feature has less than half of the errors that it has in the other split: a table of one split's
    labels. What is computed row by row is as good in both."""
    here = problem_of(data)
    try:
        there = problem_of(other)
    except NotApplicable:
        return False
    powers = features_alone(other)
    if feature not in powers:
        # Without a value it predicts nothing.
        return other.train.has(feature) and other.train.kinds[feature] is ColumnKind.EMPTY
    if here.is_regression != there.is_regression or here.names[k : k + 1] != there.names[k : k + 1]:
        return False
    power, elsewhere = features_alone(data)[feature], powers[feature]
    error, error_there = float(power.errors[k]), float(elsewhere.errors[k])
    variance = here.variance(error, k, float(power.effects[k])) + there.variance(
        error_there, k, float(elsewhere.effects[k])
    )
    return error < error_there / 2 and error_there - error > _APART * variance**0.5


def _gives_a_class(data: Data, feature: str, k: int) -> bool:
    """Whether one value stands for the class, or for all others, as a table that holds most labels has it."""
    problem = problem_of(data)
    if problem.is_regression:
        return False
    values = np.unique(data.train.words([feature])[0][problem.rows], return_inverse=True)[1]
    sizes, label = np.bincount(values), problem.labels[:, k]
    for side in (label, 1 - label):
        held = np.bincount(values, side)
        given = (held >= RIGHT * sizes) & (sizes >= _FEWEST_GIVEN) & (held >= _SHARE_GIVEN * side.sum())
        if given.any():
            return True
    return False


def _has_such_a_column(data: Data, feature: str, margin: float) -> bool:
    """Whether a raw column predicts the label about as well, for the class that the feature is suspected of."""
    powers, k = features_alone(data), single_advantages(data, margin)[feature].k
    enough = _AS_GOOD * float(powers[feature].errors[k]) + _HARDLY_ANY
    return any(float(power.errors[k]) <= enough for name, power in powers.items() if not is_transformed(name))
