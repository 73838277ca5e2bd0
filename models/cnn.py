"""A convolutional classifier of images: blocks of convolution, normalisation, pooling and dropout (after VGG,
Simonyan & Zisserman, 2015), and a dense layer before the classes."""

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from core.hyperparameters import Limits, completed
from models.features import FeatureSpec
from models.layers import class_probabilities, compiled, flattened, keras_inputs, optimizer_named

DEFAULTS: dict[str, Any] = {
    "classes": 10,
    "filters": [32, 64, 128],
    "dropout": 0.25,
    "units": 512,
    "dense_dropout": 0.5,
    "learning_rate": 0.001,
    "clipnorm": 1.0,
    "weight_decay": 1e-5,
}
# PyTorch's default. Keras's 0.99 takes some 300 steps to forget the first values: small data have fewer in all epochs.
MOMENTUM = 0.9
LIMITS: Limits = {
    "classes": {"ge": 2},
    "filters": {"ge": 1},
    "dropout": {"ge": 0, "lt": 1},
    "units": {"ge": 1},
    "dense_dropout": {"ge": 0, "lt": 1},
    "learning_rate": {"gt": 0},
    "clipnorm": {"gt": 0},
    "weight_decay": {"ge": 0},
}


def build_model(hparams: Mapping[str, Any], feature_spec: FeatureSpec) -> keras.Model:
    """A compiled model from `feature_spec` to the probability of each class, shape [batch, classes]."""
    chosen = completed(hparams, DEFAULTS, __name__, LIMITS)
    inputs = keras_inputs(feature_spec)
    smallest = 2 ** len(chosen["filters"])
    hidden = flattened(inputs, feature_spec, lambda image: _blocks(image, chosen), __name__, smallest)
    # A normalisation would subtract the bias again.
    hidden = keras.layers.Dense(chosen["units"], use_bias=False)(hidden)
    hidden = keras.layers.BatchNormalization(momentum=MOMENTUM)(hidden)
    hidden = keras.layers.Activation("relu")(hidden)
    hidden = keras.layers.Dropout(chosen["dense_dropout"])(hidden)
    model = keras.Model(inputs, class_probabilities(hidden, chosen["classes"]))
    optimizer = optimizer_named("adam", chosen["learning_rate"], chosen["clipnorm"], chosen["weight_decay"])
    return compiled(model, optimizer)


def search_space() -> keras_tuner.HyperParameters:
    """The search space of the Tuner."""
    space = keras_tuner.HyperParameters()
    space.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=DEFAULTS["learning_rate"])
    space.Float("dropout", 0.1, 0.5, default=DEFAULTS["dropout"])
    return space


def _blocks(hidden: Any, chosen: Mapping[str, Any]) -> Any:
    """A block for each number of filters; each halves the image's sides."""
    for filters in chosen["filters"]:
        hidden = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(hidden)
        hidden = keras.layers.BatchNormalization(momentum=MOMENTUM)(hidden)
        hidden = keras.layers.Activation("relu")(hidden)
        hidden = keras.layers.MaxPooling2D()(hidden)
        hidden = keras.layers.Dropout(chosen["dropout"])(hidden)
    return hidden
