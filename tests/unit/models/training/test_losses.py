"""Losses and weights for classes of unequal size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import SluiceError
from models import lenet5
from models.training.build import built_for_training
from models.training.hardware import Hardware
from models.training.losses import SparseCategoricalFocalCrossentropy, balanced_class_weights, weighted, with_focal_loss
from tests.samples.training_settings import train_settings

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
    train = train_settings(loss="focal", focal_gamma=1.5)
    model = built_for_training("models.lenet5", train, {}, GREY, Hardware("test", 2))
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
    with pytest.raises(SluiceError, match="for classifiers"):
        with_focal_loss(model, 2.0)


def _compiled(loss: object, units: int = 1) -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
    model.compile("adam", loss)
    return model


def test_the_focal_form_reads_logits_and_smooths_labels_as_the_models_own_loss_does() -> None:
    logits, labels = np.array([[-3.0], [0.5], [2.0]], np.float32), np.array([[0.0], [0.0], [1.0]], np.float32)
    own = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1, reduction="sum")
    focal = with_focal_loss(_compiled(own), 2.0).loss
    p, smooth = 1 / (1 + np.exp(-logits)), labels * 0.9 + 0.05
    known = smooth * p + (1 - smooth) * (1 - p)
    expected = np.sum((1 - known) ** 2 * -(smooth * np.log(p) + (1 - smooth) * np.log(1 - p)))
    assert float(focal(labels, logits)) == pytest.approx(float(expected), rel=1e-4)


def test_the_focal_form_of_several_classes_reads_logits_and_survives_being_stored() -> None:
    labels, logits = np.array([0, 2]), np.log(PROBABILITIES) + 3
    focal = with_focal_loss(_compiled(keras.losses.SparseCategoricalCrossentropy(from_logits=True), 3), 2.0).loss
    expected = float(SparseCategoricalFocalCrossentropy(2.0)(labels, PROBABILITIES))
    assert float(focal(labels, logits)) == pytest.approx(expected, rel=1e-4)
    stored = keras.losses.deserialize(keras.losses.serialize(focal))
    assert float(stored(labels, logits)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("text", ["binary_crossentropy", "BinaryCrossentropy", keras.losses.binary_crossentropy])
def test_a_binary_loss_by_its_name_has_its_focal_form(text: object) -> None:
    assert isinstance(with_focal_loss(_compiled(text), 2.0).loss, keras.losses.BinaryFocalCrossentropy)


def test_a_loss_of_several_classes_by_its_name_has_its_focal_form() -> None:
    model = with_focal_loss(_compiled("sparse_categorical_crossentropy", 3), 2.0)
    assert isinstance(model.loss, SparseCategoricalFocalCrossentropy)


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (keras.losses.SparseCategoricalCrossentropy(ignore_class=0), "cannot leave a class out.* ignore_class 0"),
        ("mse", "binary or sparse categorical cross-entropy, and the model's loss is mean_squared_error"),
        (keras.losses.CategoricalCrossentropy(), "the model's loss is categorical_crossentropy"),
        ("entropy_of_mine", "the loss 'entropy_of_mine', which Keras does not know"),
    ],
)
def test_what_has_no_focal_form_is_refused_with_what_it_is(loss: object, sentence: str) -> None:
    with pytest.raises(SluiceError, match=sentence):
        with_focal_loss(_compiled(loss, 3), 2.0)


def test_balanced_classes_weigh_the_same_together() -> None:
    labels = np.repeat([0, 1, 3], [6, 3, 1])[:, None]
    batches = tf.data.Dataset.from_tensor_slices(({}, labels)).batch(4)
    weights = balanced_class_weights(batches)
    assert {each: weights[each] * (labels == each).sum() for each in weights} == pytest.approx(
        {0: 10 / 3, 1: 10 / 3, 3: 10 / 3}
    )
    rows = np.concatenate([weight.numpy() for _, _, weight in weighted(batches, weights)])
    np.testing.assert_allclose(rows, [weights[int(label)] for label in labels[:, 0]], rtol=1e-6)
