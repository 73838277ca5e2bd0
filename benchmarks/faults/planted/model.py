"""Models whose served answers differ from the judged ones, and poor models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.faults.model_case import ModelCase, model_case, softmax
from benchmarks.faults.plants import plant
from gates.model.evidence import Budgets, Predicted, Probe, Replay

FAMILY = "model"
PARITY = ("replay_parity", "evaluated_is_served")
GENERAL = ("generalisation", "class_generalisation")
IMAGES = ("fashion", "digits")
ROWS = ("taxi", "diamonds")
ALL = (*IMAGES, *ROWS)


def _unscaled(case: ModelCase, frame: pd.DataFrame) -> np.ndarray:
    """The network's answer to pixels that were not divided by 255."""
    names = [name for name in frame.columns if name != case.source.label]
    raw = frame.assign(**{name: 255.0 * frame[name] for name in names})
    return softmax(case.trained.logits(case.trained.transform(raw)))


@plant(family=FAMILY, expects=PARITY, on=IMAGES, clean=model_case)
def served_without_scaling(case: ModelCase) -> ModelCase:
    """The serving graph does not divide by 255."""
    return case.served(lambda frame: _unscaled(case, frame))


@plant(family=FAMILY, expects=PARITY, on=ALL, clean=model_case, listed=False)
def one_signature_differs(case: ModelCase) -> ModelCase:
    """One of two signatures has its classes in another order."""
    return case.served(lambda frame: case.trained.scores(frame)[:, ::-1], "serving_examples")


@plant(family=FAMILY, expects=(*GENERAL, "loss_sanity", "prediction_collapse"), on=IMAGES, clean=model_case)
def test_from_another_distribution(case: ModelCase) -> ModelCase:
    """Test was not scaled, as happened to the model with 45.57 %."""
    test = case.trained.frames["test"]
    return case.with_evidence(test=Predicted.of(case.trained.labels("test"), _unscaled(case, test)))


@plant(
    family=FAMILY, expects=("class_recognition",), on=("fashion", "digits", "diamonds"), clean=model_case, listed=False
)
def outputs_exchanged(case: ModelCase) -> ModelCase:
    """Two outputs stand for each other's class, in training, evaluation and serving alike."""
    order = np.arange(len(case.trained.classes))
    first, second = np.argsort(-np.bincount(case.trained.labels("train"), minlength=len(order)), kind="stable")[:2]
    order[[first, second]] = order[[second, first]]

    def exchanged(given: Predicted | None) -> Predicted | None:
        return None if given is None else Predicted.of(given.labels, given.scores[:, order])

    def answers(each: Replay) -> Replay:
        return replace(each, scores=np.asarray(each.scores)[:, order], again=np.asarray(each.again)[:, order])

    evidence = case.evidence
    return case.with_evidence(
        train=exchanged(evidence.train),
        eval=exchanged(evidence.eval),
        test=exchanged(evidence.test),
        replays=tuple(map(answers, evidence.replays)),
        blessed=None,
        probes=tuple(replace(each, scores=np.asarray(each.scores)[:, order]) for each in evidence.probes),
    )


@plant(family=FAMILY, expects=("better_than_trivial", "prediction_collapse"), on=ALL, clean=model_case)
def constant_model(case: ModelCase) -> ModelCase:
    """The model always predicts the commonest class."""
    labels = case.trained.labels("train")
    shares = np.bincount(labels, minlength=len(case.trained.classes)) / len(labels)

    def always(split: str) -> Predicted:
        rows = len(case.trained.frames[split])
        return Predicted.of(case.trained.labels(split), np.tile(shares, (rows, 1)))

    scores = np.tile(shares, (len(case.replayed), 1))
    replays = tuple(Replay(each.name, scores, scores) for each in case.evidence.replays)
    return case.with_evidence(
        train=always("train"),
        eval=always("eval"),
        test=always("test"),
        replays=replays,
        blessed=None,
        probes=tuple(replace(each, scores=scores[: len(each.scores)]) for each in case.evidence.probes),
    )


@plant(
    family=FAMILY,
    expects=("slices_against_blessed",),
    doses=(1.0, 0.5, 0.25),
    headline=1.0,
    unit="share of the slice answered at random",
    on=("diamonds", "taxi"),
    clean=model_case,
)
def slice_regression(case: ModelCase, dose: float) -> ModelCase:
    """One slice got worse than in the blessed model; the total hardly changes."""
    values = next(iter(case.evidence.test_slices.values()))
    found, counts = np.unique(values, return_counts=True)
    fit = np.abs(counts / len(values) - 0.12).argmin()
    test = case.evidence.test
    assert test is not None
    inside = np.flatnonzero((values == found[fit]) & (case.rng.random(len(values)) < dose))
    scores = test.scores.copy()
    # Answers of other rows: equally confident, with the same share of each class, and wrong.
    scores[inside] = scores[case.rng.permutation(inside)][:, ::-1]
    return case.with_evidence(test=Predicted.of(test.labels, scores))


@plant(family=FAMILY, expects=PARITY, doses=(3.0, 1.5, 1.1, 1.01), headline=3.0, unit="times", on=ALL, clean=model_case)
def logits_times_three(case: ModelCase, dose: float) -> ModelCase:
    """The served graph multiplies the logits: the same answers, other probabilities."""
    return case.served(lambda frame: softmax(dose * case.trained.logits(case.trained.transform(frame))))


@plant(family=FAMILY, expects=PARITY, on=ROWS, clean=model_case)
def vocabulary_reordered(case: ModelCase) -> ModelCase:
    """The served graph numbers the categories in another order."""
    column = case.source.roles["category"]
    values = case.trained.frames["train"][column].value_counts().index[:20].to_list()
    moved = dict(zip(values, values[1:] + values[:1], strict=True))
    return case.served(lambda frame: case.trained.scores(frame.assign(**{column: frame[column].map(moved)})))


@plant(family=FAMILY, expects=("repeatable",), on=ALL, clean=model_case)
def dropout_in_serving(case: ModelCase) -> ModelCase:
    """Dropout is active in the served graph: two calls differ."""
    return case.served(lambda frame: softmax(case.trained.logits(case.trained.transform(frame), dropout=case.rng)))


@plant(family=FAMILY, expects=("optional_fields",), on=ROWS, clean=model_case)
def nan_on_a_missing_field(case: ModelCase) -> ModelCase:
    """A missing optional field gives NaN."""
    probe = case.evidence.probes[0]
    broken = Probe(probe.field, probe.case, np.full_like(np.asarray(probe.scores), np.nan))
    return case.with_evidence(probes=(broken, *case.evidence.probes[1:]))


@plant(family=FAMILY, expects=PARITY, on=ALL, clean=model_case)
def older_checkpoint_exported(case: ModelCase) -> ModelCase:
    """The export is an older checkpoint than the one that was evaluated."""
    return case.served(lambda frame: softmax(case.trained.logits(case.trained.transform(frame), older=True)))


@plant(
    family=FAMILY,
    expects=("valid_scores", *PARITY),
    on=("taxi",),
    clean=model_case,
    listed=False,
    doses=(0.01, 0.001),
    headline=0.01,
    unit="share of test rows",
)
def nan_in_some_answers(case: ModelCase, dose: float) -> ModelCase:
    """Some test rows are answered with NaN."""
    test = case.evidence.test
    assert test is not None
    scores = test.scores.copy()
    scores[: max(1, round(dose * len(scores)))] = np.nan
    return case.with_evidence(test=Predicted.of(test.labels, scores))


@plant(family=FAMILY, expects=("valid_scores", *PARITY), on=IMAGES, clean=model_case, listed=False)
def logits_instead_of_probabilities(case: ModelCase) -> ModelCase:
    """The served graph ends before the softmax."""
    return case.served(lambda frame: case.trained.logits(case.trained.transform(frame)))


@plant(
    family=FAMILY,
    expects=GENERAL,
    doses=(0.20, 0.10, 0.05),
    headline=0.10,
    unit="share of test rows answered as another row",
    on=("fashion", "diamonds"),
    clean=model_case,
    listed=False,
)
def test_worse_than_eval(case: ModelCase, dose: float) -> ModelCase:
    """Test is answered worse than eval, in all classes alike."""
    test = case.evidence.test
    assert test is not None
    scores = test.scores.copy()
    touched = np.flatnonzero(case.rng.random(len(scores)) < dose)
    scores[touched] = scores[case.rng.permutation(touched)]
    return case.with_evidence(test=Predicted.of(test.labels, scores), blessed=None)


@plant(family=FAMILY, expects=("latency",), on=("taxi",), clean=model_case, listed=False)
def too_slow(case: ModelCase) -> ModelCase:
    """Single requests take longer than the budget allows."""
    latency = 40 + 15 * case.rng.random(500)
    return case.with_evidence(latency_ms=latency, budgets=Budgets(p99_ms=20.0))


@plant(family=FAMILY, expects=("export_size",), on=("taxi",), clean=model_case, listed=False)
def too_large(case: ModelCase) -> ModelCase:
    """The export is larger than the budget allows."""
    return case.with_evidence(export_bytes=300_000_000, budgets=Budgets(size_mb=100.0))
