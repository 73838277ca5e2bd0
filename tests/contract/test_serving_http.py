"""The local endpoint over real HTTP: Vertex' and TensorFlow Serving's protocols, refusals, and changes under load."""

from __future__ import annotations

import base64
import concurrent.futures
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cloud.testing.certificates import Authority
from serving.contract import ModelVersion
from serving.local.endpoint import LocalEndpoint
from tests.samples.folders import ROOT
from tests.samples.served_models import (
    RIDE,
    WORKLOAD,
    Server,
    export_image_model,
    export_ride_model,
    served,
)

VERTEX = f"/v1/projects/p/locations/us-central1/endpoints/{WORKLOAD}"
IDS = {"deployedModelId": "101", "model": WORKLOAD, "modelVersionId": "101"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("http")
    export_ride_model(home / "serving" / WORKLOAD / "101", 0.25)
    with served(home, "--body-limit", "20000") as server:
        yield server


def _error(response: httpx.Response) -> tuple[int, str, str]:
    """Code, status and message, checked to be in Vertex' form."""
    body = response.json()
    assert set(body) == {"error"} and set(body["error"]) == {"code", "message", "status"}
    assert body["error"]["code"] == response.status_code
    return response.status_code, body["error"]["status"], body["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [f"/v1/models/{WORKLOAD}:predict", f"/v1/models/{WORKLOAD}/versions/101:predict", f"{VERTEX}:predict"],
)
def test_each_path_of_predictions_answers_as_vertex_does(server: Server, path: str) -> None:
    response = server.post([RIDE, {**RIDE, "hour": 0}], path)
    assert response.status_code == 200
    first = {"label": "no tip", "probability": 0.75, "scores": {"no tip": 0.75, "tip": 0.25}}
    second = {"label": "no tip", "probability": 1.0, "scores": {"no tip": 1.0, "tip": 0.0}}
    assert response.json() == {"predictions": [first, second], **IDS}
    assert response.headers["X-Vertex-AI-Deployed-Model-Id"] == "101"
    assert response.headers["X-Vertex-AI-Model"] == WORKLOAD
    assert response.headers["X-Vertex-AI-Model-Version-Id"] == "101"


def test_a_raw_prediction_has_the_ids_in_its_headers_alone(server: Server) -> None:
    response = server.post([RIDE], f"{VERTEX}:rawPredict")
    assert set(response.json()) == {"predictions"}
    assert response.headers["X-Vertex-AI-Deployed-Model-Id"] == "101"


def test_missing_values_are_null_or_absent_where_the_signature_allows_it(server: Server) -> None:
    answers = server.post([{"hour": 8}, {"hour": 8, "fare": None, "company": None}]).json()["predictions"]
    assert [each["scores"]["tip"] for each in answers] == [0.25, 0.25]


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        ({"fare": 1.0}, 'instance 1: feature "hour": expected a whole number, got nothing'),
        ({"hour": None}, 'instance 1: feature "hour": expected a whole number, got nothing'),
        ({"hour": 8.5}, 'instance 1: feature "hour": expected a whole number, got 8.5'),
        ({"hour": True}, 'instance 1: feature "hour": expected a whole number, got true'),
        ({"hour": 2**63}, 'instance 1: feature "hour": expected a whole number that int64 can hold'),
        ({"hour": 1, "fare": "12"}, 'instance 1: feature "fare": expected a number or null, got "12"'),
        ({"hour": 1, "fare": 1e39}, 'instance 1: feature "fare": expected a number or null that float32 can hold'),
        ({"hour": 1, "company": 7}, 'instance 1: feature "company": expected a text or null or {"b64": base64}, got 7'),
        ({"hour": 1, "company": {"b64": "?"}}, 'instance 1: feature "company": expected a text or null'),
        ({"hour": 1, "fares": 2}, 'instance 1: there is no feature "fares"; did you mean "fare"?'),
        (7, "instance 1: expected an object with the features company, fare, hour, …, got 7"),
    ],
)
def test_a_value_that_does_not_fit_is_named(server: Server, instance: Any, message: str) -> None:
    code, status, found = _error(server.post([RIDE, instance]))
    assert (code, status) == (400, "INVALID_ARGUMENT")
    assert found.startswith(message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b'{"instances": [NaN]}', "the body is not JSON"),
        (b"[1]", "the body must be an object"),
        (b'{"inputs": {}}', "the body must be an object"),
        (b'{"instances": {}}', '"instances" must be a list'),
        (b'{"instances": []}', '"instances" must be a list'),
        (b'{"instances": [1], "parameters": 1}', '"parameters" must be an object'),
        (b'{"instances": [1], "instance": 1}', 'the body has a key "instance"'),
        (b"[" * 1000, "the body is not JSON"),
    ],
)
def test_a_body_of_another_form_is_refused(server: Server, body: bytes, message: str) -> None:
    code, _, found = _error(httpx.post(server.predict_url, content=body, trust_env=False))
    assert code == 400
    assert found.startswith(message)


@pytest.mark.parametrize("length_is_known", [True, False])
def test_a_body_over_the_limit_is_refused(server: Server, length_is_known: bool) -> None:
    content = b" " * 20_001
    body: Any = content if length_is_known else iter([content[:10_000], content[10_000:]])
    code, _, message = _error(httpx.post(server.predict_url, content=body, trust_env=False))
    assert code == 413
    assert "20000 bytes" in message


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/models/other:predict", 'no model "other"'),
        (f"/v1/models/{WORKLOAD}/versions/7:predict", 'version "7" is not deployed; deployed: 101'),
        (f"/v1/models/{WORKLOAD}/deployed/7:predict", 'no model "7"'),
        ("/v1/projects/p/locations/l/endpoints/other:predict", 'no model "other"'),
        ("/nowhere", "POST /nowhere"),
    ],
)
def test_a_path_to_nowhere_is_404(server: Server, path: str, message: str) -> None:
    code, status, found = _error(server.post([RIDE], path))
    assert (code, status) == (404, "NOT_FOUND")
    assert message in found


def test_another_method_is_405(server: Server) -> None:
    assert _error(httpx.get(server.predict_url, trust_env=False))[0] == 405


def test_answers_as_tensorflow_serving_about_its_versions(server: Server) -> None:
    def get(path: str) -> Any:
        return httpx.get(f"{server.url}/v1/models/{WORKLOAD}{path}", trust_env=False).json()

    status = {"version": "101", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert get("") == get("/versions/101") == {"model_version_status": [status]}
    metadata = get("/metadata")
    assert metadata == get("/versions/101/metadata")
    assert metadata["model_spec"] == {"name": WORKLOAD, "signature_name": "", "version": "101"}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert {name: each["dtype"] for name, each in signature["inputs"].items()} == {
        "company": "DT_STRING",
        "fare": "DT_FLOAT",
        "hour": "DT_INT64",
    }
    assert signature["outputs"]["predictions"]["tensor_shape"]["dim"][0]["size"] == "-1"


def test_the_openapi_page_describes_an_instance_by_the_signature(server: Server) -> None:
    page = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()
    instance = page["components"]["schemas"]["Request"]["properties"]["instances"]["items"]
    assert instance["required"] == ["hour"]
    assert instance["properties"]["hour"] == {"type": "integer", "format": "int64"}
    assert {"type": "null"} in instance["properties"]["fare"]["anyOf"]
    assert "requestBody" in page["paths"]["/v1/models/{model}:predict"]["post"]


def test_metrics_are_by_version_and_code(server: Server) -> None:
    server.post([RIDE])
    server.post([{}])
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    for code in ("200", "400"):
        assert f'sluice_requests_total{{code="{code}",model="rides",version="101"}}' in text
    assert 'sluice_traffic_share{model="rides",version="101"} 100.0' in text
    assert 'sluice_ready{model="rides",version="101"} 1.0' in text


def test_half_sent_requests_do_not_keep_others_waiting(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(200)]
    try:
        for each in slow:
            each.sendall(b"POST /v1/models/rides:predict HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
        assert server.post([RIDE]).status_code == 200
    finally:
        for each in slow:
            each.close()


def _as_b64(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["b64", "AA=="]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.just("b64"), inner, max_size=4)
    ),
    max_leaves=12,
)
_FITTING = st.fixed_dictionaries(
    {"hour": st.integers(-(2**63), 2**63 - 1)},
    optional={
        "fare": st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30),
        "company": st.none() | st.text(max_size=300) | st.binary().map(_as_b64),
    },
)
_VALUE = _JSON | st.floats(width=32) | st.integers() | st.text(max_size=30)
_ODD = st.fixed_dictionaries({"hour": _VALUE}, optional={"fare": _VALUE, "company": _VALUE}) | _JSON
_BODY = st.one_of(
    st.fixed_dictionaries({"instances": st.lists(_FITTING, min_size=1, max_size=5)}).map(_encoded),
    st.fixed_dictionaries({"instances": st.lists(_ODD, max_size=3) | _JSON}, optional={"parameters": _JSON}).map(
        _encoded
    ),
    st.binary(max_size=300),
).filter(lambda body: len(body) < 19_000)


def test_whatever_is_sent_the_answer_is_no_fault_of_the_server(server: Server) -> None:
    codes: Counter[int] = Counter()
    with httpx.Client(trust_env=False, timeout=60) as client:

        @settings(max_examples=2000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(_BODY)
        def sent(body: bytes) -> None:
            response = client.post(server.predict_url, content=body)
            codes[response.status_code] += 1
            assert response.status_code in (200, 400), response.text
            if response.status_code == 400:
                _error(response)

        sent()
    assert sum(codes.values()) >= 2000
    assert codes[200] > 200, codes
    assert codes[400] > 200, codes
    assert server.post([RIDE]).status_code == 200


def test_versions_are_swapped_under_load_without_a_lost_request(tmp_path: Path) -> None:
    versions = tmp_path / "serving" / WORKLOAD
    export_ride_model(versions / "101", 0.25)
    with served(tmp_path) as server, _Load(server, clients=4) as load:
        load.wait_for(200)
        # The newest version takes over by itself, as long as nobody has set the traffic.
        incoming = export_ride_model(tmp_path / "incoming", 0.75)
        incoming.rename(versions / "102")
        load.wait_for_answer_of("102")
        endpoint = LocalEndpoint(versions, WORKLOAD)
        export_ride_model(versions / "103", 0.5)
        endpoint.deploy(ModelVersion("103", WORKLOAD, "103"))
        endpoint.set_traffic({"102": 50, "103": 50}, endpoint.state().etag)
        load.wait_for_answer_of("103")
        endpoint.rollback(endpoint.state().etag)
        endpoint.undeploy("103")
        endpoint.set_traffic({"101": 100}, endpoint.state().etag)
        endpoint.undeploy("102")
        load.wait_for(500)
    assert set(load.answers) == {("101", 0.25), ("102", 0.75), ("103", 0.5)}
    assert load.failures == []


class _Load:
    """Clients that ask one after another until the block ends."""

    def __init__(self, server: Server, clients: int) -> None:
        self.answers: Counter[tuple[str, float]] = Counter()
        self.failures: list[str] = []
        self._server = server
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._pool = concurrent.futures.ThreadPoolExecutor(clients)
        self._clients = clients

    def __enter__(self) -> _Load:
        self._running = [self._pool.submit(self._ask) for _ in range(self._clients)]
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._pool.shutdown()
        for each in self._running:
            each.result()

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=60) as client:
            while not self._ended.is_set():
                response = client.post(self._server.predict_url, json={"instances": [RIDE]})
                with self._lock:
                    if response.status_code != 200:
                        self.failures.append(response.text)
                        continue
                    body = response.json()
                    self.answers[body["deployedModelId"], body["predictions"][0]["scores"]["tip"]] += 1

    def wait_for(self, more: int) -> None:
        """Until so many more requests were answered."""
        goal = self.answers.total() + more
        self._wait(lambda: self.answers.total() >= goal)

    def wait_for_answer_of(self, deployed_id: str) -> None:
        self._wait(lambda: any(each == deployed_id for each, _ in [*self.answers]))

    def _wait(self, is_met: Any) -> None:
        until = time.monotonic() + 120
        while not is_met():
            assert time.monotonic() < until, (self.answers, self.failures[:3])
            time.sleep(0.02)


def test_a_request_that_has_begun_is_answered_before_the_server_ends(tmp_path: Path) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    with served(tmp_path) as server, concurrent.futures.ThreadPoolExecutor(1) as pool:
        rows = 15_000  # about 1 MB
        begun = pool.submit(server.post, [RIDE] * rows)
        assert server.process is not None
        # The request has reached the server when its connection is there.
        _wait_for_connection(server)
        server.process.send_signal(signal.SIGTERM)
        response = begun.result()
        assert response.status_code == 200
        assert len(response.json()["predictions"]) == rows
        assert server.process.wait(60) == 0


def _wait_for_connection(server: Server) -> None:
    assert server.process is not None
    port = int(server.url.rsplit(":", 1)[1])
    until = time.monotonic() + 60
    while time.monotonic() < until:
        open_ones = psutil.Process(server.process.pid).connections("tcp")
        if any(each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED for each in open_ones):
            return
        time.sleep(0.005)
    raise AssertionError("the request did not reach the server")


def test_a_token_is_asked_for_where_one_is_set(tmp_path: Path) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    with served(tmp_path, SLUICE_SERVING_TOKEN="tökén") as server:
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic tökén"}):
            sent = [(name, value.encode()) for name, value in headers.items()]
            for method, path in (("POST", ":predict"), ("GET", ""), ("GET", "/metadata")):
                url = f"{server.url}/v1/models/{WORKLOAD}{path}"
                refused = httpx.request(method, url, headers=sent, json={"instances": [RIDE]}, trust_env=False)
                assert _error(refused)[:2] == (401, "UNAUTHENTICATED")
        assert LocalEndpoint(server.versions, WORKLOAD, token="tökén").predict([RIDE]).deployed_id == "101"


def test_answers_over_tls(tmp_path: Path) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    certificate, key = _certificate(tmp_path)
    with served(tmp_path, "--certificate", certificate, "--key", key) as server:
        assert server.url.startswith("https://")
        assert LocalEndpoint(server.versions, WORKLOAD).predict([RIDE]).deployed_id == "101"


def _certificate(folder: Path) -> tuple[str, str]:
    """One that an authority issued which no machine trusts."""
    issued = Authority().issue(["serving.example"])
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(issued.certificate)
    key.write_bytes(issued.key)
    return str(certificate), str(key)


def test_serves_one_model_alone_as_a_container_on_vertex(tmp_path: Path) -> None:
    model = export_ride_model(tmp_path / "model", 0.25)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "AIP_HTTP_PORT": str(port),
        "AIP_HEALTH_ROUTE": "/health",
        "AIP_PREDICT_ROUTE": "/ask",
        "AIP_STORAGE_URI": str(model),
    }
    process = subprocess.Popen([sys.executable, "-m", "serving"], cwd=ROOT, env={**os.environ, **environment})
    try:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
            # The port listens from the start; requests wait until the model is loaded.
            until = time.monotonic() + 60
            while True:
                try:
                    assert client.get("/health").status_code == 200
                    break
                except httpx.ConnectError:
                    assert time.monotonic() < until and process.poll() is None
                    time.sleep(0.1)
            answer = client.post("/ask", json={"instances": [RIDE], "parameters": {"a": 1}})
            assert answer.json() == {
                "predictions": [{"label": "no tip", "probability": 0.75, "scores": {"no tip": 0.75, "tip": 0.25}}]
            }
            assert _error(client.post("/ask", json={"instances": [{}]}))[0] == 400
            assert "sluice_instances_total 1.0" in client.get("/metrics").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_images_come_as_pixels_or_as_files(tmp_path: Path) -> None:
    export_image_model(tmp_path / "serving" / WORKLOAD / "101")
    pixels = np.zeros((4, 4, 1), np.uint8)
    pixels[0, 0] = 255
    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0]).save(file, "PNG")
    as_file = {"b64": base64.b64encode(file.getvalue()).decode()}
    large = io.BytesIO()
    Image.new("L", (5, 4)).save(large, "PNG")
    too_large = {"b64": base64.b64encode(large.getvalue()).decode()}
    with served(tmp_path) as server:
        # A model with one input takes its bare value, too.
        forms = [{"image": pixels.tolist()}, {"image": as_file}, as_file, pixels.tolist()]
        answers = server.post(forms).json()["predictions"]
        assert [each["label"] for each in answers] == ["dark"] * 4
        assert {each["scores"]["bright"] for each in answers} == {0.0625}
        expected = 'instance 0: feature "image": expected lists of shape [4, 4, 1], of int64'
        for wrong in (
            pixels[0].tolist(),
            {"b64": "AAAA"},
            too_large,
            [[[None] * 1] * 4] * 4,
            [[[1], [2, 3]]],
            "x",
            0.5,
        ):
            code, _, message = _error(server.post([{"image": wrong}]))
            assert code == 400
            assert message.startswith(expected)


@pytest.mark.parametrize(
    ("prepare", "arguments", "sentence"),
    [
        ("nothing", [], "there is no folder"),
        ("empty", [], "holds no version to serve"),
        ("model", ["--port", "{taken}"], "cannot listen on 127.0.0.1:{taken}: address already in use"),
        ("model", ["--host", "203.0.113.1"], "cannot listen on 203.0.113.1:0"),
        ("model", ["--certificate", "no.pem"], "TLS takes a certificate and its key"),
        ("model", ["--certificate", "no.pem", "--key", "no.key"], "are no certificate and key for TLS"),
        ("damaged", [], "state.json is damaged"),
        ("model", ["--port", "70000"], "70000"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    tmp_path: Path, prepare: str, arguments: list[str], sentence: str
) -> None:
    versions = tmp_path / "serving" / WORKLOAD
    if prepare != "nothing":
        versions.mkdir(parents=True)
    if prepare in ("model", "damaged"):
        (versions / "101").mkdir()
    if prepare == "damaged":
        (versions / ".endpoint").mkdir()
        (versions / ".endpoint/state.json").write_text("{")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [
            sys.executable,
            "-m",
            "serving",
            "--workload",
            WORKLOAD,
            "--output-dir",
            str(tmp_path),
            "--port",
            "0",
        ]
        given_ones = [each.replace("{taken}", port) for each in arguments]
        done = subprocess.run([*command, *given_ones], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert done.stderr.startswith("sluice: ")
    assert sentence.replace("{taken}", port) in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_two_servers_do_not_serve_the_same_versions(server: Server) -> None:
    command = [sys.executable, "-m", "serving", "--workload", WORKLOAD, "--output-dir", str(server.home), "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert f"another process serves {server.versions} at {server.url}" in done.stderr
