"""What `build_model` must return, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest

from core.errors import SluiceError
from models.training.build import check_built


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
