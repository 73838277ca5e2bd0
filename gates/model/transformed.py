"""Leakage that preprocessing brings in: a feature that knows the label better than any column that it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gates.data.evidence import Data
from gates.data.leakage.features import SINGLE_MARGIN, single_advantages, single_feature
from gates.data.leakage.predictive_power import features_alone
from gates.model.evidence import ModelEvidence, is_transformed
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement

# A raw column with at most this share more of errors is what the feature was made of: the DataGate has judged it.
_AS_GOOD = 1.25
_HARDLY_ANY = 0.001
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
    "no better than a raw column is left to the DataGate",
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
            yield from _of_split(split, data, margin)
        except NotApplicable as reason:
            why.append(str(reason))
    if why and len(why) == len(evidence.transformed):
        raise NotApplicable(why[0])


def _of_split(split: str, data: Data, margin: float) -> Iterator[Measurement]:
    for found in single_feature(data, margin):
        if not is_transformed(found.subject):
            continue
        beyond = found.is_beyond and not _has_such_a_column(data, found.subject, margin)
        yield replace(
            found,
            subject=f"{found.subject} in {split}",
            column=found.subject,
            beyond=beyond,
            remedy=_REMEDY.format(found.subject) if beyond else "Nothing to do.",
            chart=found.chart if beyond else None,
        )


def _has_such_a_column(data: Data, feature: str, margin: float) -> bool:
    """Whether a raw column predicts the label about as well, for the class that the feature is suspected of."""
    powers, k = features_alone(data), single_advantages(data, margin)[feature].k
    enough = _AS_GOOD * float(powers[feature].errors[k]) + _HARDLY_ANY
    return any(float(power.errors[k]) <= enough for name, power in powers.items() if not is_transformed(name))
