"""Trainings that are killed in the middle of an epoch and go on; checkpoints that are cut short."""

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tfx.components.trainer.fn_args_utils import FnArgs

from models.training.checkpoints import (
    ABANDONED_DAYS,
    Checkpoint,
    EpochCheckpoint,
    checkpoint_folder,
    files_as_they_are,
    newest_checkpoint,
    remove_checkpoints,
    write_checkpoint,
)
from models.training.run import run_fn
from tests.samples.folders import ROOT
from tests.samples.image_training import arguments, written

EPOCHS, KILLED_IN = 4, 3
# Augmentation, dropout, a falling learning rate and best weights: all that could come out differently after a kill.
TRAIN: dict[str, Any] = {
    "epochs": EPOCHS,
    "batch_size": 8,  # 40 steps an epoch, so that one execution of 32 steps ends in its middle
    "plateau": {"patience": 1},
    "early_stopping_patience": 3,
    "augmentation": {"rotation": 10.0, "shift": 0.1, "for_epochs": 3},
}
CNN: dict[str, Any] = {"filters": [4, 4], "units": 8, "learning_rate": 0.02}
DIES_IN_THE_MIDDLE = f"""
import os, pickle, signal, sys
import keras, models.training.run
from tfx.components.trainer.fn_args_utils import FnArgs

class Dies(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == {KILLED_IN - 1}:
            os.kill(os.getpid(), signal.SIGKILL)

others = models.training.run.callbacks
models.training.run.callbacks = lambda *given: [*others(*given), Dies()]
models.training.run.run_fn(FnArgs(**pickle.load(sys.stdin.buffer)))
"""


def weights_after(home: Path, given: FnArgs) -> list[np.ndarray]:
    models: list[keras.Model] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.training.run.export_model", lambda model, *_: models.append(model))
        run_fn(given)
    return [np.array(variable) for variable in models[0].weights]


def small_cnn(home: Path) -> FnArgs:
    return arguments(home, train=TRAIN, module="models.cnn", hyperparameters=CNN)


def checkpoint_files(home: Path) -> list[str]:
    return sorted(file.name for file in (home / "durable").rglob("*") if file.is_file())


def test_a_training_killed_in_the_middle_of_an_epoch_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    undisturbed = weights_after(tmp_path / "whole", small_cnn(tmp_path / "whole"))
    given = small_cnn(tmp_path / "killed")
    sent = pickle.dumps({name: value for name, value in vars(given).items() if value is not None})
    killed = subprocess.run([sys.executable, "-c", DIES_IN_THE_MIDDLE], input=sent, cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    assert checkpoint_files(tmp_path / "killed") == ["epoch-000001.npz", "epoch-000002.npz"]

    given.model_run_dir = str(tmp_path / "killed/run")
    given.serving_model_dir = str(tmp_path / "killed/another attempt")
    resumed = weights_after(tmp_path / "killed", given)

    record = written(tmp_path / "killed", "training.json")
    assert record["resumed_from_epoch"] == KILLED_IN - 1
    assert record["epochs_run"] == EPOCHS
    assert record["steps"] == EPOCHS * 40
    curves, undisturbed_curves = (written(tmp_path / home, "history.json") for home in ("killed", "whole"))
    assert curves.keys() == undisturbed_curves.keys()
    for name, values in undisturbed_curves.items():
        assert curves[name] == pytest.approx(values, rel=1e-3), name
    for one, other in zip(undisturbed, resumed, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)
    assert checkpoint_files(tmp_path / "killed") == []


def test_a_training_that_had_ended_early_is_not_trained_further(tmp_path: Path) -> None:
    given = arguments(tmp_path, train={"epochs": 30, "early_stopping_patience": 1, "max_steps": 25})

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("models.training.run.export_model", dies)
        run_fn(given)
    before = written(tmp_path, "history.json")
    weights_after(tmp_path, given)
    assert written(tmp_path, "history.json") == before
    assert written(tmp_path, "training.json")["steps"] == 25


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def sample(epochs: int) -> Checkpoint:
    variables = [np.arange(6, dtype=np.float32).reshape(2, 3) + epochs, np.array(epochs, np.int64)]
    remembered = [{"wait": 1, "best": 0.5}]
    return Checkpoint(epochs, False, {"loss": [0.5] * epochs}, remembered, variables, [np.ones(2, np.float32)])


def test_a_checkpoint_comes_back_as_it_was_and_only_two_are_kept(tmp_path: Path) -> None:
    for epochs in (1, 2, 3):
        write_checkpoint(sample(epochs), str(tmp_path))
    found = newest_checkpoint(str(tmp_path))
    assert found is not None
    assert (found.epochs, found.history, found.callbacks) == (3, {"loss": [0.5] * 3}, [{"wait": 1, "best": 0.5}])
    for given, back in zip(sample(3).variables, found.variables, strict=True):
        assert back.dtype == given.dtype
        np.testing.assert_array_equal(back, given)
    assert names_in(tmp_path) == ["epoch-000002.npz", "epoch-000003.npz"]


@pytest.mark.parametrize("kept", [0, 10, 200, -1])
def test_a_checkpoint_that_was_cut_short_leaves_the_one_before_usable(tmp_path: Path, kept: int) -> None:
    for epochs in (1, 2):
        write_checkpoint(sample(epochs), str(tmp_path))
    newest = tmp_path / "epoch-000002.npz"
    newest.write_bytes(newest.read_bytes()[:kept])
    found = newest_checkpoint(str(tmp_path))
    assert found is not None
    assert found.epochs == 1


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before_usable(tmp_path: Path) -> None:
    write_checkpoint(sample(1), str(tmp_path))

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tensorflow.io.gfile.rename", dies)
        write_checkpoint(sample(2), str(tmp_path))
    assert newest_checkpoint(str(tmp_path)).epochs == 1  # type: ignore[union-attr]
    write_checkpoint(sample(2), str(tmp_path))
    assert names_in(tmp_path) == ["epoch-000001.npz", "epoch-000002.npz"]


def test_what_nobody_came_back_for_is_removed_with_the_next_training_that_ends(tmp_path: Path) -> None:
    for name in ("ended", "abandoned", "killed today"):
        write_checkpoint(sample(1), f"{tmp_path}/{name}")
    long_ago = time.time() - (ABANDONED_DAYS + 1) * 86_400
    os.utime(tmp_path / "abandoned/epoch-000001.npz", (long_ago, long_ago))
    remove_checkpoints(f"{tmp_path}/ended")
    assert names_in(tmp_path) == ["killed today"]


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    assert newest_checkpoint(str(tmp_path / "nowhere")) is None


def test_another_configuration_finds_another_folder() -> None:
    one, same, other = (checkpoint_folder("root", {"epochs": epochs, "at": "x"}) for epochs in (1, 1, 2))
    assert one == same
    assert one != other
    assert one.startswith("root/")


def test_a_file_that_was_written_anew_in_its_place_is_another_one(tmp_path: Path) -> None:
    rows = tmp_path / "rows-0"
    rows.write_text("some")
    before = files_as_they_are([str(tmp_path / "rows-*")])
    assert before == files_as_they_are([str(rows)])
    rows.unlink()
    rows.write_text("same")
    os.utime(rows, ns=(1, 1))
    assert before != files_as_they_are([str(rows)])


def test_what_callbacks_remember_survives(tmp_path: Path) -> None:
    def prepared(start: Checkpoint | None) -> tuple[keras.Model, list[Any], EpochCheckpoint]:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.1), "mse", jit_compile=False)
        others = [keras.callbacks.ReduceLROnPlateau(patience=2), keras.callbacks.EarlyStopping(patience=5)]
        keeping = EpochCheckpoint(model, str(tmp_path), others, start)
        for each in (*others, keeping):
            each.set_model(model)
            each.on_train_begin()
        return model, others, keeping

    model, others, keeping = prepared(None)
    model.optimizer.build(model.trainable_variables)
    for epoch, loss in enumerate([1.0, 2.0, 3.0, 4.0]):
        for each in (*others, keeping):
            each.on_epoch_end(epoch, {"val_loss": loss})
    again, remembering, _ = prepared(newest_checkpoint(str(tmp_path)))
    assert float(again.optimizer.learning_rate) == pytest.approx(0.01)
    assert (remembering[0].wait, remembering[0].best) == (others[0].wait, 1.0)
    assert (remembering[1].wait, remembering[1].best, remembering[1].best_epoch) == (3, 1.0, 0)
