"""The local endpoint over real HTTP: Vertex' and TensorFlow Serving's protocols, and what is refused how."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import random
import socket
import subprocess
import sys
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

from benchmarks.serving.fuzz import MOST_GROWTH
from benchmarks.serving.measured import Target
from benchmarks.serving.mutations import requests_like, sent
from tests.samples.folders import ROOT
from tests.samples.fronts import FRONTS
from tests.samples.served_models import (
    RIDE,
    WORKLOAD,
    Server,
    error_of,
    export_image_model,
    export_ride_model,
    served,
)

VERTEX = f"/v1/projects/p/locations/us-central1/endpoints/{WORKLOAD}"
IDS = {"deployedModelId": "101", "model": WORKLOAD, "modelVersionId": "101"}


@pytest.fixture(scope="module", params=FRONTS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("http")
    export_ride_model(home / "serving" / WORKLOAD / "101", 0.25)
    with served(home, "--body-limit", "20000", *request.param) as server:
        yield server


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
    code, status, found = error_of(server.post([RIDE, instance]))
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
    code, _, found = error_of(httpx.post(server.predict_url, content=body, trust_env=False))
    assert code == 400
    assert found.startswith(message)


@pytest.mark.parametrize("length_is_known", [True, False])
def test_a_body_over_the_limit_is_refused(server: Server, length_is_known: bool) -> None:
    content = b" " * 20_001
    body: Any = content if length_is_known else iter([content[:10_000], content[10_000:]])
    code, _, message = error_of(httpx.post(server.predict_url, content=body, trust_env=False))
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
    code, status, found = error_of(server.post([RIDE], path))
    assert (code, status) == (404, "NOT_FOUND")
    assert message in found


def test_another_method_is_405(server: Server) -> None:
    assert error_of(httpx.get(server.predict_url, trust_env=False))[0] == 405


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


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000, 431, "the head of the request is longer than 65536 bytes"),
        (b"\x16\x03\x01\x00\xa5\x01\x00", 400, "Invalid HTTP request"),
        (b"GET /nowhere HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nHost: h\r\n\r\n", 404, "GET /nowhere"),
    ],
)
def test_what_is_no_request_is_refused_as_vertex_words_it(
    server: Server, content: bytes, code: int, message: str
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(content)
        head, _, body = _received(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % code)
    error = json.loads(body)["error"]
    assert (error["code"], error["message"][: len(message)]) == (code, message)


def _received(connection: socket.socket) -> bytes:
    """One answer."""
    found = b""
    while True:
        part = connection.recv(65_536)
        found += part
        head, end, body = found.partition(b"\r\n\r\n")
        if not part or (end and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])):
            return found


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
                error_of(response)

        sent()
    assert sum(codes.values()) >= 2000
    assert codes[200] > 200, codes
    assert codes[400] > 200, codes
    assert server.post([RIDE]).status_code == 200


def test_bytes_that_were_changed_by_chance_neither_end_the_server_nor_stay_in_its_memory(server: Server) -> None:
    assert server.process is not None
    target = Target(server.predict_url, psutil.Process(server.process.pid))
    port = int(server.url.rsplit(":", 1)[1])
    changed = requests_like([_encoded({"instances": [RIDE] * 3})], f"/v1/models/{WORKLOAD}:predict", random.Random(7))
    warm_up = asyncio.run(sent(changed, 200, port))
    before = target.memory()
    outcome = asyncio.run(sent(changed, 400, port))
    assert warm_up.failed + outcome.failed == []
    assert {200, 400} <= set(outcome.codes)
    assert target.memory() - before < MOST_GROWTH
    assert server.post([RIDE]).status_code == 200


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
            code, _, message = error_of(server.post([{"image": wrong}]))
            assert code == 400
            assert message.startswith(expected)


def test_two_servers_do_not_serve_the_same_versions(server: Server) -> None:
    command = [sys.executable, "-m", "serving", "--workload", WORKLOAD, "--output-dir", str(server.home), "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert f"another process serves {server.versions} at {server.url}" in done.stderr
