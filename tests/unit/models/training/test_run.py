"""Training and tuning of the wide-and-deep model, on real transformed rows."""

import contextlib
import functools
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

from core.errors import SluiceError
from models.features import CategoricalFeature, transformed_feature_spec
from models.training.batches import up_to
from models.training.build import STEPS_PER_EXECUTION
from models.training.callbacks import callbacks
from models.training.examples import evaluation_batches, training_batches
from models.training.run import run_fn
from models.wide_and_deep import build_model, search_space
from tests.samples.folders import ROOT, scratch
from tests.samples.taxi_training import arguments, trained
from tests.samples.taxi_transformed import prepared
from tests.samples.training_settings import train_settings


def history(home: Path) -> dict[str, list[float]]:
    curves: dict[str, list[float]] = json.loads((home / "run/history.json").read_text())
    return curves


@contextlib.contextmanager
def without_export() -> Iterator[list[keras.Model]]:
    """The export costs as much as the training; here only the trained models count."""
    models: list[keras.Model] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.training.run.export_model", lambda model, *_: models.append(model))
        yield models


def weights_of(model: keras.Model) -> list[np.ndarray]:
    return [np.array(variable) for variable in model.variables]


@functools.cache
def trained_for_25_steps_with_another_seed() -> keras.Model:
    with without_export() as models:
        run_fn(arguments(scratch(), {"seed": 8, "epochs": 10, "max_steps": 25, "early_stopping_patience": 0}))
    return models[0]


@functools.cache
def tuned_and_stopped_early() -> tuple[keras.Model, Path]:
    home = scratch()
    given = arguments(home, {"epochs": 40, "early_stopping_patience": 2})
    space = keras_tuner.HyperParameters()
    for name, value in {"learning_rate": 0.02, "hidden_units": "64,8", "dropout": 0.4}.items():
        space.Fixed(name, value)
    given.hyperparameters = space.get_config()
    with without_export() as models:
        run_fn(given)
    return models[0], home


def exported_weights() -> list[np.ndarray]:
    """Those of `trained`, in the order of the model's variables."""
    reader = tf.train.load_checkpoint(str(trained() / "model/variables/variables"))
    count = sum(name.startswith("_variables/") for name in reader.get_variable_to_shape_map())
    return [reader.get_tensor(f"_variables/{i}/.ATTRIBUTES/VARIABLE_VALUE") for i in range(count)]


def specs() -> Any:
    return transformed_feature_spec(prepared().transformed, "big_tipper")


def test_training_lowers_the_loss_and_writes_its_curves() -> None:
    curves = history(trained())
    assert set(curves) == {"loss", "auc", "accuracy", "val_loss", "val_auc", "val_accuracy", "learning_rate"}
    assert {len(values) for values in curves.values()} == {2}
    assert curves["loss"][-1] < curves["loss"][0]


IN_ANOTHER_PROCESS = """
import pickle, sys
import models.training.run
from tfx.components.trainer.fn_args_utils import FnArgs
weights = []
models.training.run.export_model = lambda model, *_: weights.extend(variable.numpy() for variable in model.variables)
models.training.run.run_fn(FnArgs(**pickle.load(sys.stdin.buffer)))
sys.stdout.buffer.write(pickle.dumps(weights))
"""


def test_same_seed_gives_the_same_weights_in_one_process_and_in_another(tmp_path: Path) -> None:
    with without_export() as models:
        run_fn(arguments(tmp_path))
    given = pickle.dumps({name: value for name, value in vars(arguments(tmp_path)).items() if value is not None})
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS]
    elsewhere = pickle.loads(subprocess.run(command, input=given, check=True, cwd=ROOT, capture_output=True).stdout)
    weights = exported_weights()
    assert len(weights) > 8
    for found in (weights_of(models[0]), elsewhere):
        for one, other in zip(weights, found, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)


def test_another_seed_gives_other_weights() -> None:
    pairs = list(zip(exported_weights(), weights_of(trained_for_25_steps_with_another_seed()), strict=True))
    assert any(one.size > 50 and not np.allclose(one, other) for one, other in pairs)


def test_training_never_takes_more_steps_than_max_steps() -> None:
    assert int(trained_for_25_steps_with_another_seed().optimizer.iterations) == 25


@pytest.mark.parametrize("steps", [1, 5, 19, 20, 38, 50])
def test_steps_end_within_an_epoch_and_at_its_end(steps: int) -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    model.steps_per_execution = STEPS_PER_EXECUTION
    batches = tf.data.Dataset.from_tensors((tf.ones((4, 1)), tf.ones((4, 1)))).repeat(19)
    train = train_settings(max_steps=steps, early_stopping_patience=0)
    curves = model.fit(up_to(steps, batches, model), epochs=10, callbacks=callbacks(train, model), verbose=0).history
    assert int(model.optimizer.iterations) == steps
    assert len(curves["loss"]) == -(-steps // 19)


@pytest.mark.parametrize("first", [0, 3])
def test_where_augmentation_ends_the_learning_rate_begins_again_also_after_a_kill(first: int) -> None:
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    nothing_to_learn = tf.data.Dataset.from_tensors((tf.zeros((4, 1)), tf.ones((4, 1))))
    plateau = {"factor": 0.1, "patience": 1, "floor": 1e-6}
    train = train_settings(early_stopping_patience=0, plateau=plateau, augmentation={"for_epochs": 3})
    watching = callbacks(train, model)
    model.optimizer.learning_rate = 0.1 if first == 0 else 0.001
    curves = model.fit(
        nothing_to_learn, validation_data=nothing_to_learn, initial_epoch=first, epochs=6, callbacks=watching, verbose=0
    ).history
    assert curves["learning_rate"] == pytest.approx([0.1, 0.1, 0.01, 0.1, 0.1, 0.01][first:])


def test_a_schedule_of_the_optimizers_own_and_a_plateau_exclude_each_other() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)), "mse")
    callbacks(train_settings(early_stopping_patience=0), model)
    with pytest.raises(SluiceError, match="a schedule of its own"):
        plateau = {"factor": 0.1, "patience": 1, "floor": 0.0}
        callbacks(train_settings(early_stopping_patience=0, plateau=plateau), model)


def test_early_stopping_ends_training_and_brings_back_the_best_weights() -> None:
    model, home = tuned_and_stopped_early()
    curve = history(home)["val_loss"]
    assert len(curve) < 40
    assert curve.index(min(curve)) < len(curve) - 2
    batches = evaluation_batches([f"{prepared().examples}/Split-eval/*"], specs(), 4096)
    assert model.evaluate(batches, verbose=0)[0] == pytest.approx(min(curve), rel=1e-4)


def test_tuned_hyperparameters_replace_the_configured_ones() -> None:
    model, _ = tuned_and_stopped_early()
    kinds = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert [layer.rate for layer in kinds] == [0.4, 0.4]


def test_refuses_a_hyperparameter_that_the_model_does_not_have() -> None:
    with pytest.raises(SluiceError, match=r"no hyperparameter \['learning_rat'\]"):
        build_model({"learning_rat": 0.1}, specs()[0])


def test_every_point_of_the_search_space_builds_a_model() -> None:
    space = search_space()
    assert set(space.values) == {"learning_rate", "hidden_units", "dropout"}
    for units in ("32", "128", "128,64"):
        assert build_model({**space.values, "hidden_units": units}, specs()[0]).output_shape == (None, 1)


def test_builds_from_numbers_alone_and_from_categories_alone() -> None:
    features = specs()[0]
    categories = {name: spec for name, spec in features.items() if isinstance(spec, CategoricalFeature)}
    numbers = {name: spec for name, spec in features.items() if name not in categories}
    for part in (numbers, categories, dict([next(iter(numbers.items()))])):
        assert {tensor.name for tensor in build_model({}, part).inputs} == set(part)


def test_shuffles_the_same_way_each_time_and_another_way_each_epoch() -> None:
    def order(batches: Any) -> list[float]:
        return [float(v) for features, _ in batches for v in features["trip_start_timestamp_scaled"].numpy()]

    files = [f"{prepared().examples}/Split-train/*"]
    one, other = (training_batches(files, specs(), 128, seed=3) for _ in range(2))
    first, second = order(one), order(one)
    assert first == order(other)
    assert first != second
    assert sorted(first) == sorted(second)


def test_says_so_when_there_are_no_examples(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no transformed examples"):
        training_batches([f"{tmp_path}/*"], specs(), 128, seed=0)
