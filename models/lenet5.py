"""LeNet-5 (LeCun et al., 1998) with today's activations, poolings and optimizers to choose from."""

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from core.hyperparameters import Limits, completed
from models.features import FeatureSpec
from models.layers import class_probabilities, compiled, flattened, keras_inputs, optimizer_named

DEFAULTS: dict[str, Any] = {
    "classes": 10,
    "activation": "relu",
    "pooling": "max",
    "conv_layers": 2,
    "dense_layers": 2,
    "optimizer": "adam",
    "learning_rate": 0.001,
    "clipnorm": 1.0,
    "weight_decay": 1e-5,
}
LIMITS: Limits = {
    "classes": {"ge": 2},
    "activation": {"one_of": ["relu", "leakyrelu", "softmax"]},
    "pooling": {"one_of": ["max", "average"]},
    "optimizer": {"one_of": ["adam", "sgd", "rmsprop"]},
    # As many as there are FILTERS, and UNITS.
    "conv_layers": {"ge": 1, "le": 3},
    "dense_layers": {"ge": 1, "le": 3},
    "learning_rate": {"gt": 0},
    "clipnorm": {"gt": 0},
    "weight_decay": {"ge": 0},
}
# By layer; the third convolution is the paper's C5.
FILTERS, UNITS = (6, 16, 120), (120, 84, 42)
KERNEL = 5
ACTIVATIONS = {"relu": "relu", "leakyrelu": "leaky_relu", "softmax": "softmax"}
POOLINGS = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}


def build_model(hparams: Mapping[str, Any], feature_spec: FeatureSpec) -> keras.Model:
    """A compiled model from `feature_spec` to the probability of each class, shape [batch, classes]."""
    chosen = completed(hparams, DEFAULTS, __name__, LIMITS)
    activation, pooling = ACTIVATIONS[chosen["activation"]], POOLINGS[chosen["pooling"]]
    filters = FILTERS[: chosen["conv_layers"]]
    inputs = keras_inputs(feature_spec)

    def convolved(hidden: Any) -> Any:
        for number, count in enumerate(filters):
            # The paper's images are 32 × 32; padding brings those of 28 × 28 to that size.
            padding = "same" if number == 0 or min(hidden.shape[1:3]) < KERNEL else "valid"
            hidden = keras.layers.Conv2D(count, KERNEL, padding=padding, activation=activation)(hidden)
            hidden = pooling(pool_size=2)(hidden) if min(hidden.shape[1:3]) > 1 else hidden
        return hidden

    hidden = flattened(inputs, feature_spec, convolved, __name__, smallest=2 * KERNEL)
    for units in UNITS[: chosen["dense_layers"]]:
        hidden = keras.layers.Dense(units, activation=activation)(hidden)
    model = keras.Model(inputs, class_probabilities(hidden, chosen["classes"]))
    optimizer = optimizer_named(
        chosen["optimizer"], chosen["learning_rate"], chosen["clipnorm"], chosen["weight_decay"]
    )
    return compiled(model, optimizer)


def search_space() -> keras_tuner.HyperParameters:
    """The search space of the Tuner: 3 × 3 × 3 points, few enough to try all."""
    space = keras_tuner.HyperParameters()
    space.Choice("activation", ["relu", "softmax", "leakyrelu"], default=DEFAULTS["activation"])
    space.Choice("optimizer", ["sgd", "adam", "rmsprop"], default=DEFAULTS["optimizer"])
    space.Choice("batch_size", [32, 64, 128], default=32)
    return space
