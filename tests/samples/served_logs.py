"""The serving log of a server in tests/samples/served_models.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.samples.served_models import WORKLOAD

ALL = ("--log-share", "100")


def logs_of(home: Path) -> list[prediction_log_pb2.PredictionLog]:
    """As TensorFlow reads them."""
    paths = sorted(str(path) for path in (home / "serving_log" / WORKLOAD).glob("*.tfrecord"))
    records = tf.data.TFRecordDataset(paths).as_numpy_iterator() if paths else []
    return [prediction_log_pb2.PredictionLog.FromString(record) for record in records]


def wait(until: Callable[[], Any], what: str) -> None:
    """Returns once it is so; `what` is said when that takes more than a minute."""
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end, what
        time.sleep(0.05)
