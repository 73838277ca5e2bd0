"""`python -m serving` as a process: what it starts with, changes under load, its end, and TLS."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.testing.certificates import Authority
from serving.contract import ModelVersion
from serving.local.endpoint import LocalEndpoint
from tests.samples.folders import ROOT
from tests.samples.fronts import ENVOY, FRONTS, needs_envoy
from tests.samples.served_models import RIDE, WORKLOAD, Server, error_of, export_ride_model, served


@pytest.mark.parametrize("front", FRONTS)
def test_versions_are_swapped_under_load_without_a_lost_request(tmp_path: Path, front: tuple[str, ...]) -> None:
    versions = tmp_path / "serving" / WORKLOAD
    export_ride_model(versions / "101", 0.25)
    with served(tmp_path, *front) as server, _Load(server, clients=4) as load:
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


@pytest.mark.parametrize("front", FRONTS)
def test_a_request_that_has_begun_is_answered_before_the_server_ends(tmp_path: Path, front: tuple[str, ...]) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    with served(tmp_path, *front) as server:
        rows = 15_000  # about 1 MB
        body = json.dumps({"instances": [RIDE] * rows}).encode()
        client = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]), timeout=60)
        client.putrequest("POST", f"/v1/models/{WORKLOAD}:predict")
        client.putheader("Content-Length", str(len(body)))
        client.putheader("Expect", "100-continue")
        client.endheaders()
        # The server asks for the body: it has begun with the request.
        assert client.sock.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n")
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        client.send(body)
        response = client.getresponse()
        assert response.status == 200
        assert len(json.loads(response.read())["predictions"]) == rows
        assert server.process.wait(60) == 0


@pytest.mark.parametrize("front", FRONTS)
def test_a_token_is_asked_for_where_one_is_set(tmp_path: Path, front: tuple[str, ...]) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    with served(tmp_path, *front, SLUICE_SERVING_TOKEN="tökén") as server:
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic tökén"}):
            sent = [(name, value.encode()) for name, value in headers.items()]
            for method, path in (("POST", ":predict"), ("GET", ""), ("GET", "/metadata")):
                url = f"{server.url}/v1/models/{WORKLOAD}{path}"
                refused = httpx.request(method, url, headers=sent, json={"instances": [RIDE]}, trust_env=False)
                assert error_of(refused)[:2] == (401, "UNAUTHENTICATED")
                assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert httpx.get(f"{server.url}/openapi.json", trust_env=False).status_code == 404
        assert LocalEndpoint(server.versions, WORKLOAD, token="tökén").predict([RIDE]).deployed_id == "101"


@pytest.mark.parametrize("front", FRONTS)
def test_answers_over_tls(tmp_path: Path, front: tuple[str, ...]) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    certificate, key = _certificate(tmp_path)
    with served(tmp_path, "--certificate", certificate, "--key", key, *front) as server:
        assert server.url.startswith("https://")
        assert LocalEndpoint(server.versions, WORKLOAD).predict([RIDE]).deployed_id == "101"


def _certificate(folder: Path) -> tuple[str, str]:
    """One that an authority issued which no machine trusts."""
    issued = Authority().issue(["serving.example"])
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(issued.certificate)
    key.write_bytes(issued.key)
    return str(certificate), str(key)


@pytest.mark.parametrize(
    ("prepare", "arguments", "sentence"),
    [
        ("nothing", [], "there is no folder"),
        ("nothing", [], "Push one:  python runners/local_runner.py --workload rides --output-dir {home}\n"),
        ("empty", [], "holds no version to serve"),
        ("empty", [], "Push one:  python runners/local_runner.py --workload rides --output-dir {home}\n"),
        ("model", ["--port", "{taken}"], "cannot listen on 127.0.0.1:{taken}: address already in use"),
        ("model", ["--host", "203.0.113.1"], "cannot listen on 203.0.113.1:0"),
        ("model", ["--workload", "../serving/rides"], "`../serving/rides` is a path or nothing"),
        ("model", ["--certificate", "no.pem"], "TLS takes a certificate and its key"),
        ("model", ["--certificate", "no.pem", "--key", "no.key"], "are no certificate and key for TLS"),
        ("damaged", [], "state.json is damaged"),
        ("folder for a file", [], "state.json cannot be used: it is a folder, not a file."),
        ("file for a folder", [], ".endpoint, which would hold the state of the endpoint, cannot be made: File exists"),
        ("model", ["--port", "70000"], "70000"),
        pytest.param(
            *("model", [*ENVOY, "--port", "{taken}"], "cannot listen on 127.0.0.1:{taken}: address already in use"),
            marks=needs_envoy,
        ),
        pytest.param("empty", [*ENVOY], "holds no version to serve", marks=needs_envoy),
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    tmp_path: Path, prepare: str, arguments: list[str], sentence: str
) -> None:
    versions = tmp_path / "serving" / WORKLOAD
    if prepare != "nothing":
        versions.mkdir(parents=True)
    if prepare not in ("nothing", "empty"):
        (versions / "101").mkdir()
    if prepare == "file for a folder":
        (versions / ".endpoint").touch()
    if prepare == "folder for a file":
        (versions / ".endpoint/state.json").mkdir(parents=True)
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
    assert sentence.format(taken=port, home=tmp_path) in done.stderr
    assert len(done.stderr.splitlines()) <= 2
