"""The models of images, built, trained and exported."""

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import SluiceError
from models import cnn, lenet5
from models.features import CategoricalFeature
from models.training.build import built_for_training, in_full_precision
from models.training.hardware import Hardware
from tests.samples.folders import scratch
from tests.samples.image_training import drawn, sample_images, trained, written
from tests.samples.training_settings import train_settings

GREY = {"image": tf.io.FixedLenFeature([28, 28, 1], tf.float32)}
MODELS = (cnn, lenet5)


def kinds(model: keras.Model) -> list[str]:
    """The layers in order, without those that only reshape."""
    names = [type(layer).__name__ for layer in model.layers]
    return [name for name in names if name not in ("InputLayer", "Flatten", "Activation")]


@functools.cache
def lenet() -> Path:
    return trained(scratch(), train={"epochs": 6})


def test_the_cnn_has_three_blocks_and_a_dense_layer_before_the_classes() -> None:
    block = ["Conv2D", "BatchNormalization", "MaxPooling2D", "Dropout"]
    model = cnn.build_model({}, GREY)
    assert kinds(model) == [*block * 3, "Dense", "BatchNormalization", "Dropout", "Dense"]
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [(layer.filters, layer.kernel_size) for layer in convolutions] == [(32, (3, 3)), (64, (3, 3)), (128, (3, 3))]
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [0.25] * 3 + [0.5]
    assert next(layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)) == 512


@pytest.mark.parametrize("module", MODELS)
def test_the_optimizer_clips_and_decays_and_starts_at_a_thousandth(module: Any) -> None:
    optimizer = module.build_model({}, GREY).optimizer
    assert isinstance(optimizer, keras.optimizers.Adam)
    assert optimizer.clipnorm == 1.0
    assert optimizer.weight_decay == 1e-5
    assert float(optimizer.learning_rate) == pytest.approx(1e-3)


@pytest.mark.parametrize("module", MODELS)
def test_answers_are_probabilities_of_as_many_classes_as_configured(module: Any) -> None:
    model = module.build_model({"classes": 4}, GREY)
    answers = model({"image": np.random.default_rng(0).random((3, 28, 28, 1), np.float32)}).numpy()
    assert answers.shape == (3, 4)
    assert answers.dtype == np.float32
    assert answers.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("module", MODELS)
def test_learns_from_colour_and_from_columns_beside_the_image(module: Any) -> None:
    spec = {
        "photo/front": tf.io.FixedLenFeature([40, 32, 3], tf.float32),
        "price": tf.io.FixedLenFeature([], tf.float32),
        "shop": CategoricalFeature.of_size(7),
    }
    model = module.build_model({}, spec)
    assert model.output_shape == (None, 10)
    rows = {"photo/front": np.zeros((2, 40, 32, 3), np.float32), "price": np.ones(2), "shop": np.array([0, 6])}
    assert model(rows).shape == (2, 10)


@pytest.mark.parametrize("module", MODELS)
def test_says_that_it_needs_images_and_which_model_does_not(module: Any) -> None:
    with pytest.raises(SluiceError, match="learns from images") as refused:
        module.build_model({}, {"price": tf.io.FixedLenFeature([], tf.float32)})
    assert "models.wide_and_deep" in refused.value.next_command
    with pytest.raises(SluiceError, match="at least"):
        module.build_model({}, {"icon": tf.io.FixedLenFeature([4, 4, 1], tf.float32)})


@pytest.mark.parametrize("module", MODELS)
def test_a_misspelt_hyperparameter_is_named_with_what_was_meant(module: Any) -> None:
    with pytest.raises(SluiceError, match=r"no hyperparameter \['learning_rat'\].*did you mean `learning_rate`"):
        module.build_model({"learning_rat": 0.1}, GREY)


def test_every_one_of_the_27_points_builds_the_model_it_names() -> None:
    space = lenet5.search_space()
    choices = {each.name: each.values for each in space.space}
    assert {name: len(values) for name, values in choices.items()} == {"activation": 3, "optimizer": 3, "batch_size": 3}
    optimizers = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
    for activation in choices["activation"]:
        for optimizer in choices["optimizer"]:
            model = lenet5.build_model({"activation": activation, "optimizer": optimizer, "batch_size": 128}, GREY)
            assert type(model.optimizer) is optimizers[optimizer]
            first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
            assert first.activation.__name__.replace("_", "") == activation


@pytest.mark.parametrize(("pooling", "kind"), [("max", "MaxPooling2D"), ("average", "AveragePooling2D")])
def test_pooling_and_layers_of_lenet_are_as_configured(pooling: str, kind: str) -> None:
    names = kinds(lenet5.build_model({"pooling": pooling, "conv_layers": 3, "dense_layers": 1}, GREY))
    assert names.count("Conv2D") == 3
    assert kind in names
    assert names.count("Dense") == 2  # one, and the classes


@pytest.mark.parametrize(
    "wrong", [{"activation": "relux"}, {"pooling": "min"}, {"conv_layers": 9}, {"optimizer": "adamw"}]
)
def test_a_value_that_lenet_does_not_know_is_refused_in_one_sentence(wrong: dict[str, Any]) -> None:
    with pytest.raises(SluiceError, match=next(iter(wrong))):
        lenet5.build_model(wrong, GREY)


def test_the_cnn_is_searched_by_learning_rate_and_dropout() -> None:
    rate, dropout = cnn.search_space().space
    assert (rate.name, rate.min_value, rate.max_value, rate.sampling) == ("learning_rate", 1e-4, 1e-2, "log")
    assert (dropout.name, dropout.min_value, dropout.max_value) == ("dropout", 0.1, 0.5)


def test_training_learns_the_classes_and_every_signature_serves_them() -> None:
    assert written(lenet(), "history.json")["val_accuracy"][-1] > 0.9
    images, labels = drawn(40, seed=5)
    signature = tf.saved_model.load(str(lenet() / "model")).signatures["serving_default"]
    answers = signature(image=tf.constant(images, tf.int64))["predictions"].numpy()
    assert answers.shape == (40, 10)
    assert np.mean(answers.argmax(axis=1) == labels) > 0.9


def test_the_record_of_a_training_says_what_it_took() -> None:
    record = written(lenet(), "training.json")
    assert record["epochs_run"] == 6
    assert record["steps"] == 60
    assert record["resumed_from_epoch"] == 0
    assert record["mixed_precision"] is False
    assert record["images_per_second"] > 10
    assert record["parameters"] == lenet5.build_model({}, GREY).count_params()
    assert any(device.startswith("CPU: ") for device in record["devices"])
    shares = record["utilisation"]
    assert shares["gpu"] is None or 0 <= shares["gpu"] <= 1
    assert all(0 <= shares[name] <= 1 for name in ("cpu", "memory", "input_stall"))


def test_a_batch_size_that_was_found_replaces_the_configured_one(tmp_path: Path) -> None:
    trained(tmp_path, train={"epochs": 1}, hyperparameters={"batch_size": 64})
    assert written(tmp_path, "training.json")["steps"] == 5  # 320 rows


def test_half_precision_serves_in_full_precision_with_the_same_weights() -> None:
    able = Hardware("test", 2, half_precision_cpu=True)
    train = train_settings(mixed_precision="always")
    model = built_for_training("models.lenet5", train, {}, GREY, able)
    served = in_full_precision(model, "models.lenet5", {}, GREY)
    assert {layer.compute_dtype for layer in served.layers} == {"float32"}
    assert "bfloat16" in {layer.compute_dtype for layer in model.layers}
    rows = {"image": np.random.default_rng(1).random((8, 28, 28, 1), np.float32)}
    np.testing.assert_allclose(model(rows), served(rows), atol=0.02)
    assert keras.config.dtype_policy().name == "float32"


def test_the_features_of_images_keep_their_shape_through_transform() -> None:
    features, label = sample_images().specs
    assert list(features["image"].shape) == [28, 28, 1]
    assert list(label) == ["label"]
