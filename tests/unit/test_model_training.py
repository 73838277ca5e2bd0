"""Training and tuning of the wide-and-deep model, on real transformed rows."""

import functools
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from tfx.components.trainer.fn_args_utils import FnArgs

from models.examples import CategoricalFeature, evaluation_batches, training_batches, transformed_feature_spec
from models.training import run_fn
from models.tuning import tuner_fn
from models.wide_and_deep import build_model, search_space
from tests.unit.test_preprocessing import ROOT, prepared, scratch

TRAIN: dict[str, Any] = {"epochs": 2, "max_steps": None, "batch_size": 64, "early_stopping_patience": 3, "seed": 7}
TUNER: dict[str, Any] = {"enabled": True, "algorithm": "random", "max_trials": 2, "epochs": 1}


def arguments(home: Path, train: dict[str, Any] | None = None, tuner: dict[str, Any] | None = None) -> FnArgs:
    """What TFX hands to `run_fn` and `tuner_fn`."""
    examples = prepared().examples
    return FnArgs(
        working_dir=str(home / "work"),
        train_files=[f"{examples}/Split-train/*"],
        eval_files=[f"{examples}/Split-eval/*"],
        transform_graph_path=prepared().graph,
        model_run_dir=str(home / "run"),
        serving_model_dir=str(home / "model"),
        custom_config={
            "model": {"module": "models.wide_and_deep", "hyperparameters": {"dropout": 0.1}},
            "train": {**TRAIN, **(train or {})},
            "tuner": {**TUNER, **(tuner or {})},
            "label": "big_tipper",
            "withheld": ["payment_type", "tips"],
        },
    )


@functools.cache
def trained() -> Path:
    """Trains once for all tests that only look at what comes out."""
    home = scratch()
    run_fn(arguments(home))
    return home


def history(home: Path) -> dict[str, list[float]]:
    curves: dict[str, list[float]] = json.loads((home / "run/history.json").read_text())
    return curves


def saved_weights(home: Path) -> dict[str, np.ndarray]:
    from tensorflow import train

    reader = train.load_checkpoint(str(home / "model/variables/variables"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("_variables")]
    return {name: reader.get_tensor(name) for name in names}


def specs() -> Any:
    return transformed_feature_spec(prepared().transformed, "big_tipper")


def test_training_lowers_the_loss_and_writes_its_curves() -> None:
    curves = history(trained())
    assert set(curves) == {"loss", "auc", "accuracy", "val_loss", "val_auc", "val_accuracy"}
    assert {len(values) for values in curves.values()} == {2}
    assert curves["loss"][-1] < curves["loss"][0]


def test_same_seed_gives_the_same_weights_in_one_process_and_in_another(tmp_path: Path) -> None:
    run_fn(arguments(tmp_path / "again"))
    code = (
        "import sys, pickle; from models.training import run_fn;"
        "from tfx.components.trainer.fn_args_utils import FnArgs;"
        "run_fn(FnArgs(**pickle.load(sys.stdin.buffer)))"
    )
    given = {name: value for name, value in vars(arguments(tmp_path / "elsewhere")).items() if value is not None}
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(given), check=True, cwd=ROOT, capture_output=True)
    weights = saved_weights(trained())
    assert len(weights) > 8
    for run in ("again", "elsewhere"):
        found = saved_weights(tmp_path / run)
        for name, values in weights.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6, err_msg=f"{run} {name}")


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    run_fn(arguments(tmp_path, {"seed": 8}))
    one, other = saved_weights(trained()), saved_weights(tmp_path)
    assert any(one[name].size > 50 and not np.allclose(one[name], other[name]) for name in one)


@pytest.mark.parametrize("steps", [5, 19, 25])
def test_never_takes_more_steps_than_max_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    taken: list[int] = []
    monkeypatch.setattr("models.training.export_model", lambda model, *_: taken.append(int(model.optimizer.iterations)))
    run_fn(arguments(tmp_path, {"epochs": 10, "max_steps": steps, "early_stopping_patience": 0}))
    assert taken == [steps]


def test_early_stopping_ends_training_and_brings_back_the_best_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses: list[float] = []
    batches = evaluation_batches([f"{prepared().examples}/Split-eval/*"], specs(), 4096)
    monkeypatch.setattr(
        "models.training.export_model", lambda model, *_: losses.append(model.evaluate(batches, verbose=0)[0])
    )
    arguments_ = arguments(tmp_path, {"epochs": 40, "early_stopping_patience": 2})
    arguments_.custom_config["model"]["hyperparameters"] = {"learning_rate": 0.02, "hidden_units": [64]}
    run_fn(arguments_)
    curve = history(tmp_path)["val_loss"]
    assert len(curve) < 40
    assert curve.index(min(curve)) == len(curve) - 3
    assert losses[0] == pytest.approx(min(curve), rel=1e-4)


def test_tuned_hyperparameters_replace_the_configured_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[keras.Model] = []
    monkeypatch.setattr("models.training.export_model", lambda model, *_: built.append(model))
    space = keras_tuner.HyperParameters()
    space.Fixed("dropout", 0.4)
    space.Fixed("hidden_units", "16,8")
    given = arguments(tmp_path, {"epochs": 1})
    given.hyperparameters = space.get_config()
    run_fn(given)
    kinds = [layer for layer in built[0].layers if isinstance(layer, keras.layers.Dropout)]
    assert [layer.rate for layer in kinds] == [0.4, 0.4]


def test_refuses_a_hyperparameter_that_the_model_does_not_have() -> None:
    with pytest.raises(ValueError, match=r"no hyperparameter \['learning_rat'\]"):
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


def test_search_finds_hyperparameters_by_their_loss_on_eval(tmp_path: Path) -> None:
    found = tuner_fn(arguments(tmp_path))
    found.tuner.search(**found.fit_kwargs)
    trials = found.tuner.oracle.get_best_trials(2)
    assert set(found.tuner.get_best_hyperparameters()[0].values) == {"learning_rate", "hidden_units", "dropout"}
    assert found.tuner.oracle.objective.name == "val_loss"
    assert trials[0].score < trials[1].score


@pytest.mark.parametrize(("algorithm", "kind"), [("bayesian", "BayesianOptimization"), ("grid", "GridSearch")])
def test_search_follows_the_configured_algorithm(tmp_path: Path, algorithm: str, kind: str) -> None:
    tuner = tuner_fn(arguments(tmp_path, tuner={"algorithm": algorithm, "max_trials": 4})).tuner
    assert type(tuner).__name__ == kind
    assert tuner.oracle.max_trials == 4
