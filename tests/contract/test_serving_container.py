"""`python -m serving.container` as Vertex starts it: the variables of its contract, probes, limits, its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import tensorflow as tf
from google.api_core import exceptions
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from cloud.testing.cloud import LocalCloud
from serving.log.answer_line import answer_in
from serving.protocol.body import PROTOBUF
from serving.version_folder import copy_folder
from tests.samples.folders import ROOT
from tests.samples.grpc_calls import arrays_of, request_for
from tests.samples.served_models import RIDE, error_of, export_ride_model

ROUTES = {"AIP_HEALTH_ROUTE": "/health", "AIP_PREDICT_ROUTE": "/ask", "AIP_MODE": "PREDICTION"}
ANSWER = {"label": "no tip", "probability": 0.75, "scores": {"no tip": 0.75, "tip": 0.25}}


@dataclass
class Container:
    process: subprocess.Popen[str]
    lines: list[str]
    client: httpx.Client


@contextmanager
def started(model: str, environment: Mapping[str, str] = os.environ, **variables: str) -> Iterator[Container]:
    """A container that is ready, and ends with the block."""
    with beginning(model, environment, **variables) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        assert "ready on 0.0.0.0:" in lines[1], lines
        port = lines[1].split("0.0.0.0:")[1].split(",")[0]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            yield Container(process, lines, client)


@contextmanager
def beginning(
    model: str, environment: Mapping[str, str] = os.environ, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """The process; its port is any free one."""
    given = {**environment, **ROUTES, "AIP_HTTP_PORT": "0", "AIP_STORAGE_URI": model, **variables}
    command = [sys.executable, "-m", "serving.container"]
    process = subprocess.Popen(command, cwd=ROOT, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def refusal(model: str, **variables: str) -> tuple[int, str]:
    """The exit code and the words of a container that cannot begin."""
    with beginning(model, **variables) as process:
        _, errors = process.communicate(timeout=120)
        return process.returncode, errors


def with_golden_request(model: Path) -> Path:
    """The model with one request for its warm-up."""
    log = prediction_log_pb2.PredictionLog()
    for name, value in RIDE.items():
        dtype = {"fare": tf.float32, "hour": tf.int64}.get(name, tf.string)
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto([value], dtype))
    with tf.io.TFRecordWriter(str(model / "assets.extra/tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())
    return model


def test_keeps_the_contract_of_vertex(tmp_path: Path) -> None:
    model = with_golden_request(export_ride_model(tmp_path / "model", 0.25))
    with started(str(model), AIP_DEPLOYED_MODEL_ID="123") as container:
        assert container.lines[0] == f"sluice: loads {model} as deployed model 123\n"
        assert container.lines[1].endswith("warmed up by 1 golden request\n")
        assert container.client.get("/health").status_code == 200
        answer = container.client.post("/ask", json={"instances": [RIDE], "parameters": {"a": 1}})
        assert answer.json() == {"predictions": [ANSWER]}
        assert error_of(container.client.post("/ask", json={"instances": [{}]}))[0] == 400
        assert error_of(container.client.get("/ask"))[0] == 405
        assert error_of(container.client.post("/predict", json={"instances": [RIDE]}))[0] == 404
        assert "sluice_instances_total 1.0" in container.client.get("/metrics").text
        container.process.send_signal(signal.SIGTERM)
        assert container.process.wait(60) == 0


def test_a_model_in_a_bucket_is_served(cloud: LocalCloud, tmp_path: Path) -> None:
    cloud.storage.create_bucket("container-models", "us-central1")
    copy_folder(str(with_golden_request(export_ride_model(tmp_path / "model", 0.25))), "gs://container-models/rides/1")
    with started("gs://container-models/rides/1", cloud.child_environment()) as container:
        assert container.lines[1].endswith("warmed up by 1 golden request\n")
        answer = container.client.post("/ask", json={"instances": [RIDE]})
        assert answer.json() == {"predictions": [ANSWER]}


IDS = {"AIP_ENDPOINT_ID": "rides-prod", "AIP_DEPLOYED_MODEL_ID": "7"}


def test_its_answers_are_in_the_record_when_it_has_ended(tmp_path: Path) -> None:
    model, record = export_ride_model(tmp_path / "model", 0.25), tmp_path / "answers"
    with started(str(model), SLUICE_ANSWERS=str(record), **IDS) as container:
        assert container.client.post("/ask", json={"instances": [RIDE]}).status_code == 200
        assert container.client.post("/ask", json={"instances": [{}]}).status_code == 400
        message = request_for(arrays_of([RIDE])).SerializeToString()
        sent = container.client.post("/ask", content=message, headers={"content-type": PROTOBUF})
        assert predict_pb2.PredictResponse.FromString(sent.content).outputs["predictions"].float_val == [0.25]
        container.process.send_signal(signal.SIGTERM)
        assert container.process.wait(60) == 0
    lines = [line for file in sorted((record / "rides-prod/7").iterdir()) for line in file.read_bytes().splitlines()]
    answers = [answer for answer in map(answer_in, lines) if answer is not None]
    assert {answer.deployed_id for answer in answers} == {"7"}
    scores = {"no tip": 0.75, "tip": 0.25}
    assert [(answer.code, answer.observation.scores) for answer in answers] == [
        (200, scores),
        (400, None),
        (200, scores),
    ]


def test_a_record_that_cannot_be_written_stops_no_request_and_is_a_metric(cloud: LocalCloud, tmp_path: Path) -> None:
    model = export_ride_model(tmp_path / "model", 0.25)
    cloud.storage.create_bucket("no-right-to-write", "us-central1")
    cloud.faults.fail_next(exceptions.Forbidden("no storage.objects.create access"), "storage.objects.create", times=99)
    lost = 'sluice_record_of_answers_unwritten_total{why="not writable"}'
    with started(str(model), cloud.child_environment(), SLUICE_ANSWERS="gs://no-right-to-write/a", **IDS) as container:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            assert container.client.post("/ask", json={"instances": [RIDE]}).status_code == 200
            lines = container.client.get("/metrics").text.splitlines()
            if any(line.startswith(lost) and float(line.split()[-1]) > 0 for line in lines):
                break
            time.sleep(0.2)
        else:
            raise AssertionError("the metric does not count what is missing")
    cloud.faults.forget()


def test_requests_and_answers_have_their_limit(tmp_path: Path) -> None:
    model = export_ride_model(tmp_path / "model", 0.25)
    with started(str(model), SLUICE_BODY_LIMIT="1000") as container:
        assert error_of(container.client.post("/ask", content=b" " * 1001))[:2] == (413, "INVALID_ARGUMENT")
        small = {"hour": 8}
        code, _, message = error_of(container.client.post("/ask", json={"instances": [small] * 50}))
        assert code == 400
        assert message == "the answer to 50 instances is larger than 1000 bytes, the limit of this endpoint; send fewer"
        assert len(container.client.post("/ask", json={"instances": [small] * 5}).json()["predictions"]) == 5


def test_nobody_can_connect_before_the_model_is_loaded(tmp_path: Path) -> None:
    model = export_ride_model(tmp_path / "model", 0.25)
    port = free_port()
    with beginning(str(model), AIP_HTTP_PORT=str(port)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("sluice: loads")
        codes = []
        while not codes or codes[-1] is None:
            assert process.poll() is None
            codes.append(_health(port))
        # Refused, and then ready: there is no time in which it answers and is not ready.
        assert codes[0] is None
        assert codes[-1] == 200


def _health(port: int) -> int | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False, timeout=60).status_code
    except httpx.ConnectError:
        return None


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_sigterm_ends_it_while_the_model_is_loaded(tmp_path: Path) -> None:
    with beginning(str(export_ride_model(tmp_path / "model", 0.25))) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("sluice: loads")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("model", "variables", "sentence"),
    [
        ("", {}, "sluice: AIP_STORAGE_URI is not set"),
        ("nowhere", {}, "nowhere is no SavedModel that can be loaded"),
        ("nowhere", {"AIP_MODE": "TRAINING"}, "sluice: AIP_MODE is `TRAINING`"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(model: str, variables: dict[str, str], sentence: str) -> None:
    code, errors = refusal(model, **variables)
    assert code == 3
    assert sentence in errors
    assert "Traceback" not in errors


def test_a_port_that_is_taken_is_named_with_its_variable() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, errors = refusal("anything", AIP_HTTP_PORT=str(port))
    assert code == 3
    assert errors.splitlines()[0] == f"sluice: cannot listen on 0.0.0.0:{port}: address already in use"
    assert errors.splitlines()[1].strip().startswith("Take another port:  AIP_HTTP_PORT=")


def test_a_model_that_does_not_fit_into_the_memory_is_not_loaded(tmp_path: Path) -> None:
    model = export_ride_model(tmp_path / "model", 0.25)
    os.truncate(model / "variables/variables.data-00000-of-00001", 2**42)  # a hole: it takes no room on the disk
    code, errors = refusal(str(model))
    assert code == 3
    assert "is too large: loading it takes about 8,796,593 MB" in errors
