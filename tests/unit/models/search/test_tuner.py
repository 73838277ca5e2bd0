"""The Tuner on real rows and in real processes: trials, errors, kills and outputs."""

import contextlib
import functools
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import plugin_data_pb2
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from core.errors import SluiceError
from models.search.fitting import Workshop
from models.search.pool import Ended, Pool
from models.search.trial import Task
from models.search.tuner import Tuner, tuner_fn
from models.training.build import built_for_training
from models.training.callbacks import steps_taken
from models.training.config import LearningSettings
from models.training.run import tuned_hyperparameters
from pipeline.components.tuner import Executor
from tests.samples import tuning_garbled_worker
from tests.samples.folders import ROOT, scratch
from tests.samples.tuning import arguments, rows
from tests.samples.tuning_model import LOG
from tests.samples.tuning_pool import PretendPool

POINTS = 6


@contextlib.contextmanager
def noting_fits(home: Path) -> Iterator[None]:
    """`fits` in `home` gets a line for each training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LOG, str(home / "fits"))
        yield


def search(home: Path, **settings: Any) -> Tuner:
    """Runs a search to its end."""
    with noting_fits(home):
        found = tuner_fn(arguments(home, **settings))
        found.tuner.search(**found.fit_kwargs)
    tuner: Tuner = found.tuner
    return tuner


def fits(home: Path) -> list[str]:
    return (home / "fits").read_text().splitlines() if (home / "fits").exists() else []


@dataclass(frozen=True)
class Left:
    """What a search that was run as the component left behind."""

    home: Path
    trials: list[dict[str, Any]]
    best: dict[str, Any]


@functools.cache
def two_at_a_time() -> Left:
    """TFX's Tuner with our executor over the whole space."""
    home = scratch()
    examples, graph = standard_artifacts.Examples(), standard_artifacts.TransformGraph()
    examples.uri, examples.split_names, graph.uri = str(home / "examples"), '["train", "eval"]', str(rows() / "graph")
    for split in ("train", "eval"):
        (home / f"examples/Split-{split}").mkdir(parents=True)
        (home / f"examples/Split-{split}/rows").symlink_to(rows() / f"{split}.tfrecord")
    best, results = standard_artifacts.HyperParameters(), standard_artifacts.TunerResults()
    best.uri, results.uri = str(home / "best"), str(home / "results")
    for artifact in (best, results):
        Path(artifact.uri).mkdir()
    properties = {
        "tuner_fn": "models.search.tuner.tuner_fn",
        "train_args": json_format.MessageToJson(trainer_pb2.TrainArgs(splits=["train"])),
        "eval_args": json_format.MessageToJson(trainer_pb2.EvalArgs(splits=["eval"])),
        "custom_config": json_utils.dumps(arguments(home, parallel_trials=2).custom_config),
    }
    inputs = {"examples": [examples], "transform_graph": [graph]}
    outputs = {"best_hyperparameters": [best], "tuner_results": [results]}
    with noting_fits(home):
        Executor(Executor.Context(tmp_dir=str(home / "tmp"), unique_id="1")).Do(inputs, outputs, properties)
    trials = json.loads((home / "results/trials.json").read_text())
    return Left(home, trials, json.loads((home / "best/best_hyperparameters.txt").read_text()))


def test_every_point_is_trained_once_in_batches_of_its_own_size() -> None:
    lines = fits(two_at_a_time().home)
    assert len(set(lines)) == len(lines) == POINTS
    assert sum("in batches of 32" in line for line in lines) == sum("in batches of 64" in line for line in lines) == 3


def test_what_is_best_on_eval_reaches_the_trainer() -> None:
    trials, best = two_at_a_time().trials, two_at_a_time().best
    [chosen] = [trial for trial in trials if trial["chosen"]]
    assert chosen["score"] == min(trial["score"] for trial in trials)
    assert tuned_hyperparameters(best) == chosen["hyperparameters"]


def test_every_trial_is_recorded_in_full() -> None:
    trials = two_at_a_time().trials
    assert [trial["trial"] for trial in trials] == list(range(1, POINTS + 1))
    assert {(trial["state"], trial["epochs"]) for trial in trials} == {("completed", 2)}
    assert all(trial["seconds"] > 0 for trial in trials)


def test_tensorboard_shows_hyperparameters_and_curves_of_every_trial() -> None:
    folders = sorted((two_at_a_time().home / "results/tensorboard").glob("trial-*"))
    assert len(folders) == POINTS
    events = EventAccumulator(str(folders[0])).Reload()
    assert len(events.Tensors("val_loss")) == 2 and events.Tensors("score")
    held = events.SummaryMetadata(hparams_metadata.SESSION_START_INFO_TAG).plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(held).session_start_info
    assert set(start.hparams) == {"learning_rate", "batch_size"}


def test_one_failed_trial_takes_no_other_along_and_a_killed_one_is_tried_again(tmp_path: Path) -> None:
    trials = search(tmp_path, module="tests.samples.tuning_failing_model").trials
    how = {trial.hyperparameters["trouble"]: trial.outcome for trial in trials}
    assert [outcome.state for outcome in how.values()] == ["completed", "failed", "failed", "failed"]
    assert how["cannot be built"].reason == "ValueError: there is no such layer"
    assert "not a finite number after epoch 1" in how["not a number"].reason
    assert "killed by signal 9" in how["killed"].reason
    assert [trial.hyperparameters["trouble"] for trial in trials if trial.chosen] == ["none"]

    before = fits(tmp_path)
    again = search(tmp_path, module="tests.samples.tuning_failing_model").trials
    [resumed] = fits(tmp_path)[len(before) :]
    assert "killed" in resumed
    assert [trial.outcome.state for trial in again] == [trial.outcome.state for trial in trials]


def test_a_trial_takes_no_more_steps_than_the_training_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, models = arguments(tmp_path, train={"max_steps": 7}), []

    def built(*given: Any) -> Any:
        models.append(built_for_training(*given))
        return models[-1]

    monkeypatch.setattr("models.search.fitting.built_for_training", built)
    config = LearningSettings.from_custom_config(given.custom_config)
    shop = Workshop(config, given.transform_graph_path, given.train_files, given.eval_files)
    curves = shop.train(Task(1, {}, epochs=3), None, None, lambda _: True)
    assert [steps_taken(model) for model in models] == [7]
    assert len(curves["val_loss"]) == 1


def test_a_trial_that_goes_on_in_a_later_round_is_the_trial_that_was_not_interrupted(tmp_path: Path) -> None:
    given, weights = arguments(tmp_path, train={"max_steps": 15}), str(tmp_path / "weights.h5")
    config = LearningSettings.from_custom_config(given.custom_config)
    shop = Workshop(config, given.transform_graph_path, given.train_files, given.eval_files)
    whole = shop.train(Task(1, {}, epochs=3), None, None, lambda _: True)
    first = shop.train(Task(1, {}, epochs=1), None, weights, lambda _: True)
    second = shop.train(Task(2, {}, epochs=3, learnt=1), weights, None, lambda _: True)
    assert len(whole["val_loss"]) == 2  # of 10 steps each, of which 15 may be taken
    assert [*first["val_loss"], *second["val_loss"]] == pytest.approx(whole["val_loss"], rel=1e-5)


def test_a_worker_that_cannot_be_understood_fails_its_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.search.pool.worker", tuning_garbled_worker)
    with Pool({}, size=1) as pool:
        pool.begin(Task(1, {}, epochs=1), None, None)
        event = pool.next_event(timeout=60)
    assert isinstance(event, Ended)
    assert (event.outcome.state, event.outcome.killed) == ("failed", False)
    assert "bababa" in event.outcome.reason


def test_says_in_one_sentence_that_every_trial_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.search.tuner.Pool", lambda *_: PretendPool(1, lose=lambda _task, _epoch: -1.0))
    with pytest.raises(SluiceError) as refusal:
        search(tmp_path)
    assert refusal.value.headline == (
        "none of the 6 trials of the search came to a score; trial 1 failed: a loss below zero"
    )
    assert "--set" in refusal.value.next_command
    # Once the cause has been mended they are tried again, and not remembered as failed.
    assert not list(tmp_path.glob("durable/*/trial-*.json"))


IN_ANOTHER_PROCESS = """
import pickle, sys
from tfx.components.trainer.fn_args_utils import FnArgs
from models.search.tuner import tuner_fn
tuner_fn(FnArgs(**pickle.load(sys.stdin.buffer))).tuner.search()
"""


def test_after_kill_9_no_trial_is_trained_twice_and_the_result_is_that_of_two_at_a_time(tmp_path: Path) -> None:
    given = {name: value for name, value in vars(arguments(tmp_path)).items() if value is not None}
    environment = {**os.environ, LOG: str(tmp_path / "fits")}
    process = subprocess.Popen(
        [sys.executable, "-c", IN_ANOTHER_PROCESS], stdin=subprocess.PIPE, cwd=ROOT, env=environment
    )
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(given))
    process.stdin.close()
    deadline = time.monotonic() + 600
    while len(list(tmp_path.glob("durable/*/trial-*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    ended = len(list(tmp_path.glob("durable/*/trial-*.json")))
    assert 2 <= ended < POINTS
    begun = fits(tmp_path)
    trials, others = [trial.to_json() for trial in search(tmp_path).trials], two_at_a_time().trials
    for name in ("trial", "hyperparameters", "state", "epochs", "chosen"):
        assert [trial[name] for trial in trials] == [trial[name] for trial in others]
    assert [trial["score"] for trial in trials] == pytest.approx([trial["score"] for trial in others], rel=1e-4)
    resumed = fits(tmp_path)[len(begun) :]
    # The one that the kill interrupted had not ended, and is the only one that may begin again.
    assert len(resumed) == POINTS - ended
    assert set(resumed) & set(begun) <= set(begun[ended:])

    before = fits(tmp_path)
    assert [trial.to_json() for trial in search(tmp_path, parallel_trials=2).trials] == trials
    assert fits(tmp_path) == before
