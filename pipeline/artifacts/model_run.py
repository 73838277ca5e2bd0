"""The outputs of Trainer and Tuner in `model_run` and `tuner_results`, typed, which models/export and search write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from core.hyperparameters import Hyperparameters
from models.export.model_run import BUILT_FILE, HISTORY_FILE, TRAINING_FILE, Built, History, TrainingRecord
from pipeline.artifacts.text_files import optional_text, read_text

TRIALS_FILE = "trials.json"


@dataclass(frozen=True)
class TrialRecord:
    """One set of hyperparameters that the Tuner tried: a row of `trials.json`."""

    trial: int
    hyperparameters: Hyperparameters
    score: float | None  # the lowest loss on eval; None when it failed
    state: Literal["completed", "stopped", "failed"]
    epochs: int
    seconds: float
    chosen: bool
    reason: str  # why it was stopped or failed


def read_built(model_run: str) -> Built:
    """How the model was built, for the ModelGate and the registry."""
    return Built.loads(read_text(model_run, BUILT_FILE))


def read_history(model_run: str) -> History:
    """The figures of every epoch; empty without a history."""
    history: History = json.loads(optional_text(model_run, HISTORY_FILE) or "{}")
    return history


def read_training(model_run: str) -> TrainingRecord | None:
    """The time of the training and the load of the machine; None without a record."""
    text = optional_text(model_run, TRAINING_FILE)
    return TrainingRecord.loads(text) if text else None


def read_trials(tuner_results: str) -> tuple[TrialRecord, ...]:
    """Every trial of the search, in the order in which they were proposed."""
    return tuple(TrialRecord(**row) for row in json.loads(optional_text(tuner_results, TRIALS_FILE) or "[]"))
