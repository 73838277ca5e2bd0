"""The architecture of a model: its parts, without those that data or hyperparameters choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest

from models.export.structure import layers_of, structure_of
from tests.samples.taxi_training import trained
from tests.samples.taxi_transformed import prepared


def _model(units: int = 8, extra: bool = False, skip: bool = False, vocabulary: int = 10) -> keras.Model:
    number, category = keras.Input((1,)), keras.Input((), dtype="int64")
    embedded = keras.layers.Embedding(vocabulary, 4)(category)
    hidden = keras.layers.Dense(units)(number)
    if extra:
        hidden = keras.layers.Dense(units)(hidden)
    joined = keras.layers.Concatenate()([number if skip else hidden, embedded])
    return keras.Model([number, category], keras.layers.Dense(1)(joined))


def test_is_the_same_in_every_build_whatever_names_keras_makes_up() -> None:
    assert layers_of(_model()) == layers_of(_model())


@pytest.mark.parametrize("other", [{"units": 16}, {"vocabulary": 500}])
def test_sizes_are_no_architecture(other: dict[str, Any]) -> None:
    assert layers_of(_model(**other)) == layers_of(_model())


def test_another_layer_is() -> None:
    before, after = layers_of(_model()), layers_of(_model(extra=True))
    assert (before["layers of Dense"], after["layers of Dense"]) == (2, 3)
    assert before["layer graph"] != after["layer graph"]


def test_the_same_layers_joined_otherwise_are_another_architecture() -> None:
    assert layers_of(_model())["layer graph"] != layers_of(_model(skip=True))["layer graph"]


def test_models_inside_a_model_count() -> None:
    def nested(*sizes: int) -> keras.Model:
        inner = keras.Sequential([keras.Input((4,)), *(keras.layers.Dense(size) for size in sizes)])
        return keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(1)])

    assert layers_of(nested(3))["layers of Dense"] == 2
    assert layers_of(nested(3))["layer graph"] == layers_of(nested(5))["layer graph"]
    assert layers_of(nested(3))["layer graph"] != layers_of(nested(3, 3))["layer graph"]


class _Applied(keras.layers.Layer):
    """A sound layer whose argument Keras cannot put into a configuration."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def call(self, inputs: Any) -> Any:
        """Applies the function."""
        return self._function(inputs)


def test_a_layer_that_cannot_describe_itself_is_counted_like_any_other() -> None:
    def model(skip: bool = False, extra: bool = False) -> keras.Model:
        number = keras.Input((2,))
        hidden = _Applied(lambda x: 2 * x)(number)
        if extra:
            hidden = _Applied(lambda x: 3 * x)(hidden)
        inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        return keras.Model(number, keras.layers.Add()([inner(number if skip else hidden), hidden]))

    with pytest.raises(NotImplementedError):
        model().get_config()
    found = layers_of(model())
    assert found == layers_of(model())
    assert (found["layers of _Applied"], found["layers of Dense"]) == (1, 1)
    assert layers_of(model(extra=True))["layers of _Applied"] == 2
    assert found["layer graph"] != layers_of(model(skip=True))["layer graph"]


def test_tells_module_features_requests_and_answer_of_a_trained_model() -> None:
    found = structure_of(prepared().graph, str(trained() / "run"))
    assert found["module"] == "models.wide_and_deep"
    assert (found["request fare"], found["request company"]) == ("float32", "string")
    assert found["feature company_id"] == "int64"
    assert "request tips" not in found
    assert found["answer"] == "batch×1"
