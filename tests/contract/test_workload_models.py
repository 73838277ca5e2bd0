"""The contract of every model module of a workload; a new one inherits these tests by naming its module."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import SluiceError
from models.features import CategoricalFeature, FeatureSpec
from pipeline.config.hyperparameters import check_hyperparameters
from tests.samples.image_training import drawn

Rows = tuple[dict[str, Any], Any]  # features by name, and labels of shape [rows, 1]


class ModelContract(ABC):
    """Subclasses name a module and give features and rows that it can learn; they inherit each test."""

    module: ClassVar[str]  # its dotted path, as `model.module` names it
    classes: ClassVar[int] = 2

    @abstractmethod
    def features(self) -> FeatureSpec:
        """What the model is given, as Transform would say it."""

    @abstractmethod
    def rows(self, count: int, seed: int) -> Rows:
        """Rows of these features whose label follows from them."""

    def built(self, **hyperparameters: Any) -> keras.Model:
        keras.utils.set_random_seed(7)
        return importlib.import_module(self.module).build_model(hyperparameters, self.features())

    def source(self) -> bytes:
        return Path(str(importlib.import_module(self.module).__file__)).read_bytes()

    def test_answers_with_probabilities(self) -> None:
        columns, _ = self.rows(20, seed=1)
        answers = self.built()(columns, training=False).numpy()
        assert answers.dtype == np.float32
        if self.classes == 2:
            assert answers.shape == (20, 1)
            assert np.all((answers >= 0) & (answers <= 1))
        else:
            assert answers.shape == (20, self.classes)
            assert answers.sum(axis=1) == pytest.approx(1.0, abs=1e-5)

    def test_a_row_is_answered_alike_whatever_rows_stand_beside_it(self) -> None:
        columns, _ = self.rows(8, seed=2)
        model = self.built()
        together = model(columns, training=False).numpy()
        alone = [model({name: each[i : i + 1] for name, each in columns.items()}, training=False) for i in range(8)]
        np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-5)

    def test_its_inputs_are_the_features_by_name(self) -> None:
        model = self.built()
        read = list(model.input) if isinstance(model.input, dict) else [tensor.name for tensor in model.inputs]
        assert read
        assert set(read) <= set(self.features())

    def test_its_loss_falls_while_it_learns(self) -> None:
        columns, labels = self.rows(640, seed=3)
        losses = self.built().fit(columns, labels, batch_size=32, epochs=4, verbose=0).history["loss"]
        assert np.all(np.isfinite(losses))
        assert losses[-1] < 0.9 * losses[0]

    def test_every_end_of_the_search_space_builds(self) -> None:
        space = importlib.import_module(self.module).search_space().space
        for each in space:
            for value in getattr(each, "values", None) or (each.min_value, each.max_value):
                assert self.built(**{each.name: value}).optimizer is not None

    def test_the_search_starts_from_the_defaults(self) -> None:
        module = importlib.import_module(self.module)
        for each in module.search_space().space:
            if each.name in module.DEFAULTS:
                default = module.DEFAULTS[each.name]
                text = ",".join(map(str, default)) if isinstance(default, list) else default
                assert each.default == text

    def test_a_misspelt_hyperparameter_is_refused_before_anything_runs_and_when_built(self) -> None:
        known = sorted(importlib.import_module(self.module).DEFAULTS)[0]
        wrong = {f"{known}x": 1}
        with pytest.raises(SluiceError, match=f"did you mean `{known}`"):
            check_hyperparameters(self.module, self.source(), wrong)
        with pytest.raises(SluiceError, match=f"did you mean `{known}`"):
            self.built(**wrong)


class TableModelContract(ModelContract):
    """For a model of tables with two classes: a number, a category and an embedding-sized vector as features."""

    def features(self) -> FeatureSpec:
        return {
            "fare_scaled": tf.io.FixedLenFeature([], tf.float32),
            "hour_id": CategoricalFeature.of_size(24),
            "places": tf.io.FixedLenFeature([3], tf.float32),
        }

    def rows(self, count: int, seed: int) -> Rows:
        rng = np.random.default_rng(seed)
        columns = {
            "fare_scaled": rng.normal(size=count).astype(np.float32),
            "hour_id": rng.integers(0, 24, count),
            "places": rng.normal(size=(count, 3)).astype(np.float32),
        }
        score = 2 * columns["fare_scaled"] + np.where(columns["hour_id"] < 12, 2.0, -2.0)
        return columns, (score > 0).astype(np.int64)[:, None]


class ImageModelContract(ModelContract):
    """For a model of images with ten classes."""

    classes = 10

    def features(self) -> FeatureSpec:
        return {"image": tf.io.FixedLenFeature([28, 28, 1], tf.float32)}

    def rows(self, count: int, seed: int) -> Rows:
        images, labels = drawn(count, seed)
        return {"image": images.reshape(-1, 28, 28, 1).astype(np.float32) / 255}, labels[:, None]


class TestWideAndDeep(TableModelContract):
    module = "models.wide_and_deep"


class TestWideAndDeepOfThreeClasses(TableModelContract):
    module = "models.wide_and_deep"
    classes = 3

    def built(self, **hyperparameters: Any) -> keras.Model:
        return super().built(**{"classes": 3, **hyperparameters})

    def rows(self, count: int, seed: int) -> Rows:
        columns, _ = super().rows(count, seed)
        return columns, np.digitize(columns["fare_scaled"], [-0.5, 0.5]).astype(np.int64)[:, None]


class TestCnn(ImageModelContract):
    module = "models.cnn"


class TestLeNet5(ImageModelContract):
    module = "models.lenet5"
