"""The model of tuning.py, with configurable faults; in a module of its own, for each process of a search imports it."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import keras_tuner

# Names the file to which each training appends a line.
LOG = "SLUICE_TEST_FITS"


def build_model(hparams: Mapping[str, Any], feature_spec: Any) -> keras.Model:
    """Logistic regression; `trouble` is what goes wrong while it learns."""
    if hparams.get("trouble") == "cannot be built":
        raise ValueError("there is no such layer")
    rate = float("inf") if hparams.get("trouble") == "not a number" else hparams["learning_rate"]
    model = Noted(hparams) if LOG in os.environ or hparams.get("trouble") == "killed" else keras.Sequential()
    model.add(keras.Input((4,), name="x"))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    return model


class Noted(keras.Sequential):
    """Notes when it begins to learn."""

    def __init__(self, hparams: Mapping[str, Any]) -> None:
        super().__init__()
        self._hparams = dict(hparams)

    def fit(self, batches: Any, **settings: Any) -> Any:
        if log := os.environ.get(LOG):
            size = len(next(iter(batches))[1])
            with Path(log).open("a") as file:
                file.write(f"{sorted(self._hparams.items())} in batches of {size} from {settings['initial_epoch']}\n")
        if self._hparams.get("trouble") == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(batches, **settings)


def search_space() -> keras_tuner.HyperParameters:
    space = keras_tuner.HyperParameters()
    space.Choice("learning_rate", [0.01, 0.1, 1.0])
    space.Choice("batch_size", [32, 64])
    return space


def troubled_space() -> keras_tuner.HyperParameters:
    space = keras_tuner.HyperParameters()
    space.Choice("trouble", ["none", "cannot be built", "not a number", "killed"])
    return space
