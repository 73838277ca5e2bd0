"""The record of a finished training: `training.json` beside the curves."""

import json
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from core.hyperparameters import Hyperparameters
from models.export.model_run import TrainingRecord, Utilisation
from models.training.build import computes_in_half_precision
from models.training.callbacks import steps_taken
from models.training.hardware import Hardware


def record_of(
    model: keras.Model,
    history: Mapping[str, list[float]],
    hparams: Hyperparameters,
    found: Hardware,
    rows_per_second: float | None,
    seconds: float,
    resumed_from_epoch: int,
    seen: Utilisation,
    advice: list[str],
) -> TrainingRecord:
    """Put together after the last epoch."""
    return TrainingRecord(
        epochs_run=max((len(values) for values in history.values()), default=0),
        steps=steps_taken(model),
        seconds=round(seconds, 3),
        images_per_second=None if rows_per_second is None else round(rows_per_second, 1),
        devices=found.devices,
        mixed_precision=computes_in_half_precision(model),
        resumed_from_epoch=resumed_from_epoch,
        utilisation=seen,
        advice=advice,
        hyperparameters=dict(hparams),
        parameters=int(model.count_params()),
    )


def write_json(value: Mapping[str, Any], directory: str, name: str) -> None:
    """Writes one file of the model's run, locally or into a bucket."""
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(f"{directory}/{name}", "w") as file:
        file.write(json.dumps(value, indent=1))
