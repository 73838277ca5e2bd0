"""The outputs of training and search are read back as typed values, exactly as they were written."""

from __future__ import annotations

import json
from pathlib import Path

from models.search.trial import OBJECTIVE, Trial, TrialOutcome
from models.wide_and_deep import DEFAULTS
from pipeline.artifacts.model_run import TRIALS_FILE, read_built, read_history, read_training, read_trials
from tests.samples.taxi_training import trained


def test_a_training_is_read_as_it_was_written() -> None:
    model_run = str(trained() / "run")
    built, training = read_built(model_run), read_training(model_run)
    assert (built.module, built.label, built.withheld) == (
        "models.wide_and_deep",
        "big_tipper",
        ["payment_type", "tips"],
    )
    assert built.hyperparameters == {"dropout": 0.1}
    assert built.in_effect == {**DEFAULTS, "dropout": 0.1}
    assert training is not None
    assert training.as_json() == json.loads((trained() / "run/training.json").read_text())
    assert training.epochs_run == len(read_history(model_run)["val_loss"]) == 2


def test_trials_are_read_as_the_search_writes_them(tmp_path: Path) -> None:
    good = Trial(1, {"units": 8}, TrialOutcome("completed", {OBJECTIVE: [0.5, 0.4]}, 1.25), chosen=True)
    failed = Trial(2, {"units": 9}, TrialOutcome("failed", reason="ValueError: no"))
    (tmp_path / TRIALS_FILE).write_text(json.dumps([trial.to_json() for trial in (good, failed)]))
    first, second = read_trials(str(tmp_path))
    assert (first.trial, first.score, first.epochs, first.seconds, first.chosen) == (1, 0.4, 2, 1.25, True)
    assert (second.state, second.score, second.reason, second.hyperparameters) == (
        "failed",
        None,
        "ValueError: no",
        {"units": 9},
    )


def test_where_nothing_was_trained_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert (read_history(str(tmp_path)), read_training(str(tmp_path)), read_trials(str(tmp_path))) == ({}, None, ())
