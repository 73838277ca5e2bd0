"""Small models as a workload pushes them, and `python -m serving` as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from models.export.placeholders import MISSING
from models.export.served_form import FILE, FOLDER, ServedForm
from tests.samples.folders import ROOT

WORKLOAD = "rides"
# One row that every model of `export_ride_model` answers.
RIDE = {"fare": 10.0, "company": "Blue Ribbon", "hour": 8}
READY_SECONDS = 120


class RideModel(tf.Module):
    """The probability of a tip is `base`, for rides at night (hour 0) 0, and for those at hour 1 `at_one` where that is
    given; a missing fare counts as no fare."""

    def __init__(self, base: float, at_one: float | None = None) -> None:
        super().__init__()
        self.base = tf.Variable(base)
        self.at_one = tf.Variable(base if at_one is None else at_one)

    def predict(self, **columns: tf.Tensor) -> dict[str, tf.Tensor]:
        fare = tf.where(tf.math.is_nan(columns["fare"]), 0.0, columns["fare"])
        is_day = tf.cast(columns["hour"] > 0, tf.float32)
        is_named = tf.cast(tf.strings.length(columns["company"]) >= 0, tf.float32)
        base = tf.where(columns["hour"] == 1, self.at_one, self.base)
        return {"predictions": (base * is_day * is_named + 0.0 * tf.clip_by_value(fare, 0, 1))[:, None]}


def export_ride_model(
    folder: Path,
    base: float,
    classes: tuple[str, ...] = ("no tip", "tip"),
    at_one: float | None = None,
    kind: type[RideModel] = RideModel,
) -> Path:
    """A SavedModel with an optional number, an optional text and a required whole number."""
    assert set(MISSING) == {tf.float32, tf.int64, tf.string}
    specs = {"fare": tf.float32, "company": tf.string, "hour": tf.int64}
    model = kind(base, at_one)
    function = tf.function(model.predict, autograph=False)
    signature = function.get_concrete_function(
        **{name: tf.TensorSpec([None], dtype, name=name) for name, dtype in specs.items()}
    )
    tf.saved_model.save(model, str(folder), signatures={"serving_default": signature})
    if classes:
        write_form(folder, ServedForm("tipped", list(classes), ["hour"]))
    return folder


def export_image_model(folder: Path) -> Path:
    """A SavedModel whose scores are the shares of dark and of bright pixels of images of 4 x 4."""
    model = tf.Module()

    def predict(image: tf.Tensor) -> dict[str, tf.Tensor]:
        bright = tf.reduce_mean(tf.cast(image, tf.float32) / 255.0, axis=[1, 2, 3])
        return {"predictions": tf.stack([1 - bright, bright], axis=1)}

    spec = tf.TensorSpec([None, 4, 4, 1], tf.int64, name="image")
    signature = tf.function(predict, autograph=False).get_concrete_function(image=spec)
    tf.saved_model.save(model, str(folder), signatures={"serving_default": signature})
    write_form(folder, ServedForm("kind", ["dark", "bright"], ["image"]))
    return folder


def export_plain_model(folder: Path) -> Path:
    """A SavedModel of somebody else's, which says nothing of classes: twice the sum of two numbers, or nothing."""
    model = tf.Module()

    def predict(pair: tf.Tensor, wanted: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"price": tf.where(wanted, 2 * tf.reduce_sum(pair, axis=1), 0.0)}

    signature = tf.function(predict, autograph=False).get_concrete_function(
        pair=tf.TensorSpec([None, 2], tf.float32, name="pair"), wanted=tf.TensorSpec([None], tf.bool, name="wanted")
    )
    tf.saved_model.save(model, str(folder), signatures={"serving_default": signature})
    return folder


def write_form(folder: Path, form: ServedForm) -> None:
    """As the export writes it."""
    (folder / FOLDER).mkdir(exist_ok=True)
    (folder / FOLDER / FILE).write_text(form.dumps())


def write_golden_file(folder: str | Path, requests: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
    """The inputs and outputs of each request as TensorFlow's warm-up file."""
    with tf.io.TFRecordWriter(f"{folder}/{FOLDER}/tf_serving_warmup_requests") as writer:
        for inputs, outputs in requests:
            log = prediction_log_pb2.PredictionLog()
            for name, column in inputs.items():
                log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(column))
            for name, column in outputs.items():
                log.predict_log.response.outputs[name].CopyFrom(tf.make_tensor_proto(column))
            writer.write(log.SerializeToString())


@dataclass
class Server:
    """`python -m serving` on the versions under `home/serving/<workload>`."""

    home: Path
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    workload: str = WORKLOAD
    process: subprocess.Popen[str] | None = None
    url: str = ""

    @property
    def versions(self) -> Path:
        return self.home / "serving" / self.workload

    @property
    def predict_url(self) -> str:
        return f"{self.url}/v1/models/{self.workload}:predict"

    def start(self) -> Server:
        """Returns once every version with traffic answers."""
        command = [sys.executable, "-m", "serving", "--workload", self.workload, "--output-dir", str(self.home)]
        self.process = subprocess.Popen(
            [*command, "--port", "0", *self.arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "http" in line, f"the server did not begin: {line}"
        self.url = next(word for word in line.split() if word.startswith("http")).split("/v1/")[0]
        self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        until = time.monotonic() + READY_SECONDS
        health = None
        while time.monotonic() < until:
            assert self.process is not None and self.process.poll() is None, "the server ended"
            health = httpx.get(f"{self.url}/healthz", verify=False, trust_env=False)
            if health.status_code == 200:
                return
            time.sleep(0.1)
        raise AssertionError(f"not ready within {READY_SECONDS} s: {health and health.text}")

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """Signal 9 to the router alone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def post(self, instances: Any, path: str = f"/v1/models/{WORKLOAD}:predict") -> httpx.Response:
        return httpx.post(f"{self.url}{path}", json={"instances": instances}, timeout=60, trust_env=False)

    def observed(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.versions / ".endpoint/observed.json").read_text())
        return found


@contextmanager
def served(home: Path, *arguments: str, workload: str = WORKLOAD, **environment: str) -> Iterator[Server]:
    """A server that runs until the block ends, however it ends."""
    server = Server(home, list(arguments), environment, workload)
    try:
        yield server.start()
    finally:
        if server.process is not None and server.process.poll() is None:
            server.process.terminate()
            try:
                server.process.wait(60)
            except subprocess.TimeoutExpired:
                server.process.kill()


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    """Code, status and message of a refusal, checked to be in Vertex' form."""
    body = response.json()
    assert set(body) == {"error"} and set(body["error"]) == {"code", "message", "status"}
    assert body["error"]["code"] == response.status_code
    return response.status_code, body["error"]["status"], body["error"]["message"]
