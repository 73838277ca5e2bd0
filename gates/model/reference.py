"""The lead of a model over a constant, beside the lead of a simple reference that was fitted on the same rows."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gates.model.certainty import Z99, effective_count, sound_rows
from gates.model.evidence import ModelEvidence, Predicted, SimpleModel
from gates.model.trivial import ranking_metric_of, refuse_constant
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement

# A reference that itself hardly leads a constant is no measure of a model.
_LEADS = 0.05
# Above this share of one class, accuracy tells a model from a constant no longer: the ranking alone is compared.
_COMMON = 0.5


@check(
    gate=Gate.MODEL,
    group="soundness",
    catches="a model that was stopped before it had learnt, or cannot learn: far below a simple model on the same rows",
    statistic="share of the simple model's lead over a constant that the model lacks",
    margin=0.5,
    rule="less than half of the lead, in AUC or (of three balanced classes or more) in accuracy, and certain (normal "
    "test of the difference, unpaired)",
    source="Breck et al. 2017, The ML Test Score, Model 5 (a simpler model is not better); "
    "docs/statistics.md, Behind a simple model",
    needs=(Need.TEST_PREDICTIONS, Need.REFERENCES),
)
def far_below_reference(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Half of the lead: a linear model honestly falls behind trees where features interact, and still keeps most."""
    refuse_constant(evidence)
    predicted = sound_rows(evidence.test, "test")
    own = _figures(predicted)
    measured = [
        _behind(own[each.metric], each, predicted.rows, margin)
        for each in evidence.references
        if each.metric in own and each.value - own[each.metric][2] > _LEADS
    ]
    if not measured:
        raise NotApplicable("no simple model leads a constant")
    yield max(measured, key=lambda each: (each.is_beyond, -(each.p_value or 0.0)))


def _figures(predicted: Predicted) -> dict[str, tuple[float, float, float]]:
    """By metric: the model's value, its standard error, and what a constant has."""
    found: dict[str, tuple[float, float, float]] = {}
    if predicted.is_regression:
        return found
    if ranking := ranking_metric_of(predicted):
        found["auc"] = (ranking.value, (ranking.value - ranking.lower) / Z99, ranking.of_constant)
    common = float(np.bincount(predicted.labels).max() / predicted.rows)
    if predicted.classes > 2 and common < _COMMON:
        hits = (predicted.answers == predicted.labels).astype(np.float64)
        share = float(hits.mean())
        # Wilson's centre keeps a variance where no answer, or every one, is right.
        rows = effective_count(hits, predicted.groups)
        near = (share * rows + 2) / (rows + 4)
        found["accuracy"] = (share, math.sqrt(near * (1 - near) / rows), common)
    return found


def _behind(own: tuple[float, float, float], simple: SimpleModel, rows: int, margin: float) -> Measurement:
    from scipy import stats

    value, error, constant = own
    kept = 1 - margin
    lead, of_simple = value - constant, simple.value - constant
    spread = math.hypot(error, kept * simple.error)
    name = simple.metric.upper() if simple.metric == "auc" else simple.metric
    return Measurement(
        subject=simple.name,
        statistic="share of the simple model's lead that is lacking",
        value=1 - lead / of_simple,
        n=rows,
        reason=f"The model's {name} on test is {value:.3f}, that of {simple.name} {simple.value:.3f} and that of a "
        f"constant {constant:.3f} ({rows:,} rows): {max(lead / of_simple, 0.0):.0%} of the simple model's lead.",
        remedy="See in the report whether the loss still fell when training ended: allow more epochs or a longer "
        "`train.early_stopping_patience`, or another learning rate.",
        p_value=float(stats.norm.cdf((lead - kept * of_simple) / max(spread, 1e-9))),
    )
