"""The model of tuning.py, searched over a cube of three values each way."""

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner


def build_model(hparams: Mapping[str, Any], feature_spec: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(1, activation="sigmoid")])
    optimizer = keras.optimizers.SGD(hparams["learning_rate"], momentum=hparams.get("momentum", 0.0))
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    return model


def search_space() -> keras_tuner.HyperParameters:
    space = keras_tuner.HyperParameters()
    space.Choice("learning_rate", [0.01, 0.1, 1.0])
    space.Choice("batch_size", [16, 32, 64])
    space.Choice("momentum", [0.0, 0.5, 0.9])
    return space
