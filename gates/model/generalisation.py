"""Whether the model performs on test as on eval, and shows no failure that a sound model cannot have."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gates.data.units import Unit
from gates.model.certainty import (
    NOMINAL,
    Z99,
    area_of,
    is_lopsided,
    log_losses,
    mean_above_p,
    mean_error,
    sound_rows,
)
from gates.model.collapse import collapse_of
from gates.model.evidence import ModelEvidence, Predicted
from gates.model.gaps import Gap, accuracy_gap, area_gap, class_gap, residual_gap
from gates.model.trivial import refuse_constant
from gates.statistics.sample_size import rows_until_bound
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart, Severity
from gates.verdict.measurement import Measurement

# `--strict` must exclude a loss of a tenth, from which Deepchecks refuses by default.
_SOUND_BELOW = 0.10
# Models memorise; from this gap between train and eval on it is a warning.
_OVERFIT = 0.10
# Stochastic superiority of 0.56 is a small effect (Vargha & Delaney 2000), three points of accuracy likewise.
_RESIDUALS = 2.0
# Nats: the cost of 3 points of accuracy when each wrong answer has 97 %. A smaller increase of eval's loss does not
# matter, whatever its factor.
_COSTS = 0.1
_TIMES_EVAL = 3.0
_COUNTED = 0.1


@check(
    gate=Gate.MODEL,
    group="generalisation",
    catches="a model that performs on eval and not on test: overfitted to eval, or test from another distribution",
    statistic="accuracy (two balanced classes or more), AUC (two classes) or size of errors: eval minus test",
    margin=0.03,
    rule="beyond the margin and certain (Fisher's exact test; DeLong); warns where test is better, or eval worse than "
    "train by 10 points, or the split is by time, or by entities that are not given",
    source="Newcombe 1998; Kapoor & Narayanan 2023; docs/statistics.md, Differences between splits",
    needs=(Need.EVAL_PREDICTIONS, Need.TEST_PREDICTIONS),
    tier=1,
)
def generalisation(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Two independent samples, eval against test; train against eval only warns."""
    before, after = sound_rows(evidence.eval, "eval"), sound_rows(evidence.test, "test")
    for gap in _gaps(before, after):
        yield _generalised(evidence, gap, margin)
    if evidence.train is None or not evidence.train.sound.any():
        return
    for gap in _gaps(evidence.train.only(evidence.train.sound), before)[:1]:
        yield Measurement(
            subject="eval",
            statistic=f"{gap.metric}: train minus eval",
            value=gap.value,
            margin=_OVERFIT,
            n=before.rows,
            reason=f"{gap.text('train', 'eval')}.",
            remedy="Regularise, stop earlier or add rows: the model memorises train.",
            p_value=gap.p_drop,
            at_most=Severity.WARN,
        )


def _gaps(before: Predicted, after: Predicted) -> list[Gap]:
    if before.is_regression:
        return [residual_gap(before, after)]
    if before.classes != after.classes:
        raise NotApplicable(f"the splits were predicted with {before.classes} and {after.classes} classes")
    found = [] if is_lopsided(before) or is_lopsided(after) else [accuracy_gap(before, after)]
    first, second = (area_of(before), area_of(after)) if before.classes == 2 else (None, None)
    return [*found, area_gap(first, second)] if first is not None and second is not None else found


def _at_most(evidence: ModelEvidence) -> Severity:
    """BLOCK when the unit of sampling is known: rows, or entities whose codes are given; otherwise WARN."""
    grouped = all(each is not None and each.groups is not None for each in (evidence.eval, evidence.test))
    is_sample = evidence.split_by is Unit.ROW or (evidence.split_by is Unit.ENTITY and grouped)
    return Severity.BLOCK if is_sample else Severity.WARN


def _generalised(evidence: ModelEvidence, gap: Gap, margin: float) -> Measurement:
    assert evidence.test is not None
    worse = gap.value > 0
    matters = margin * (_RESIDUALS if evidence.is_regression else 1.0)
    p_value = gap.p_drop if worse else gap.p_rise
    remedy = "Compare how test was made: source, time, scaling. If its rows are alike, eval was tuned on too often."
    if not worse:
        remedy = "Test is easier than eval: see whether its rows are also in train, and assign both from the same rows."
    return Measurement(
        subject="test",
        statistic=f"{gap.metric}: eval minus test",
        value=gap.value,
        margin=matters,
        n=evidence.test.rows,
        reason=f"{gap.text('eval', 'test')}.",
        remedy=remedy,
        p_value=p_value,
        upper=gap.upper,
        sound_below=max(_SOUND_BELOW, matters),
        # A gap that chance makes in one of a hundred runs is not beyond the margin.
        beyond=abs(gap.value) > matters and p_value <= NOMINAL,
        at_most=_at_most(evidence) if worse else Severity.WARN,
        rows_to_decide=rows_until_bound(gap.value, gap.upper, max(_SOUND_BELOW, matters), evidence.test.rows)
        if worse
        else None,
        chart=Chart(gap.metric, ("eval", "test"), {gap.metric: (gap.before, gap.after)}, "test"),
    )


@check(
    gate=Gate.MODEL,
    group="generalisation",
    catches="one class that is recognised on eval and not on test, hidden in the total",
    statistic="recall of a class: eval minus test",
    margin=0.03,
    rule="beyond the margin and certain (Fisher's exact test, one-sided, Holm over the classes)",
    source="Holm 1979; docs/statistics.md, Differences between splits",
    needs=(Need.EVAL_PREDICTIONS, Need.TEST_PREDICTIONS),
)
def class_generalisation(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """Recall by class; not for a rare positive class, which an honest model may never predict."""
    before, after = sound_rows(evidence.eval, "eval"), sound_rows(evidence.test, "test")
    if before.is_regression or before.classes != after.classes or is_lopsided(before) or is_lopsided(after):
        raise NotApplicable("recall by class is for balanced classes")
    for code in range(before.classes):
        gap = class_gap(before, after, code)
        if gap is None:
            continue
        yield Measurement(
            subject=evidence.class_name(code),
            statistic="recall: eval minus test",
            value=gap.value,
            n=int((after.labels == code).sum()),
            reason=f"{evidence.class_name(code)}: {gap.text('eval', 'test')}.",
            remedy="Look at rows of this class in test: are they made or labelled like those of eval?",
            p_value=gap.p_drop,
            at_most=_at_most(evidence),
            chart=Chart("recall", ("eval", "test"), {evidence.class_name(code): (gap.before, gap.after)}, "test"),
        )


@check(
    gate=Gate.MODEL,
    group="generalisation",
    catches="predictions that are certainly wrong: inputs in another scale, labels in another order, a broken test "
    "split",
    statistic="mean negative log-likelihood over that of guessing, ln(classes)",
    margin=1.0,
    rule="certainly above ln(classes), or above 3 times eval's and 0.1 nats more (Student's t)",
    source="docs/statistics.md, Losses that no sound model has",
    needs=(Need.TEST_PREDICTIONS,),
)
def loss_sanity(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """The limit is ln(classes), not the entropy of the labels: class weights move an honest model's probabilities
    towards equal shares, and its loss towards ln(classes), but not beyond.

    A model whose probabilities are counts (a tree, nearest neighbours) gives an exact 0 to some true classes. Its
    log-likelihood has no meaning, so only the comparison with eval is made.
    """
    refuse_constant(evidence)
    after = sound_rows(evidence.test, "test")
    if after.is_regression:
        raise NotApplicable("a regression has no log-likelihood")
    splits = {"test": after}
    if evidence.eval is not None and evidence.eval.classes == after.classes and evidence.eval.sound.sum() > 1:
        splits["eval"] = evidence.eval.only(evidence.eval.sound)
    limit = margin * math.log(max(after.classes, 2))
    if not _counts(evidence.train or evidence.eval):
        for split, predicted in splits.items():
            losses = log_losses(predicted)
            mean, error = float(losses.mean()), mean_error(losses, predicted.groups)
            yield Measurement(
                subject=split,
                statistic="mean negative log-likelihood",
                value=mean,
                margin=limit,
                n=predicted.rows,
                reason=f"Mean negative log-likelihood on {split} is {mean:.3g} (at least {mean - Z99 * error:.3g} with "
                f"99 % confidence, {predicted.rows:,} rows); guessing among {after.classes} classes has {limit:.3g}.",
                remedy="Compare raw rows of this split with those of train: scale of the inputs, order of the labels.",
                p_value=mean_above_p(losses - limit, predicted.groups),
            )
    if "eval" in splits:
        yield _against_eval(splits["eval"], after)


def _counts(reference: Predicted | None) -> bool:
    """Whether the probabilities are counts: softmax gives no exact zero. Judged on train, which other splits do not
    affect."""
    return reference is not None and bool(((reference.scores == 0).any(axis=1)).mean() > _COUNTED)


def _against_eval(before: Predicted, after: Predicted) -> Measurement:
    from scipy import stats

    old, new = log_losses(before), log_losses(after)
    times, more = (_TIMES_EVAL, 0.0), (1.0, _COSTS)
    factor, plus = max(times, more, key=lambda each: each[0] * float(old.mean()) + each[1])
    limit = factor * float(old.mean()) + plus
    error = math.hypot(mean_error(new, after.groups, 1.0), factor * mean_error(old, before.groups, 1.0))
    freedom = min(old.size, new.size) - 1
    return Measurement(
        subject="test against eval",
        statistic="mean negative log-likelihood",
        value=float(new.mean()),
        margin=limit,
        n=after.rows,
        reason=f"Mean negative log-likelihood is {new.mean():.3g} on test ({after.rows:,} rows) and {old.mean():.3g} "
        f"on eval ({before.rows:,} rows); up to {limit:.3g} may be.",
        remedy="Compare raw rows of test with those of eval: scale of the inputs, order of the labels, source.",
        p_value=float(stats.t.sf((new.mean() - limit) / error, freedom)),
    )


@check(
    gate=Gate.MODEL,
    group="generalisation",
    catches="predictions that fall onto one class",
    statistic="share of the predicted probability on one class, beyond its share of the labels and beyond an equal one",
    margin=0.15,
    rule="beyond the margin and certain (Student's t against both, Bonferroni over the classes)",
    source="Cox 1958 (calibration in the large); docs/statistics.md, Predictions on one class",
    needs=(Need.TEST_PREDICTIONS,),
)
def prediction_collapse(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """Judges probabilities, not answers: a sound model of weak signals may always answer with the common class, but
    maximum likelihood makes its probabilities add up to the class shares. Class weights move them towards equal shares,
    so a value between a class's own share and an equal share is no collapse."""
    refuse_constant(evidence)
    for split, given in (("test", evidence.test), ("eval", evidence.eval)):
        if given is None:
            continue
        predicted = sound_rows(given, split)
        if predicted.is_regression:
            raise NotApplicable("a regression has no classes")
        yield collapse_of(evidence, split, predicted)
