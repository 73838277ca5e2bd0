"""A further workload is four small files: features, model, schema, configuration. Nothing else is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_wine

from core.packages import PACKAGES
from tests.samples.folders import ROOT
from tests.samples.local_runs import Run
from tests.samples.pages import copy_of_repository

pytestmark = pytest.mark.e2e

FEATURES = '''"""Features of the wine workload."""

import tensorflow as tf
import tensorflow_transform as tft

from preprocessing.columns import Tensors, as_numbers


def preprocessing_fn(inputs: Tensors) -> dict[str, tf.Tensor]:
    """Every measurement with mean 0 and variance 1, learnt from train; a missing one becomes the mean."""
    table = tf.stack([as_numbers(inputs[name]) for name in sorted(inputs)], axis=1)
    scaled = tf.clip_by_value(tft.scale_to_z_score(table, elementwise=True), -10.0, 10.0)
    return {"measurements": tf.where(tf.math.is_nan(scaled), tf.zeros_like(scaled), scaled)}
'''
MODEL = '''"""Softmax regression over three growers."""

import keras
import keras_tuner


def build_model(hparams, feature_spec):
    """A compiled model from the measurements to the probability of each grower, [batch, 3]."""
    inputs = {name: keras.Input(spec.shape, dtype=spec.dtype.name, name=name) for name, spec in feature_spec.items()}
    penalty = keras.regularizers.L2(1e-3)
    outputs = keras.layers.Dense(3, activation="softmax", kernel_regularizer=penalty)(inputs["measurements"])
    model = keras.Model(inputs, outputs)
    optimizer = keras.optimizers.Adam(hparams["learning_rate"])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def search_space():
    """Nothing is searched."""
    return keras_tuner.HyperParameters()
'''
CONFIG = """
name: wine
data:
  source: data/wine.csv
  label: grower
  class_names: [first, second, third]
split: {by: row, train: 0.5, eval: 0.2, test: 0.3}
schema_file: schema/wine/schema.pbtxt
preprocessing: {module: preprocessing.wine}
model: {module: models.wine, hyperparameters: {learning_rate: 0.03}}
train: {epochs: 40, batch_size: 16, early_stopping_patience: 5, seed: 3}
evaluator:
  metrics: [accuracy, loss]
  thresholds:
    - {metric: accuracy, at_least: 0.7}
"""
FOUR_FILES = {
    "preprocessing/wine.py": FEATURES,
    "models/wine.py": MODEL,
    "schema/wine/schema.pbtxt": "",
    "configs/wine.yaml": CONFIG,
}


def schema_of(columns: list[str]) -> str:
    """The schema that a person would curate."""
    always = "presence { min_fraction: 1.0 min_count: 1 }"
    features = [f'feature {{ name: "{name}" type: FLOAT {always} float_domain {{ min: 0 }} }}' for name in columns]
    label = (
        f'feature {{ name: "grower" type: INT {always} '
        'not_in_environment: "SERVING" int_domain { min: 0 max: 2 is_categorical: true } }'
    )
    environments = ['default_environment: "TRAINING"', 'default_environment: "SERVING"']
    return "\n".join([*environments, *features, label]) + "\n"


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Run:
    clone = copy_of_repository(tmp_path_factory.mktemp("third") / "sluice")
    table = load_wine(as_frame=True).frame.rename(columns={"target": "grower"})
    table.columns = [name.replace("/", "_") for name in table.columns]
    (clone / "data").mkdir()
    table.astype({name: float for name in table.columns if name != "grower"}).to_csv(
        clone / "data/wine.csv", index=False
    )
    for name, text in FOUR_FILES.items():
        file = clone / name
        assert not file.exists()
        file.parent.mkdir(exist_ok=True)
        file.write_text(text or schema_of([name for name in table.columns if name != "grower"]))
    command = [sys.executable, "runners/local_runner.py", "--workload", "wine"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=clone)
    return Run(done.returncode, done.stdout, done.stderr, clone / "out", "wine")


def test_four_files_are_a_workload(wine: Run) -> None:
    assert wine.exit_code == 0, wine.printed + wine.complaints
    assert len(wine.versions()) == 1
    assert wine.record["metrics"]["overall"]["accuracy"] > 0.85


def test_nothing_else_was_touched(wine: Run) -> None:
    clone = wine.output.parent
    files = {
        path.relative_to(clone).as_posix(): path
        for folder in (*PACKAGES, "schema", "configs")
        for path in (clone / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    changed = {name for name, path in files.items() if not is_same(ROOT / name, path)}
    assert changed == set(FOUR_FILES)


def is_same(original: Path, copy: Path) -> bool:
    return original.exists() and original.read_bytes() == copy.read_bytes()
