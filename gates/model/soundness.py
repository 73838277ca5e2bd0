"""Whether the model is better than trivial ones, uses more than one feature, and is not overconfident."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gates.model.certainty import Z99, Area, area_of, mean_above_p, mean_error, sample_mask, sound_rows
from gates.model.evidence import ModelEvidence, Predicted
from gates.model.rescaling import calibration_error, miscalibrated_p, rescaling_of
from gates.model.trivial import is_constant, most_rows, ranking_metric_of, refuse_constant
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart, Severity
from gates.verdict.measurement import Measurement

_FEWEST_FOR_BINS = 100
_OFF_BY_VARIANCE = 0.1
_NEGLIGIBLE = 0.05
_KNOWS = 0.02
_COST = 0.02
_FEWEST_IMPORTANCE = 0.02
_MOST_BARS = 20


@check(
    gate=Gate.MODEL,
    group="soundness",
    catches="a model that is no better than a constant, or than one feature alone",
    statistic="AUC (one against the rest) above 0.5; Spearman correlation of a regression: 99 % lower bound",
    margin=0.0,
    rule="lower bound not above 0, and certainly short of a weak model (AUC 0.6, correlation 0.2), or constant; warns "
    "where one feature alone does as well",
    source="Newcombe 2006; Hosmer & Lemeshow 2000 (AUC of 0.5: no discrimination); "
    "docs/statistics.md, Better than a constant",
    needs=(Need.TEST_PREDICTIONS,),
    tier=1,
    more_is_stricter=True,
)
def better_than_trivial(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """AUC instead of accuracy: where one class is common, an honest model of weak signals answers like a constant but
    ranks better. The model must be certainly better; where the rows cannot show it, nothing is decided, unless they
    exclude even a weak model."""
    predicted = sound_rows(evidence.test, "test")
    found = ranking_metric_of(predicted)
    if found is None:
        raise NotApplicable("test holds only one class")
    constant = is_constant(evidence)
    text = f"{found.metric} on test is {found.value:.3f} (at least {found.lower:.3f} with 99 % confidence, "
    text += f"{predicted.rows:,} rows); a constant has {found.of_constant:g}."
    if constant:
        text = f"Every row gets the same prediction. {text}"
    yield Measurement(
        subject="test",
        statistic=f"{found.metric} above that of a constant",
        value=found.value - found.of_constant,
        n=predicted.rows,
        reason=text,
        remedy="See whether the loss falls in training, and whether features and labels are of the same rows.",
        p_value=None if constant else found.p_useless,
        beyond=not found.lower - found.of_constant > margin,
        rows_to_decide=found.rows_to_decide(margin),
        chart=Chart(found.metric, ("constant", "model"), {"test": (found.of_constant, found.value)}, "model"),
    )
    if predicted.is_regression and np.ptp(predicted.labels) > 0:
        yield _error_against_mean(predicted)
    if evidence.best_stump is not None and not predicted.is_regression:
        yield from _against_stump(evidence, evidence.best_stump)


def _error_against_mean(predicted: Predicted) -> Measurement:
    """Squared errors detect a wrong unit, which a ranking does not. A tenth of the variance is allowed, as a line
    through noise may lose on few rows."""
    labels = predicted.labels
    constant, own = (labels - labels.mean()) ** 2, (labels - predicted.scores) ** 2
    variance = float(constant.mean())
    excess = (own - constant) / variance
    return Measurement(
        subject="test",
        statistic="squared error over that of the mean, less 1",
        value=float(excess.mean()),
        margin=_OFF_BY_VARIANCE,
        n=predicted.rows,
        reason=f"The mean squared error on test is {own.mean():.3g}; the mean of the labels has {variance:.3g} "
        f"({predicted.rows:,} rows).",
        remedy="See whether predictions and labels are in the same unit, and whether the output is transformed back.",
        p_value=mean_above_p(excess - _OFF_BY_VARIANCE, predicted.groups),
        # Heavy tails widen the bound too much to express doubt; the ranking decides that.
        beyond=bool(excess.mean() - Z99 * mean_error(excess, predicted.groups, 1.0) > _OFF_BY_VARIANCE),
    )


def _against_stump(evidence: ModelEvidence, stump: Predicted) -> Iterator[Measurement]:
    assert evidence.test is not None
    if stump.rows != evidence.test.rows or stump.classes != evidence.test.classes:
        return
    both = evidence.test.sound & stump.sound
    of_model, of_stump = evidence.test.only(both), stump.only(both)
    if not of_model.rows:
        return
    sampled = sample_mask(of_model, most_rows(of_model))
    model, single = area_of(of_model.only(sampled)), area_of(of_stump.only(sampled))
    if model is None or single is None:
        return
    paired = Area(model.value - single.value, model.influence - single.influence, model.sides, model.groups)
    lower, upper = paired.value - Z99 * paired.error, paired.value + Z99 * paired.error
    yield Measurement(
        subject=evidence.stump_feature,
        statistic="AUC above that of the best single feature",
        value=paired.value,
        margin=0.0,
        n=model.influence.size,
        reason=f"AUC on test is {model.value:.3f}, that of {evidence.stump_feature} alone {single.value:.3f}: a lead "
        f"of {paired.value:.3f}, between {lower:.3f} and {upper:.3f} with 98 % confidence.",
        remedy="A model of this one feature would do: see whether the others reach the model, and are of use.",
        beyond=paired.value <= 0 or (lower <= 0 and upper < _NEGLIGIBLE),
        at_most=Severity.WARN,
        looked_at=evidence.stump_looked_at,
    )


@check(
    gate=Gate.MODEL,
    group="soundness",
    catches="logits multiplied, or probabilities that are too certain",
    statistic="temperature: by how much log-probabilities must be divided to fit the labels of train",
    margin=1.5,
    rule="above the margin on train, at a cost of 0.02 nats a row, and certain (likelihood ratio); warns on test",
    source="Cox 1958 (calibration slope); Guo et al. 2017 (temperature); Van Calster et al. 2019; "
    "docs/statistics.md, Certainty of probabilities",
    needs=(Need.TRAIN_PREDICTIONS,),
)
def overconfidence(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Judged on train, where a sound model cannot be overconfident: at maximum likelihood scaling the logits gains
    nothing (the score equation: temperature 1), and regularisation, early stopping, dropout and label smoothing make it
    less certain. Off train an overfitted, honest model may reach a temperature of 2 and more, so test only warns.

    The cost must exceed 0.02 nats a row: by Pinsker's inequality a smaller cost keeps probabilities within 10 points of
    right, root mean square. A network after a few steps is overconfident about small differences, which costs
    nothing."""
    refuse_constant(evidence)
    for split, given in (("train", evidence.train), ("test", evidence.test)):
        if given is None:
            continue
        predicted = sound_rows(given, split)
        if predicted.is_regression:
            raise NotApplicable("a regression has no probabilities")
        ranked = ranking_metric_of(predicted)
        if ranked is None or ranked.lower - ranked.of_constant <= _KNOWS:
            continue  # a useless model has no temperature; `better_than_trivial` reports it
        found = rescaling_of(predicted)
        yield Measurement(
            subject=split,
            statistic="temperature",
            value=found.temperature,
            n=predicted.rows,
            reason=f"Log-probabilities fit the labels of {split} best when divided by {found.temperature:.2f} "
            f"({predicted.rows:,} rows); 1 is right, more is overconfident. That costs {found.cost:.3f} nats a row.",
            remedy="See whether logits are multiplied; else divide them by the temperature before the softmax.",
            p_value=found.p_value,
            beyond=found.temperature > margin and found.cost > _COST,
            at_most=Severity.BLOCK if split == "train" else Severity.WARN,
        )


@check(
    gate=Gate.MODEL,
    group="soundness",
    catches="probabilities that differ from the observed shares",
    statistic="debiased calibration error (root mean square over 15 equal-mass bins)",
    margin=0.05,
    rule="warns beyond the margin when Spiegelhalter's z or that of the sum is certain",
    source="Kumar et al. 2019; Spiegelhalter 1986; docs/statistics.md, Certainty of probabilities",
    needs=(Need.TEST_PREDICTIONS,),
)
def calibration(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """Calibration of the positive class of two, or of the predicted class of more."""
    refuse_constant(evidence)
    predicted = sound_rows(evidence.test, "test")
    if predicted.is_regression:
        raise NotApplicable("a regression has no probabilities")
    if predicted.rows < _FEWEST_FOR_BINS:
        raise NotApplicable(f"{predicted.rows} rows of test are too few for bins")
    binary = predicted.classes == 2
    claimed = predicted.scores[:, 1] if binary else predicted.scores.max(axis=1)
    happened = (predicted.labels == 1 if binary else predicted.answers == predicted.labels).astype(np.float64)
    error, bins = calibration_error(claimed, happened)
    yield Measurement(
        subject="test",
        statistic="debiased calibration error",
        value=error,
        n=predicted.rows,
        reason=f"Probabilities on test are off by {error * 100:.1f} points (root mean square over {len(bins)} bins, "
        f"{predicted.rows:,} rows).",
        remedy="Fit a temperature or an isotonic curve on eval, or do not read the scores as probabilities.",
        p_value=miscalibrated_p(claimed, happened),
        at_most=Severity.WARN,
        chart=Chart(
            "claimed and true share by bin",
            tuple(str(place + 1) for place in range(len(bins))),
            {"claimed": tuple(claim for claim, _ in bins), "true": tuple(share for _, share in bins)},
        ),
    )


@check(
    gate=Gate.MODEL,
    group="soundness",
    catches="a model that depends on one feature",
    statistic="largest permutation importance over the sum of all",
    margin=0.8,
    rule="warns beyond the margin, when the model loses at least 2 points in all",
    source="Breiman 2001 (permutation importance)",
    needs=(Need.IMPORTANCES,),
)
def one_feature_dominance(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """Warns and never blocks: in an honest table one feature may be sufficient."""
    losses = {name: loss for name, loss in evidence.importances.items() if math.isfinite(loss) and loss > 0}
    total = sum(losses.values())
    if len(evidence.importances) < 2:
        raise NotApplicable("the model has one feature")
    if total < _FEWEST_IMPORTANCE:
        raise NotApplicable("no feature matters when it is permuted")
    ranked = sorted(losses, key=lambda name: -losses[name])
    first, rest = ranked[0], ranked[1:3]
    yield Measurement(
        subject=first,
        statistic="share of the permutation importance",
        value=losses[first] / total,
        n=evidence.eval.rows if evidence.eval is not None else 0,
        reason=f"Permuting {first} costs the model {losses[first]:.3f}, which is {losses[first] / total:.0%} of what "
        f"all {len(evidence.importances)} features cost"
        + (f"; next are {' and '.join(f'{name} ({losses[name]:.3f})' for name in rest)}." if rest else "."),
        remedy=f"Check that {first} is known when the prediction is made, and that the model should depend on it.",
        at_most=Severity.WARN,
        chart=Chart(
            "loss when permuted",
            tuple(ranked[:_MOST_BARS]),
            {"eval": tuple(losses[name] for name in ranked[:_MOST_BARS])},
            first,
        ),
    )
