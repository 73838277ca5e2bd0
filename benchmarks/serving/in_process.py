"""The limit of what an endpoint can do: the SavedModel called in the process that has the values, one row a call.

    python -m benchmarks.serving.in_process MODEL INSTANCE SECONDS

Prints one line of JSON: requests a second, and their latencies in milliseconds.
"""

from __future__ import annotations

import json
import sys
import time

import tensorflow as tf

from benchmarks.serving.measured import Measured, quantiles
from models.export.placeholders import MISSING

_WARM_UP = 50


def called(model: str, instance: dict[str, object], seconds: float) -> Measured:
    """Calls the signature with this instance for so long."""
    loaded = tf.saved_model.load(model)
    signature = loaded.signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    row = {name: instance.get(name) for name in specs}
    values = {name: MISSING[specs[name].dtype] if value is None else value for name, value in row.items()}

    def call() -> float:
        began = time.perf_counter()
        answer = signature(**{name: tf.constant([value], specs[name].dtype) for name, value in values.items()})
        for output in answer.values():
            output.numpy()
        return time.perf_counter() - began

    for _ in range(_WARM_UP):
        call()
    latencies: list[float] = []
    began, spent = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        latencies.append(call())
    rate = len(latencies) / (time.perf_counter() - began)
    p50, p99 = quantiles(latencies)
    return Measured(rate, p50, p99, (time.process_time() - spent) * 1000 / len(latencies), len(latencies), 0)


if __name__ == "__main__":
    print(json.dumps(vars(called(sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3])))))
