"""Whether the model gives the same predictions through every path."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gates.model.differences import (
    Difference,
    accuracy_text,
    answers_chart,
    collapse_text,
    difference,
    first_line,
    flips_text,
    lost_text,
    row_sample,
)
from gates.model.evidence import EVALUATED, TRAINING, ModelEvidence, Replay, as_scores
from gates.tables.table import Floats
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement

# Sums of 32-bit floats in another order differ by some 1e-7, and TensorFlow promises no order unless
# `enable_op_determinism` is on; dropout and random transforms move predictions by thousandths at the least.
_SAME_CALL = 1e-6


@check(
    gate=Gate.MODEL,
    group="parity",
    catches="a served function that differs from training: no scaling, categories re-ordered",
    statistic="largest difference between the predictions of a signature and of training, on the same raw rows",
    margin=1e-5,
    rule="any row beyond the margin (1e-3 across devices), an answer that is no number, or a call that fails",
    source="Breck et al. 2017, The ML Test Score (training-serving skew)",
    needs=(Need.REPLAYS,),
    tier=1,
)
def replay_parity(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Every replay against "training". Changed classes are counted and reported but decide nothing: a change within
    the margin is a tie, which rounding may break."""
    served = _served(evidence)
    training = _named(evidence, TRAINING)
    if training is not None and training.error:
        yield _unanswered(training)
        return
    if training is None or training.scores is None:
        raise NotApplicable("the rows were not replayed through training")
    if not served:
        raise NotApplicable("no signature was replayed")
    expected = _scores(training, evidence)
    tolerance = evidence.budgets.tolerance(margin)
    for replay in served:
        if broken := _broken(replay, expected, evidence, tolerance):
            yield broken
        else:
            answered = _scores(replay, evidence)
            found = difference(expected, answered, tolerance)
            remedy = f"Let {replay.name} go through the very transformation that training used, and export again."
            yield _compared(replay.name, "training", expected, answered, found, tolerance, evidence, remedy)


@check(
    gate=Gate.MODEL,
    group="parity",
    catches="dropout or another random step that is active at serving, or a state that changes with each call",
    statistic="largest difference between two identical calls",
    margin=_SAME_CALL,
    rule="any row beyond the margin, which rounding alone can make",
    source="Breck et al. 2017, The ML Test Score; TensorFlow, enable_op_determinism",
    needs=(Need.REPLAYS,),
)
def repeatable(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Two identical calls must give identical answers, also when hundreds of others lie between them."""
    twice = [each for each in evidence.replays if each.again is not None and each.scores is not None]
    if not twice:
        raise NotApplicable("no call was made twice")
    for replay in twice:
        first = _scores(replay, evidence)
        later = [as_scores(each, evidence.is_regression) for each in (replay.again, replay.last) if each is not None]
        later = [each for each in later if each.shape == first.shape]
        if not later or not len(first):
            continue
        found, second = max(
            ((difference(first, each, margin), each) for each in later), key=lambda each: each[0].largest
        )
        text = (
            f"Two identical calls of {replay.name} differ by up to {found.largest:.2g} "
            f"in {found.differing:,} of {found.rows:,} rows{flips_text(found)}."
            if found.largest > 0
            else f"Two identical calls of {replay.name} gave identical answers for {found.rows:,} rows."
        )
        yield Measurement(
            subject=replay.name,
            statistic="largest difference between two identical calls",
            value=found.largest,
            n=found.rows,
            reason=text,
            remedy="Export the model with training=False: dropout, noise and augmentation must not run at serving.",
            sample=row_sample(evidence, found.row, first, second, "first call", "second call"),
        )


@check(
    gate=Gate.MODEL,
    group="parity",
    catches="an export that is not what was evaluated, such as an older checkpoint",
    statistic="difference between what Evaluator stored and the signature that comes nearest to it",
    margin=1e-5,
    rule="no served signature within the margin (1e-3 across devices)",
    source="Breck et al. 2017, The ML Test Score; no TFX component compares the two",
    needs=(Need.REPLAYS,),
    tier=1,
)
def evaluated_is_served(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Some signature must serve what was evaluated; `replay_parity` compares the signatures with each other and with
    training. Without a replay through training every signature must agree with what was evaluated."""
    evaluated = _named(evidence, EVALUATED)
    if evaluated is None or evaluated.scores is None:
        raise NotApplicable("what Evaluator predicted was not given")
    expected = _scores(evaluated, evidence)
    tolerance = evidence.budgets.tolerance(margin)
    compared = [
        (each, _scores(each, evidence)) for each in _served(evidence) if not each.error and each.scores is not None
    ]
    compared = [(each, scores) for each, scores in compared if scores.shape == expected.shape]
    if not compared or not len(expected):
        raise NotApplicable("no signature gave answers that can be compared with what Evaluator predicted")
    found = [(difference(expected, scores, tolerance), each.name, scores) for each, scores in compared]
    if _named(evidence, TRAINING) is not None:
        found = [min(found, key=lambda each: (each[0].largest, each[0].differing))]
    remedy = "Export the checkpoint that was evaluated, or evaluate the export; then run again."
    for off, name, scores in found:
        yield _compared(name, "evaluation", expected, scores, off, tolerance, evidence, remedy)


@check(
    gate=Gate.MODEL,
    group="parity",
    catches="an endpoint that answers otherwise than the model: JSON, placeholders of missing values, names of classes",
    statistic="largest difference between the recorded answers of the golden requests and those over HTTP",
    margin=1e-5,
    rule="any request beyond the margin (1e-3 across devices), or answered with an error",
    source="Breck et al. 2017, The ML Test Score (training-serving skew)",
    needs=(Need.GOLDEN,),
    tier=1,
)
def endpoint_parity(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """The process that stands behind an endpoint answers each request alone, as it does for a client."""
    golden = evidence.golden
    if golden is None:
        raise NotApplicable("the export carries no golden requests")
    tolerance = evidence.budgets.tolerance(margin)
    if golden.error:
        largest, requests = float("inf"), 0
        text = f"The endpoint does not answer the golden requests: {first_line(golden.error)}."
    else:
        recorded, answered = (as_scores(each, evidence.is_regression) for each in (golden.recorded, golden.answered))
        found = difference(recorded, answered, tolerance)
        largest, requests, text = found.largest, found.rows, _endpoint_text(found, tolerance)
    yield Measurement(
        subject="endpoint",
        statistic="largest difference to the recorded answers",
        value=largest,
        margin=tolerance,
        n=requests,
        reason=text,
        remedy="Serve the export and send a golden request by hand:  python -m serving --help",
    )


def _endpoint_text(found: Difference, tolerance: float) -> str:
    if found.largest <= tolerance:
        return f"The endpoint answers {found.rows} golden requests as the model did, to {found.largest:.1g}."
    return (
        f"The endpoint answers {found.differing} of {found.rows} golden requests otherwise than the model did, request "
        f"{found.row + 1} by {found.largest:.3g}{flips_text(found)}."
    )


def _served(evidence: ModelEvidence) -> list[Replay]:
    return [each for each in evidence.replays if each.name not in (TRAINING, EVALUATED)]


def _named(evidence: ModelEvidence, name: str) -> Replay | None:
    return next((each for each in evidence.replays if each.name == name), None)


def _scores(replay: Replay, evidence: ModelEvidence) -> Floats:
    return as_scores(replay.scores, evidence.is_regression)


def _broken(replay: Replay, expected: Floats, evidence: ModelEvidence, tolerance: float) -> Measurement | None:
    if replay.error or replay.scores is None:
        text = f"Calling {replay.name} failed: {first_line(replay.error) or 'it gave no answer'}."
    elif (shape := _scores(replay, evidence).shape) != expected.shape or not len(expected):
        text = f"{replay.name} answered in the shape {shape} where training answered in the shape {expected.shape}."
    else:
        return None
    return Measurement(
        subject=replay.name,
        statistic="largest difference to training",
        value=float("inf"),
        margin=tolerance,
        n=len(expected),
        reason=text,
        remedy=f"Call {replay.name} of the exported model on a few raw rows and mend the error.",
    )


def _unanswered(training: Replay) -> Measurement:
    return Measurement(
        subject=TRAINING,
        statistic="largest difference to training",
        value=float("inf"),
        n=0,
        reason=f"The model that training left does not answer test rows: {first_line(training.error)}.",
        remedy="Let build_model and preprocessing_fn depend on their arguments alone, then train again.",
    )


def _compared(
    signature: str,
    reference: str,
    expected: Floats,
    answered: Floats,
    found: Difference,
    tolerance: float,
    evidence: ModelEvidence,
    remedy: str,
) -> Measurement:
    is_off = found.largest > tolerance
    text = f"{signature} and {reference} agree on {found.rows:,} rows to {found.largest:.1g} (at most {tolerance:g})."
    if is_off:
        largest = "a value against none" if np.isinf(found.largest) else f"{found.largest:.3g}"
        text = (
            f"{signature} and {reference} differ in {found.differing:,} of {found.rows:,} rows by more than "
            f"{tolerance:g}, most in row {found.row:,}: {largest}{flips_text(found)}{lost_text(found)}"
            f"{accuracy_text(expected, answered, signature, reference, evidence)}"
            f"{collapse_text(expected, answered, signature, evidence)}."
        )
    return Measurement(
        subject=signature,
        statistic=f"largest difference to {reference}",
        value=found.largest,
        margin=tolerance,
        n=found.rows,
        reason=text,
        remedy=remedy,
        chart=answers_chart(expected, answered, signature, reference, evidence) if is_off else None,
        sample=row_sample(evidence, found.row, expected, answered, reference, signature) if is_off else None,
    )
