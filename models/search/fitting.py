"""One trial's training, as the Trainer would do it with these hyperparameters."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

from core.hyperparameters import BATCH_SIZE
from models.features import FeatureSpec, transformed_feature_spec
from models.search.trial import OBJECTIVE, Curves, Task
from models.training.batches import learning_batches, up_to, watched_batches
from models.training.build import built_for_training
from models.training.callbacks import callbacks
from models.training.checkpoints import build_optimizer
from models.training.config import LearningSettings
from models.training.hardware import hardware_here


class LossNotFiniteError(ArithmeticError):
    """The loss is not a finite number any more."""


@dataclass(frozen=True)
class Workshop:
    """The inputs that all trials of a search share: the training configuration and the locations of the examples."""

    config: LearningSettings
    transform_graph: str
    train_files: list[str]
    eval_files: list[str]

    def to_json(self) -> dict[str, Any]:
        """The plain values that a worker receives."""
        files = {"train_files": self.train_files, "eval_files": self.eval_files}
        return {"config": self.config.to_property(), "transform_graph": self.transform_graph, **files}

    @classmethod
    def of_json(cls, plain: Mapping[str, Any]) -> Workshop:
        """What `to_json` gave."""
        return cls(**{**plain, "config": LearningSettings.from_property(plain["config"])})

    @cached_property
    def specs(self) -> tuple[FeatureSpec, FeatureSpec]:
        """Of the features and of the label."""
        return transformed_feature_spec(tft.TFTransformOutput(self.transform_graph), self.config.label)

    def train(
        self, task: Task, weights_from: str | None, weights_to: str | None, go_on: Callable[[Curves], bool]
    ) -> Curves:
        """Trains until the task's last epoch or until `go_on`, called after each epoch, is false; returns the curves.

        Raises:
          LossNotFiniteError: when the loss is not finite any more.
        """
        train = self.config.train
        keras.backend.clear_session()
        # Every trial starts from the same seed, so trials differ by their hyperparameters alone.
        keras.utils.set_random_seed(train.seed)
        hparams = {**self.config.model.hyperparameters, **task.values}
        batch_size = int(hparams.pop(BATCH_SIZE, train.batch_size))
        found = hardware_here()
        # Trials share the cards out among them, so that none spreads over several.
        one_card = replace(found, gpus=found.gpus[:1])
        module, names = self.config.model.module, self.config.class_names
        model = built_for_training(module, train, hparams, self.specs[0], one_card, names)
        watching = callbacks(train, model)
        if weights_from:
            build_optimizer(model)  # its momenta and its step number are in the file as well
            _load_weights(model, weights_from)
        watch = _Watch(go_on)
        batches = learning_batches(self.train_files, self.specs, train, batch_size, task.learnt)
        model.fit(
            up_to(train.max_steps, batches, model),
            validation_data=watched_batches(self.eval_files, self.specs),
            initial_epoch=task.learnt,
            epochs=task.epochs,
            callbacks=[*watching, watch],
            verbose=0,
        )
        if weights_to:
            _save_weights(model, weights_to)
        return watch.curves


class _Watch(keras.callbacks.Callback):
    """Records the curves, and stops training when `go_on` is false after an epoch."""

    def __init__(self, go_on: Callable[[Curves], bool]) -> None:
        super().__init__()
        self.curves: Curves = {}
        self._go_on = go_on

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Called by Keras with the figures of the epoch, those of eval included."""
        for name, value in (logs or {}).items():
            self.curves.setdefault(name, []).append(float(value))
        if not all(math.isfinite(self.curves[name][-1]) for name in ("loss", OBJECTIVE)):
            raise LossNotFiniteError(f"the loss is not a finite number after epoch {epoch + 1}")
        if not self._go_on(self.curves):
            self.model.stop_training = True


def _save_weights(model: keras.Model, path: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        local = str(Path(scratch) / "model.weights.h5")
        model.save_weights(local)
        tf.io.gfile.copy(local, path, overwrite=True)


def _load_weights(model: keras.Model, path: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        local = str(Path(scratch) / "model.weights.h5")
        tf.io.gfile.copy(path, local)
        model.load_weights(local)
