"""Models whose answers depend on what is no feature: on other rows, the place of a row, the clock, files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.faults.model_case import ModelCase, model_case, softmax
from benchmarks.faults.plants import plant
from gates.model.evidence import EVALUATED, TRAINING, GoldenReplay, Replay

FAMILY = "model"
ROWS = ("taxi", "diamonds")
ALL = ("fashion", "digits", *ROWS)
DOSES = (1.0, 0.1, 0.01)
# Fewer than the gate makes between the first call of a signature and its last one.
_CALLS_OF_A_REPLAY = 100
_GOLDEN = 16
_DAYS_OF_A_LIFE = 30_000


def _answering_last(case: ModelCase, share: float) -> ModelCase:
    """The case in which this share of rows has another row's answer in the last call of each signature."""

    def replay(each: Replay) -> Replay:
        if each.name in (TRAINING, EVALUATED):
            return each
        last = np.array(each.scores)
        moved = np.flatnonzero(case.rng.random(len(last)) < share)
        last[moved] = last[(moved + 1) % len(last)]
        return replace(each, last=last)

    return case.with_evidence(replays=tuple(map(replay, case.evidence.replays)))


@plant(family=FAMILY, expects=("row_alone",), doses=DOSES, headline=1.0, unit="of the mean", on=ALL, clean=model_case)
def features_centred_by_batch(case: ModelCase, dose: float) -> ModelCase:
    """The mean over the batch is subtracted from the features, in training and in serving."""

    def answer(frame: pd.DataFrame) -> np.ndarray:
        inputs = case.trained.transform(frame)
        return softmax(case.trained.logits(inputs - dose * inputs.mean(axis=0)))

    return case.by_batch(answer)


@plant(
    family=FAMILY, expects=("row_alone",), doses=DOSES, headline=1.0, unit="of the statistics", on=ALL, clean=model_case
)
def batch_statistics_at_serving(case: ModelCase, dose: float) -> ModelCase:
    """The logits are normalised by mean and deviation of the batch, not by moving averages."""

    def answer(frame: pd.DataFrame) -> np.ndarray:
        logits = case.trained.logits(case.trained.transform(frame))
        normal = (logits - logits.mean(axis=0)) / (logits.std(axis=0) + 1e-3)
        return softmax((1 - dose) * logits + dose * normal)

    return case.by_batch(answer)


@plant(
    family=FAMILY,
    expects=("row_alone",),
    doses=(0.3, 0.1, 0.03),
    headline=0.1,
    unit="of the inputs dropped",
    on=ALL,
    clean=model_case,
)
def dropout_seeded_by_place(case: ModelCase, dose: float) -> ModelCase:
    """Dropout is active at serving with one seed: the same for each call, another for each place in the batch."""

    def answer(frame: pd.DataFrame) -> np.ndarray:
        inputs = case.trained.transform(frame)
        return softmax(case.trained.logits(inputs * (np.random.default_rng(1).random(inputs.shape) >= dose)))

    return case.by_batch(answer)


@plant(
    family=FAMILY,
    expects=("self_contained",),
    doses=(10, 1_000, 1_000_000),
    headline=1_000,
    unit="calls until the answer changes",
    on=ALL,
    clean=model_case,
)
def counter_of_calls(case: ModelCase, dose: float) -> ModelCase:
    """A variable counts the calls, and the answer changes after some number of them."""
    case = case.with_operation("AssignAddVariableOp", stateful=True)
    return _answering_last(case, 1.0) if dose <= _CALLS_OF_A_REPLAY else case


@plant(
    family=FAMILY,
    expects=("repeatable",),
    doses=DOSES,
    headline=0.1,
    unit="share of rows with another answer",
    on=ALL,
    clean=model_case,
    listed=False,
)
def answers_that_wear_off(case: ModelCase, dose: float) -> ModelCase:
    """Two calls in a row agree; after the other calls of the replay some rows have another answer."""
    return _answering_last(case, dose)


@plant(family=FAMILY, expects=("self_contained",), on=ALL, clean=model_case)
def age_from_now(case: ModelCase) -> ModelCase:
    """An age is computed from the clock of whoever serves."""
    return case.with_operation("Timestamp", stateful=True)


@plant(
    family=FAMILY,
    expects=("endpoint_parity",),
    doses=(3_650, 365, 30, 1),
    headline=365,
    unit="days between the export and the answer",
    on=ROWS,
    clean=model_case,
    listed=False,
)
def later_than_the_export(case: ModelCase, dose: float) -> ModelCase:
    """The endpoint computes an age from its clock: a feature has grown since the golden answers were recorded."""
    inputs = case.trained.transform(case.replayed.iloc[:_GOLDEN])
    oldest = inputs.std(axis=0).argmax()
    grown = inputs.copy()
    grown[:, oldest] += dose / _DAYS_OF_A_LIFE
    recorded, answered = (softmax(case.trained.logits(each)) for each in (inputs, grown))
    return case.with_evidence(golden=GoldenReplay(recorded, answered))


@plant(family=FAMILY, expects=("self_contained",), on=ALL, clean=model_case)
def file_read_by_the_graph(case: ModelCase) -> ModelCase:
    """A file outside the export is read with each call."""
    return case.with_operation("ReadFile", stateful=False)


@plant(family=FAMILY, expects=("self_contained",), on=ALL, clean=model_case, listed=False)
def python_in_the_graph(case: ModelCase) -> ModelCase:
    """A Python function of the trainer's process is called."""
    return case.with_operation("EagerPyFunc", stateful=True)


@plant(family=FAMILY, expects=("loads_elsewhere",), on=ALL, clean=model_case)
def export_that_loads_here_alone(case: ModelCase) -> ModelCase:
    """A copy of the export lacks what stood beside the original."""
    served = tuple(each for each in case.evidence.replays if not each.name.startswith("serving"))
    problem = "NotFoundError: words.txt; No such file or directory"
    return case.with_evidence(replays=served, regrouped=(), combinations=(), probes=(), unloadable=problem)


@plant(
    family=FAMILY,
    expects=("missing_together",),
    doses=(1.0, 0.3, 0.0),
    headline=0.0,
    unit="of the other pairs, too",
    on=ROWS,
    clean=model_case,
)
def nan_where_two_fields_are_missing(case: ModelCase, dose: float) -> ModelCase:
    """Two optional fields that are missing together give NaN; each alone does not."""
    [given] = case.evidence.combinations
    first = set(given.lacking[0])
    bad = np.array([first <= set(fields) or case.rng.random() < dose for fields in given.lacking])
    scores = np.where(bad[:, None], np.nan, given.scores)
    return case.with_evidence(combinations=(replace(given, scores=scores),))
