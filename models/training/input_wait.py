"""Measures how long training waits for its next batch, at the end of the input pipeline."""

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from models.training.callbacks import steps_taken

# Watching costs a tenth of a millisecond a batch, so one of so many epochs is watched.
WATCHED_EVERY = 5


class _Reading(NamedTuple):
    """Where counters and the clock stood, the one that TensorFlow measures the waits by."""

    at: float
    steps: int
    waited: float
    rows: int


class InputWait(keras.callbacks.Callback):
    """A callback that times the epochs and, in some of them, the wait for each batch.

    The first execution of the training opens files and traces functions, which takes seconds whatever the input: it
    counts only where there is no other. The same holds for what an epoch does before it requests a batch.

    With several GPUs a distribution strategy requests batches before they are needed; the measured wait is then an
    upper bound of training's wait.
    """

    def __init__(self) -> None:
        super().__init__()
        with tf.device("CPU"):
            self._watching = tf.Variable(True, trainable=False)
            self._waited = tf.Variable(0.0, dtype=tf.float64, trainable=False)
            # When the first batch of the epoch was requested.
            self._requested = tf.Variable(math.inf, dtype=tf.float64, trainable=False)
            self._rows = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._began, self._last = _Reading(0.0, 0, 0.0, 0), 0.0
        self._seconds = self._watched_seconds = 0.0
        self._steps = self._watched_steps = self._epochs = 0
        self._traced: _Reading | None = None

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
            self._requested.assign(tf.minimum(self._requested, requested))
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
        # Of the first epoch a part is not counted, so it is watched only if there is no other.
        only = self._epochs == 0 and self.params["epochs"] - epoch == 1
        self._watching.assign(self._epochs % WATCHED_EVERY == 1 or only)
        self._epochs += 1
        self._requested.assign(math.inf)
        self._began = self._reading()
        self._last = self._began.at

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras once for the steps of one execution."""
        self._last = time.time()
        if self._traced is None:
            self._traced = self._reading()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras."""
        if self._epochs == 1 and self._traced and steps_taken(self.model) > self._traced.steps:
            self._waited.assign_sub(self._traced.waited - self._began.waited)
            self._rows.assign_sub(self._traced.rows - self._began.rows)
            self._began = self._traced
        steps, seconds = steps_taken(self.model) - self._began.steps, self._last - self._began.at
        self._steps, self._seconds = self._steps + steps, self._seconds + seconds
        if bool(self._watching):
            self._watched_steps += steps
            self._watched_seconds += self._last - max(self._began.at, min(self._last, float(self._requested)))

    def _reading(self) -> _Reading:
        return _Reading(time.time(), steps_taken(self.model), float(self._waited), int(self._rows))
