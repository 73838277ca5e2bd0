"""The lead of a model over a constant, beside the lead of a simple reference that was fitted on the same rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True)
class _Figure:
    """The model's value of a metric, its standard error, and what a constant has."""

    value: float
    error: float
    constant: float


@check(
    gate=Gate.MODEL,
    group="soundness",
    catches="a model that was stopped before it had learnt, or cannot learn: far below a simple model on the same rows",
    statistic="share of the simple model's lead over a constant that the model lacks",
    margin=0.5,
    rule="less than half of the lead on test, in AUC or (of three balanced classes or more) in accuracy, and certain "
    "(normal test of the difference, unpaired, on test and on eval and test together)",
    source="Breck et al. 2017, The ML Test Score, Model 5 (a simpler model is not better); "
    "docs/statistics.md, Behind a simple model",
    needs=(Need.TEST_PREDICTIONS, Need.REFERENCES),
)
def far_below_reference(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Half of the lead: a linear model honestly falls behind trees where features interact, and still keeps most."""
    refuse_constant(evidence)
    test = sound_rows(evidence.test, "test")
    both = _with_eval(evidence, test)
    own, pooled = _figures(test), _figures(both)
    measured = [
        _behind(own[each.metric], pooled.get(each.metric, own[each.metric]), each, (test.rows, both.rows), margin)
        for each in evidence.references
        if each.metric in own and each.value - own[each.metric].constant > _LEADS
    ]
    if not measured:
        raise NotApplicable("no simple model leads a constant")
    yield max(measured, key=lambda each: (each.is_beyond, -(each.p_value or 0.0)))


def _with_eval(evidence: ModelEvidence, test: Predicted) -> Predicted:
    """The rows of test and those of eval, which the model was chosen by and so answers rather better."""
    if evidence.eval is None or evidence.eval.classes != test.classes:
        return test
    known = evidence.eval.only(evidence.eval.sound)
    groups = None
    if test.groups is not None and known.groups is not None:
        groups = np.concatenate([test.groups, known.groups + test.groups.max(initial=0) + 1])
    labels, scores = (np.concatenate(each) for each in ((test.labels, known.labels), (test.scores, known.scores)))
    return Predicted(labels, scores, test.is_regression, groups)


def _figures(predicted: Predicted) -> dict[str, _Figure]:
    """The model's figures by metric."""
    found: dict[str, _Figure] = {}
    if predicted.is_regression:
        return found
    if ranking := ranking_metric_of(predicted):
        found["auc"] = _Figure(ranking.value, (ranking.value - ranking.lower) / Z99, ranking.of_constant)
    common = float(np.bincount(predicted.labels).max() / predicted.rows)
    if predicted.classes > 2 and common < _COMMON:
        hits = (predicted.answers == predicted.labels).astype(np.float64)
        share = float(hits.mean())
        # Wilson's centre keeps a variance where no answer, or every one, is right.
        rows = effective_count(hits, predicted.groups)
        near = (share * rows + 2) / (rows + 4)
        found["accuracy"] = _Figure(share, math.sqrt(near * (1 - near) / rows), common)
    return found


def _behind(own: _Figure, pooled: _Figure, simple: SimpleModel, rows: tuple[int, int], margin: float) -> Measurement:
    lead, of_simple = own.value - own.constant, simple.value - own.constant
    name = simple.metric.upper() if simple.metric == "auc" else simple.metric
    reason = f"The model's {name} on test is {own.value:.3f}, that of {simple.name} {simple.value:.3f} and that of a "
    reason += f"constant {own.constant:.3f} ({rows[0]:,} rows): {max(lead / of_simple, 0.0):.0%} of the simple model's"
    reason += " lead."
    p_value = _p_value(own, simple, margin)
    if rows[1] > rows[0]:
        reason += f" On eval and test together its {name} is {pooled.value:.3f} ({rows[1]:,} rows)."
        # The smaller of two p-values, by Bonferroni.
        p_value = min(1.0, 2 * min(p_value, _p_value(pooled, simple, margin)))
    return Measurement(
        subject=simple.name,
        statistic="share of the simple model's lead that is lacking",
        value=1 - lead / of_simple,
        n=rows[0],
        reason=reason,
        remedy="See in the report whether the loss still fell when training ended: allow more epochs or a longer "
        "`train.early_stopping_patience`, or another learning rate.",
        p_value=p_value,
    )


def _p_value(own: _Figure, simple: SimpleModel, margin: float) -> float:
    from scipy import stats

    kept = 1 - margin
    spread = math.hypot(own.error, kept * simple.error)
    behind = (own.value - own.constant) - kept * (simple.value - own.constant)
    return float(stats.norm.cdf(behind / max(spread, 1e-9)))
