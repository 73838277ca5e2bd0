"""Measures how long training waits for its next batch, at the end of the input pipeline."""

import time
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from models.training.callbacks import steps_taken

# Watching costs a tenth of a millisecond a batch, so one of so many epochs is watched.
WATCHED_EVERY = 5


class InputWait(keras.callbacks.Callback):
    """A callback that times the epochs and, in some of them, the wait for each batch.

    With several GPUs a distribution strategy requests batches before they are needed; the measured wait is then an
    upper bound of training's wait.
    """

    def __init__(self) -> None:
        super().__init__()
        with tf.device("CPU"):
            self._watching = tf.Variable(True, trainable=False)
            self._waited = tf.Variable(0.0, dtype=tf.float64, trainable=False)
            self._rows = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._began = self._last = 0.0
        self._seconds = self._watched_seconds = 0.0
        self._steps = self._watched_steps = self._steps_before = self._epochs = 0

    @property
    def stall(self) -> float | None:
        """The share of time that training waited for batches; None when no epoch was watched."""
        return min(1.0, float(self._waited) / self._watched_seconds) if self._watched_seconds else None

    @property
    def rows_per_second(self) -> float | None:
        """Rows per second of batches and gradient steps, without evaluation. None when no epoch was watched."""
        if not self._watched_steps or not self._seconds:
            return None
        return self._steps * (int(self._rows) / self._watched_steps) / self._seconds

    def watched(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """The same batches of (features, label, …)."""
        clock = tf.data.Dataset.range(tf.int64.max).map(lambda _: tf.timestamp())

        @tf.autograph.experimental.do_not_convert
        def count(requested: tf.Tensor, batch: Any, received: tf.Tensor) -> Any:
            self._waited.assign_add(received - requested)
            self._rows.assign_add(tf.shape(batch[1], tf.int64)[0])
            return batch

        # A zip requests its parts in order: the clock, the batch, the clock.
        timed = tf.data.Dataset.zip(clock, batches, clock).map(count)
        return tf.data.Dataset.range(1).flat_map(lambda _: tf.cond(self._watching, lambda: timed, lambda: batches))

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras, which may have read a batch already."""
        self._waited.assign(0.0)
        self._rows.assign(0)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras."""
        # The first epoch opens files and traces functions, so it is watched only if there is no other.
        only = self._epochs == 0 and self.params["epochs"] - epoch == 1
        self._watching.assign(self._epochs % WATCHED_EVERY == 1 or only)
        self._epochs += 1
        self._began = self._last = time.monotonic()
        self._steps_before = steps_taken(self.model)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras once for the steps of one execution."""
        self._last = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras."""
        steps, seconds = steps_taken(self.model) - self._steps_before, self._last - self._began
        self._steps, self._seconds = self._steps + steps, self._seconds + seconds
        if bool(self._watching):
            self._watched_steps, self._watched_seconds = self._watched_steps + steps, self._watched_seconds + seconds
