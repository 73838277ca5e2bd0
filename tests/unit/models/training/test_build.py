"""What `build_model` must return, whoever wrote it, and how many classes it must tell apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

from core.errors import ExitCode, SluiceError
from models.training.build import built_for_training, check_built
from models.training.hardware import Hardware
from tests.samples.training_settings import train_settings

GREY = {"image": tf.io.FixedLenFeature([16, 16, 1], tf.float32)}


def _sound(compiled: bool = True, named: bool = False) -> keras.Model:
    inputs = {"fare": keras.Input((1,), name="fare")}
    output = keras.layers.Dense(1, activation="sigmoid")(inputs["fare"])
    model = keras.Model(inputs, {"tip": output} if named else output)
    if compiled:
        model.compile(loss="binary_crossentropy")
    return model


class _Subclass(keras.Model):
    """A model that knows its inputs only once it has been called."""

    def __init__(self) -> None:
        super().__init__()
        self.last = keras.layers.Dense(1)

    def call(self, features: Any) -> Any:
        """The answer."""
        return self.last(features["fare"])


def test_a_compiled_model_is_accepted() -> None:
    check_built(_sound(), "mine")


def test_a_sequential_model_is_accepted() -> None:
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(loss="binary_crossentropy")
    check_built(model, "mine")


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda: None, "a NoneType, not a Keras model"),
        (_Subclass, "a model without inputs of its own"),
        (lambda: _sound(compiled=False), "not compiled"),
        (lambda: _sound(named=True), "with several outputs or with a named one"),
    ],
)
def test_what_could_not_be_trained_or_exported_is_refused_in_one_sentence(build: Callable[[], Any], why: str) -> None:
    with pytest.raises(SluiceError, match=f"`build_model` of mine returns .*{why}"):
        check_built(build(), "mine")


def test_another_number_of_classes_than_named_is_refused_before_the_training() -> None:
    def built(names: list[str]) -> object:
        return built_for_training("models.lenet5", train_settings(), {"classes": 3}, GREY, Hardware("test", 2), names)

    with pytest.raises(SluiceError) as refused:
        built(["normal", "recovering"])
    assert refused.value.exit_code is ExitCode.UNUSABLE
    assert refused.value.headline == "`data.class_names` names 2 classes, and models.lenet5 tells 3 apart"
    assert built(["normal", "recovering", "broken"]) is not None and built([]) is not None
