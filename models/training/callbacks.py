"""Callbacks between the epochs: progress, the learning rate, and early endings."""

import logging
import math
from collections.abc import Mapping

import keras

from core.errors import SluiceError
from models.training.config import TrainSettings

# The moving averages of a normalisation (momentum 0.99, Keras's) still hold 5 % of their first values after 300 steps;
# until they have gone, the loss on eval is no measure of what was learnt.
FEWEST_STEPS = 300


class TellProgress(keras.callbacks.Callback):
    """Reports the progress after each epoch to the logger `sluice.progress`."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras, which has put the number of epochs into `params`."""
        epochs = self.params["epochs"]
        far = {"done": epoch + 1, "total": epochs}
        logging.getLogger("sluice.progress").info("epoch %d of %d", epoch + 1, epochs, extra=far)


class LearningRate(keras.callbacks.Callback):
    """Adds the learning rate of an epoch to its figures."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras; the callbacks after this one see what it adds."""
        if logs is not None:
            logs["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))


class WarmRestart(keras.callbacks.Callback):
    """Restores the initial learning rate and resets `plateau` at the beginning of the epoch number `epoch`, counted
    from 0, because the training images change there (Loshchilov & Hutter, "SGDR", ICLR 2017)."""

    def __init__(self, epoch: int, rate: float, plateau: keras.callbacks.ReduceLROnPlateau) -> None:
        super().__init__()
        self._epoch, self._rate, self._plateau = epoch, rate, plateau

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras, also for the first epoch after a kill."""
        if epoch == self._epoch:
            self.model.optimizer.learning_rate = self._rate
            self._plateau.wait, self._plateau.cooldown_counter, self._plateau.best = 0, 0, math.inf


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras's, which counts patience in epochs: on few rows an epoch is a dozen steps, and a loss that has not fallen
    by then says nothing. So nothing stops before `FEWEST_STEPS`; the best weights are kept from the first epoch on."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Called by Keras; an end that something else has asked for stays one."""
        ended = self.model.stop_training
        super().on_epoch_end(epoch, logs)
        if steps_taken(self.model) < FEWEST_STEPS:
            self.wait, self.stopped_epoch, self.model.stop_training = 0, 0, ended


def callbacks(train: TrainSettings, model: keras.Model) -> list[keras.callbacks.Callback]:
    """Progress, the learning rate's course, and what ends training before its last epoch; for a model as it was built,
    before anything is restored into it.

    Raises:
      SluiceError: when `train.plateau` is set and the optimizer has a schedule of its own.
    """
    found: list[keras.callbacks.Callback] = [TellProgress(), LearningRate()]
    if plateau := train.plateau:
        _check_rate(model)
        lowering = keras.callbacks.ReduceLROnPlateau(
            factor=plateau.factor, patience=plateau.patience, min_lr=plateau.floor
        )
        found.append(lowering)
        if plain_from := train.augmentation and train.augmentation.for_epochs:
            rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
            found.append(WarmRestart(plain_from, rate, lowering))
    if patience := train.early_stopping_patience:
        found.append(EarlyStopping(patience=patience, restore_best_weights=True))
    if steps := train.max_steps:
        found.append(keras.callbacks.LambdaCallback(on_epoch_end=lambda _epoch, _logs: _stop(model, steps)))
    return found


def _check_rate(model: keras.Model) -> None:
    """A rate that is the optimizer's own schedule may be set by nobody else."""
    if isinstance(getattr(model.optimizer, "_learning_rate", None), keras.optimizers.schedules.LearningRateSchedule):
        raise SluiceError(
            "`train.plateau` lowers the learning rate, and the model's optimizer has a schedule of its own",
            "Leave it to the schedule:  --set train.plateau=null",
        )


def _stop(model: keras.Model, steps: int) -> None:
    model.stop_training = model.stop_training or steps_taken(model) >= steps


def steps_taken(model: keras.Model) -> int:
    """Gradient steps so far, on however many devices."""
    return int(keras.ops.convert_to_numpy(model.optimizer.iterations))
