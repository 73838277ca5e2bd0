"""How long training waited for its input, measured on pipelines of known slowness."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.training.input_wait import InputWait

STEPS, ROWS = 20, 8


def batches(seconds: float) -> tf.data.Dataset:
    """Batches that take so long to make."""

    def slow(number: tf.Tensor) -> tf.Tensor:
        time.sleep(seconds)
        return number

    made = tf.data.Dataset.range(STEPS).map(lambda n: tf.ensure_shape(tf.py_function(slow, [n], tf.int64), []))
    return made.map(lambda n: (tf.fill([ROWS, 4], tf.cast(n, tf.float32)), tf.zeros([ROWS, 1]))).prefetch(2)


class Slow(keras.layers.Layer):
    """Takes so long to learn from a batch, and so long to be traced."""

    def __init__(self, seconds: float, to_trace: float) -> None:
        super().__init__()
        self.seconds, self.to_trace = seconds, to_trace

    def call(self, given: tf.Tensor) -> tf.Tensor:
        time.sleep(self.to_trace)

        def wait(values: tf.Tensor) -> tf.Tensor:
            time.sleep(self.seconds)
            return values

        return tf.ensure_shape(tf.py_function(wait, [given], tf.float32), given.shape)


def after_training(
    input_seconds: float, step_seconds: float, first: int = 0, epochs: int = 2, to_trace: float = 0.0
) -> InputWait:
    model = keras.Sequential([keras.Input((4,)), Slow(step_seconds, to_trace), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    model.steps_per_execution = 4
    wait = InputWait()
    model.fit(wait.watched(batches(input_seconds)), initial_epoch=first, epochs=epochs, callbacks=[wait], verbose=0)
    return wait


def test_training_that_waits_for_its_input_is_seen_to_stall() -> None:
    assert after_training(input_seconds=0.12, step_seconds=0.001).stall > 0.6


def test_a_model_that_takes_long_to_trace_hides_no_stall_of_its_only_epoch() -> None:
    assert after_training(input_seconds=0.05, step_seconds=0.001, epochs=1, to_trace=1.0).stall > 0.6


def test_training_whose_input_is_ready_does_not_stall() -> None:
    assert after_training(input_seconds=0.001, step_seconds=0.04).stall < 0.2


def test_rows_a_second_are_those_of_the_training() -> None:
    wait = after_training(input_seconds=0.02, step_seconds=0.02)
    assert 0.2 * ROWS / 0.02 < wait.rows_per_second < 1.1 * ROWS / 0.02


@pytest.mark.parametrize(("first", "epochs"), [(0, 1), (2, 4), (3, 4)])
def test_the_input_is_watched_also_when_training_goes_on_after_a_kill(first: int, epochs: int) -> None:
    assert after_training(input_seconds=0.12, step_seconds=0.001, first=first, epochs=epochs).stall > 0.6


def test_nothing_is_reported_of_a_training_that_nobody_watched() -> None:
    wait = InputWait()
    assert (wait.stall, wait.rows_per_second) == (None, None)


def test_batches_are_not_changed_by_being_watched() -> None:
    wait = InputWait()
    watched = [features.numpy() for features, _ in wait.watched(batches(0.0))]
    np.testing.assert_array_equal(watched, [features.numpy() for features, _ in batches(0.0)])


@pytest.mark.parametrize("fields", [2, 3])
def test_weights_beside_the_label_pass(fields: int) -> None:
    given = tf.data.Dataset.from_tensors(tuple(tf.ones([4, 1]) for _ in range(fields)))
    assert [len(batch) for batch in InputWait().watched(given)] == [fields]
