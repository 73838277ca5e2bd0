"""Losses and weights for classes of unequal size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import lenet5
from models.building import built_for_training
from models.hardware import Hardware
from models.losses import SparseCategoricalFocalCrossentropy, balanced_class_weights, weighted, with_focal_loss
from models.refusal import CannotTrain
from pipeline.config import TrainConfig

GREY = {"image": tf.io.FixedLenFeature([16, 16, 1], tf.float32)}
PROBABILITIES = np.array([[0.9, 0.05, 0.05], [0.2, 0.5, 0.3]], np.float32)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_focal_loss_is_the_formula(shape: tuple[int, ...]) -> None:
    labels = np.array([0, 2]).reshape(shape)
    p = np.array([0.9, 0.3])
    expected = np.mean(-((1 - p) ** 2) * np.log(p))
    assert float(SparseCategoricalFocalCrossentropy(2.0)(labels, PROBABILITIES)) == pytest.approx(expected, rel=1e-4)
    plain = keras.losses.SparseCategoricalCrossentropy()(labels, PROBABILITIES)
    assert float(SparseCategoricalFocalCrossentropy(0.0)(labels, PROBABILITIES)) == pytest.approx(
        float(plain), rel=1e-4
    )


def test_the_configuration_asks_for_the_focal_form_of_the_models_own_loss() -> None:
    config = {"model": {"module": "models.lenet5"}, "train": TrainConfig(loss="focal", focal_gamma=1.5).model_dump()}
    model = built_for_training(config, {}, GREY, Hardware("test", 2))
    assert isinstance(model.loss, SparseCategoricalFocalCrossentropy)
    assert model.loss.gamma == 1.5
    own = lenet5.build_model({}, GREY).optimizer
    assert (model.optimizer.clipnorm, model.optimizer.weight_decay) == (own.clipnorm, own.weight_decay)
    images = np.random.default_rng(0).random((32, 16, 16, 1), np.float32)
    history = model.fit({"image": images}, np.arange(32) % 4, epochs=2, verbose=0).history
    assert set(history) == {"loss", "accuracy"}


def test_two_classes_have_their_own_focal_form_and_regression_has_none() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", keras.losses.BinaryCrossentropy())
    assert isinstance(with_focal_loss(model, 2.0).loss, keras.losses.BinaryFocalCrossentropy)
    model.compile("adam", keras.losses.MeanSquaredError())
    with pytest.raises(CannotTrain, match="for classifiers"):
        with_focal_loss(model, 2.0)


def test_balanced_classes_weigh_the_same_together() -> None:
    labels = np.repeat([0, 1, 3], [6, 3, 1])[:, None]
    batches = tf.data.Dataset.from_tensor_slices(({}, labels)).batch(4)
    weights = balanced_class_weights(batches)
    assert {each: weights[each] * (labels == each).sum() for each in weights} == pytest.approx(
        {0: 10 / 3, 1: 10 / 3, 3: 10 / 3}
    )
    rows = np.concatenate([weight.numpy() for _, _, weight in weighted(batches, weights)])
    np.testing.assert_allclose(rows, [weights[int(label)] for label in labels[:, 0]], rtol=1e-6)
