"""The local endpoint over gRPC, by TensorFlow Serving's own stub: the answers, the split and the refusals of REST."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import psutil
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from cloud.testing.certificates import Authority
from serving.contract import ModelVersion
from serving.local.endpoint import LocalEndpoint
from tests.samples.folders import ROOT
from tests.samples.grpc_calls import SECONDS, arrays_of, grpc_address_of, request_for
from tests.samples.served_logs import ALL, logs_of, wait
from tests.samples.served_models import RIDE, WORKLOAD, Server, error_of, export_ride_model, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("grpc")
    export_ride_model(home / "serving" / WORKLOAD / "101", 0.25)
    with served(home, "--grpc-port", "0", "--body-limit", "20000") as server:
        yield server


@pytest.fixture(scope="module")
def channel(server: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(grpc_address_of(server)) as channel:
        yield channel


@pytest.fixture(scope="module")
def stub(channel: grpc.Channel) -> PredictionServiceStub:
    return PredictionServiceStub(channel)


def refusal_of(stub: PredictionServiceStub, request: predict_pb2.PredictRequest, **more: Any) -> tuple[Any, str]:
    with pytest.raises(grpc.RpcError) as refused:
        stub.Predict(request, timeout=SECONDS, **more)
    return refused.value.code(), refused.value.details()


def test_answers_as_rest_does(server: Server, stub: PredictionServiceStub) -> None:
    rides = [RIDE, {**RIDE, "hour": 0}, {**RIDE, "company": ""}]
    response, call = stub.Predict.with_call(request_for(arrays_of(rides)), timeout=SECONDS)
    by_rest = [each["scores"]["tip"] for each in server.post(rides).json()["predictions"]]
    assert tf.make_ndarray(response.outputs["predictions"])[:, 0].tolist() == by_rest
    assert (response.model_spec.name, response.model_spec.version.value) == (WORKLOAD, 101)
    assert response.model_spec.signature_name == "serving_default"
    metadata = dict(call.trailing_metadata())
    assert metadata["x-vertex-ai-deployed-model-id"] == metadata["x-vertex-ai-model-version-id"] == "101"


def test_what_is_absent_counts_as_missing(server: Server, stub: PredictionServiceStub) -> None:
    response = stub.Predict(request_for({"hour": [8, 0]}, version=101), timeout=SECONDS)
    by_rest = [each["scores"]["tip"] for each in server.post([{"hour": 8}, {"hour": 0}]).json()["predictions"]]
    assert tf.make_ndarray(response.outputs["predictions"])[:, 0].tolist() == by_rest


def test_gives_the_signature(server: Server, stub: PredictionServiceStub) -> None:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = WORKLOAD
    response = stub.GetModelMetadata(request, timeout=SECONDS)
    assert (response.model_spec.name, response.model_spec.version.value) == (WORKLOAD, 101)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    inputs = signatures.signature_def["serving_default"].inputs
    assert {name: each.dtype for name, each in inputs.items()} == {
        "company": tf.string.as_datatype_enum,
        "fare": tf.float32.as_datatype_enum,
        "hour": tf.int64.as_datatype_enum,
    }
    assert [each.size for each in inputs["hour"].tensor_shape.dim] == [-1]


@pytest.mark.parametrize(
    ("columns", "instance"),
    [
        ({"fare": [1.0]}, {"fare": 1.0}),
        ({"hour": [1], "fares": np.float32([2])}, {"hour": 1, "fares": 2}),
    ],
)
def test_refuses_in_the_words_of_rest(
    server: Server, stub: PredictionServiceStub, columns: dict[str, Any], instance: dict[str, Any]
) -> None:
    code, status, message = error_of(server.post([instance]))
    assert code == 400
    assert refusal_of(stub, request_for(columns)) == (grpc.StatusCode[status], message)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"hour": np.float32([8, 9])}, 'feature "hour": expected int64 of shape [rows], got float32 of shape [2]'),
        ({"hour": np.int64([[8]])}, 'feature "hour": expected int64 of shape [rows], got int64 of shape [1, 1]'),
        ({"hour": np.int64(8)}, 'feature "hour": expected int64 of shape [rows], got int64 of shape []'),
        ({"hour": [8, 9], "fare": [1.0]}, 'feature "fare" has 1 rows and feature "hour" has 2'),
        ({"hour": []}, "the tensors have no row"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(
    stub: PredictionServiceStub, columns: dict[str, Any], message: str
) -> None:
    assert refusal_of(stub, request_for(columns)) == (grpc.StatusCode.INVALID_ARGUMENT, message)


def test_a_small_message_cannot_stand_for_a_large_tensor(stub: PredictionServiceStub) -> None:
    request = request_for({"hour": [8]})
    request.inputs["hour"].tensor_shape.dim[0].size = 2**40
    code, message = refusal_of(stub, request)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert message == f'feature "hour": a tensor of shape [{2**40}] is too large'


def test_values_that_do_not_fill_their_shape_are_refused(stub: PredictionServiceStub) -> None:
    request = request_for({"hour": [8, 9]})
    request.inputs["hour"].tensor_content = b"123"
    code, message = refusal_of(stub, request)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert message == 'feature "hour": the values do not fill the shape [2]'


@pytest.mark.parametrize(
    ("spec", "code", "message"),
    [
        ({"name": "other"}, grpc.StatusCode.NOT_FOUND, 'there is no model "other" here'),
        ({"version": 7}, grpc.StatusCode.NOT_FOUND, 'version "7" is not deployed; deployed: 101'),
        ({"version_label": "new"}, grpc.StatusCode.NOT_FOUND, 'there is no version with the label "new"'),
        ({"signature_name": "classify"}, grpc.StatusCode.INVALID_ARGUMENT, '"signature_name" must be'),
    ],
)
def test_a_model_that_is_not_there_is_named(
    stub: PredictionServiceStub, spec: dict[str, Any], code: grpc.StatusCode, message: str
) -> None:
    found, words = refusal_of(stub, request_for({"hour": [8]}, **spec))
    assert found == code
    assert words.startswith(message)


def test_an_output_can_be_chosen(stub: PredictionServiceStub) -> None:
    request = request_for({"hour": [8]})
    request.output_filter.append("predictions")
    assert list(stub.Predict(request, timeout=SECONDS).outputs) == ["predictions"]
    request.output_filter.append("logits")
    code, message = refusal_of(stub, request)
    assert (code, message) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        'there is no output "logits"; the outputs are: predictions',
    )


@pytest.mark.parametrize("body", [b"?", b"\x0a\x02\x0a\x09", b"\x0a\x07\x0a\x05rides\x12\x05abc"])
def test_bytes_that_are_no_message_are_refused(server: Server, channel: grpc.Channel, body: bytes) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/tensorflow.serving.PredictionService/Predict")(body, timeout=SECONDS)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_calls_that_are_not_served_and_long_messages_are_refused(stub: PredictionServiceStub) -> None:
    request = ClassificationRequest()
    request.model_spec.name = WORKLOAD
    with pytest.raises(grpc.RpcError) as unserved:
        stub.Classify(request, timeout=SECONDS)
    assert unserved.value.code() == grpc.StatusCode.UNIMPLEMENTED
    code, message = refusal_of(stub, request_for({"hour": [8] * 3000}))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in message


def test_requests_are_counted_beside_those_of_rest_for_prometheus_and_on_the_page(
    server: Server, stub: PredictionServiceStub
) -> None:
    def counted() -> tuple[float, float]:
        text = httpx.get(f"{server.url}/metrics", trust_env=False).text
        lines = [line for line in text.splitlines() if line.startswith('sluice_requests_total{code="200"')]
        [shown] = httpx.get(f"{server.url}/page/state", trust_env=False).json()["deployed"]
        return sum(float(line.split()[1]) for line in lines), shown["answers"].get("200", 0)

    before = counted()
    stub.Predict(request_for({"hour": [8]}), timeout=SECONDS)
    server.post([RIDE])
    assert counted() == (before[0] + 2, before[1] + 2)


def test_the_split_is_honoured_and_a_version_can_be_named(tmp_path: Path) -> None:
    versions = tmp_path / "serving" / WORKLOAD
    export_ride_model(versions / "101", 0.25)
    with served(tmp_path, "--grpc-port", "0") as server, grpc.insecure_channel(grpc_address_of(server)) as channel:
        stub = PredictionServiceStub(channel)
        export_ride_model(versions / "102", 0.75)
        endpoint = LocalEndpoint(versions, WORKLOAD)
        endpoint.deploy(ModelVersion("102", WORKLOAD, "102"))
        endpoint.set_traffic({"101": 50, "102": 50}, endpoint.state().etag)
        answers: Counter[tuple[int, float]] = Counter()
        for _ in range(200):
            response = stub.Predict(request_for(arrays_of([RIDE])), timeout=SECONDS)
            value = tf.make_ndarray(response.outputs["predictions"]).item()
            answers[response.model_spec.version.value, value] += 1
        assert set(answers) == {(101, 0.25), (102, 0.75)}
        # Less than 50 of 200 for one side happens once in 10^12.
        assert min(answers.values()) > 50
        endpoint.set_traffic({"101": 100}, endpoint.state().etag)
        named = stub.Predict(request_for(arrays_of([RIDE]), version=102), timeout=SECONDS)
        assert named.model_spec.version.value == 102
        endpoint.mirror(100, "102", endpoint.state().etag)
        stub.Predict(request_for(arrays_of([RIDE])), timeout=SECONDS)
        _wait_for(server, 'sluice_mirrored_requests_total{code="200",model="rides",version="102"} 1.0')
        assert server.stop() == 0


def _wait_for(server: Server, metric: str) -> None:
    until = time.monotonic() + SECONDS
    while metric not in (text := httpx.get(f"{server.url}/metrics", trust_env=False).text):
        assert time.monotonic() < until, text
        time.sleep(0.02)


def test_the_token_is_asked_for_and_tls_is_spoken(tmp_path: Path) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    issued = Authority().issue(["localhost"])
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(issued.certificate)
    key.write_bytes(issued.key)
    options = ["--grpc-port", "0", "--certificate", str(certificate), "--key", str(key)]
    with served(tmp_path, *options, SLUICE_SERVING_TOKEN="secret") as server:
        address = grpc_address_of(server).replace("127.0.0.1", "localhost")
        credentials = grpc.ssl_channel_credentials(issued.certificate)
        with grpc.secure_channel(address, credentials) as channel:
            stub = PredictionServiceStub(channel)
            request = request_for(arrays_of([RIDE]))
            for metadata in ((), (("authorization", "Bearer wrong"),)):
                assert refusal_of(stub, request, metadata=metadata)[0] == grpc.StatusCode.UNAUTHENTICATED
            allowed = (("authorization", "Bearer secret"),)
            assert stub.Predict(request, timeout=SECONDS, metadata=allowed).outputs


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "serving" / WORKLOAD / "101").mkdir(parents=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "serving", "--workload", WORKLOAD, "--output-dir", str(tmp_path)]
        options = ["--port", "0", "--grpc-port", str(port)]
        done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert f"sluice: cannot listen on 127.0.0.1:{port}: address already in use" in done.stderr
    assert "--grpc-port" in done.stderr


def test_a_request_that_has_begun_is_answered_and_logged_before_the_server_ends(tmp_path: Path) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    with (
        served(tmp_path, "--grpc-port", "0", *ALL) as server,
        grpc.insecure_channel(grpc_address_of(server)) as channel,
    ):
        assert server.process is not None
        stub = PredictionServiceStub(channel)
        children = psutil.Process(server.process.pid).children()
        [worker] = [each for each in children if "serving.worker" in each.cmdline()]
        worker.suspend()
        try:
            begun = stub.Predict.future(request_for(arrays_of([RIDE])), timeout=SECONDS)
            # The router answers this by itself; what came before it on the same connection has reached it then.
            request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
            request.model_spec.name = WORKLOAD
            stub.GetModelMetadata(request, timeout=SECONDS)
            server.process.send_signal(signal.SIGTERM)
            wait(lambda: not _listens(server), "the server did not begin to end")
            assert server.process.poll() is None
            assert not begun.done()
        finally:
            worker.resume()
        assert tf.make_ndarray(begun.result().outputs["predictions"]).item() == 0.25
        assert server.process.wait(SECONDS) == 0
    assert len(logs_of(tmp_path)) == 1


def _listens(server: Server) -> bool:
    try:
        return bool(httpx.get(f"{server.url}/healthz", trust_env=False))
    except httpx.TransportError:
        return False
