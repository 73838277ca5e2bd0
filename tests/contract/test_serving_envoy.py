"""Envoy as the front: what is true of it beyond what holds for every front."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from serving.contract import ModelVersion
from serving.local.endpoint import LocalEndpoint
from serving.log.answer_source import answer_source_at
from serving.watch.window import AnswerSource
from tests.samples.fronts import ENVOY, needs_envoy
from tests.samples.served_models import RIDE, WORKLOAD, Server, error_of, export_ride_model, served

pytestmark = needs_envoy
TOKEN = "a-secret-of-this-test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("envoy")
    for version, base in (("101", 0.25), ("102", 0.75)):
        export_ride_model(home / "serving" / WORKLOAD / version, base)
    with served(home, *ENVOY) as running:
        yield running


@pytest.fixture
def endpoint(server: Server) -> LocalEndpoint:
    """Version 101 has all traffic; 102 is deployed and answers otherwise."""
    endpoint = LocalEndpoint(server.versions, WORKLOAD)
    for version in ("101", "102"):
        endpoint.deploy(ModelVersion(version, WORKLOAD, version))
    endpoint.set_traffic({"101": 100}, endpoint.mirror(0, "101", endpoint.state().etag).etag)
    return endpoint


def test_a_router_that_hangs_takes_no_answers(server: Server, endpoint: LocalEndpoint) -> None:
    endpoint.set_traffic({"101": 50, "102": 50}, endpoint.state().etag)
    before = _figure(server, "sluice_requests_total", "200")
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        answers = [server.post([RIDE]) for _ in range(100)]
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    counts = Counter(each.json()["deployedModelId"] for each in answers)
    assert {each.status_code for each in answers} == {200}
    # Six standard deviations of the binomial are 30.
    assert 20 <= counts["102"] <= 80
    # What was answered meanwhile is counted once the router goes on.
    _wait_until(lambda: _figure(server, "sluice_requests_total", "200") - before >= 100, "the answers are not counted")


def test_an_envoy_that_is_killed_is_started_again(server: Server, endpoint: LocalEndpoint) -> None:
    (old,) = _envoys(server)
    old.kill()
    old.wait(60)
    _wait_until(lambda: _answers(server), "Envoy was not started again")
    (new,) = _envoys(server)
    assert new.pid != old.pid
    # The new one has the split of the old one, and follows changes.
    assert server.post([RIDE]).json()["deployedModelId"] == "101"
    endpoint.set_traffic({"102": 100}, endpoint.state().etag)
    assert server.post([RIDE]).json()["deployedModelId"] == "102"
    assert server.stop() == 0
    assert not new.is_running()
    server.start()


def test_copies_come_in_their_share_and_never_to_who_answers(server: Server, endpoint: LocalEndpoint) -> None:
    def copies(version: str) -> float:
        return _figure(server, "sluice_mirrored_requests_total", "200", version)

    before = copies("102")
    endpoint.set_traffic({"101": 50, "102": 50}, endpoint.state().etag)
    endpoint.mirror(50, "102", endpoint.state().etag)
    answered = Counter(server.post([RIDE]).json()["deployedModelId"] for _ in range(300))
    endpoint.mirror(0, "102", endpoint.state().etag)
    endpoint.set_traffic({"101": 100}, endpoint.state().etag)
    # Half of what 101 answered, within six standard deviations of the binomial.
    low, high = (answered["101"] / 2 + sign * 3 * answered["101"] ** 0.5 for sign in (-1, 1))
    _wait_until(lambda: copies("102") - before >= low, "the copies have not come")
    # A version that has ended has answered all that was sent to it.
    endpoint.undeploy("102")
    _wait_until(lambda: len(_workers(server)) == 1, "a version that was undeployed goes on")
    assert low <= copies("102") - before <= high
    assert copies("101") == 0


def test_a_large_request_is_copied_whole(server: Server, endpoint: LocalEndpoint) -> None:
    """Larger than what Envoy holds of a request."""
    before = _figure(server, "sluice_mirrored_requests_total", "200", "102")
    endpoint.mirror(100, "102", endpoint.state().etag)
    rows = 21_000  # about 1.4 MB
    assert len(server.post([RIDE] * rows).json()["predictions"]) == rows

    def is_copied() -> bool:
        return _figure(server, "sluice_mirrored_requests_total", "200", "102") == before + 1

    _wait_until(is_copied, "the copy has not come")


def test_requests_that_no_version_answers_are_failures_of_that_version(server: Server, endpoint: LocalEndpoint) -> None:
    source = answer_source_at(str(server.versions / ".endpoint/answers"))
    cursor = _cursor_after_all_so_far(server, source)
    before = _figure(server, "sluice_requests_total", "503", "101")
    away = server.home / "away"
    shutil.move(server.versions / "101", away)
    try:
        for each in _workers(server):
            if str(server.versions / "101") in " ".join(each.cmdline()):
                each.kill()
                each.wait(60)
        code, status, message = error_of(response := server.post([RIDE]))
        assert (code, status, response.headers["Retry-After"]) == (503, "UNAVAILABLE", "1")
        assert message == "the version does not answer; come again"

        def is_counted() -> bool:
            return _figure(server, "sluice_requests_total", "503", "101") == before + 1

        _wait_until(is_counted, "the failure is not counted")
        _wait_until(lambda: len(source.since(cursor, "102", "101").stable) == 1, "the failure is not in the record")
        assert source.since(cursor, "102", "101").stable[0].scores is None
    finally:
        shutil.move(away, server.versions / "101")
    _wait_until(lambda: all(each.ready for each in endpoint.deployed()), "the version has not come back")
    assert server.post([RIDE]).status_code == 200


def test_no_secret_stands_in_a_file_or_in_the_arguments_of_a_process(tmp_path: Path) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    with served(tmp_path, *ENVOY, SLUICE_SERVING_TOKEN=TOKEN) as server:
        assert LocalEndpoint(server.versions, WORKLOAD, token=TOKEN).predict([RIDE]).deployed_id == "101"
        (envoy,) = _envoys(server)
        folder = Path(envoy.cmdline()[envoy.cmdline().index("--config-path") + 1]).parent
        files = [path for path in folder.iterdir() if path.is_file()]
        assert {"envoy.json", "clusters.json", "routes.json"} <= {path.name for path in files}
        assert folder.stat().st_mode & 0o077 == 0
        for path in files:
            assert TOKEN not in path.read_text(), path
        for each in _children(server):
            assert TOKEN not in " ".join(each.cmdline())


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("header", ["x-envoy-upstream-rq-timeout-ms", "x-envoy-upstream-alt-stat-name"])
def test_no_client_steers_envoy_by_a_header(server: Server, header: str) -> None:
    headers = {header: "1"}
    answer = httpx.post(server.predict_url, json={"instances": [RIDE] * 500}, headers=headers, trust_env=False)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("x-envoy") or name == "server"]


def _cursor_after_all_so_far(server: Server, source: AnswerSource) -> str:
    """Answers are recorded in their order, a moment later: behind one that differs, all before it are there, too."""
    begin = source.since("", "102", "101").cursor
    assert server.post([{**RIDE, "hour": 0}]).json()["deployedModelId"] == "101"

    def is_recorded() -> bool:
        return any(each.scores and each.scores["tip"] == 0 for each in source.since(begin, "102", "101").stable)

    _wait_until(is_recorded, "the answer is not in the record")
    return source.since(begin, "102", "101").cursor


def _children(server: Server) -> list[psutil.Process]:
    assert server.process is not None
    return [each for each in psutil.Process(server.process.pid).children() if each.status() != psutil.STATUS_ZOMBIE]


def _workers(server: Server) -> list[psutil.Process]:
    return [each for each in _children(server) if "serving.worker" in each.cmdline()]


def _envoys(server: Server) -> list[psutil.Process]:
    return [each for each in _children(server) if "--config-path" in each.cmdline()]


def _answers(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _figure(server: Server, name: str, code: str, version: str = "") -> float:
    """The sum over the versions, or that of one."""
    lines = httpx.get(f"{server.url}/metrics", trust_env=False).text.splitlines()
    wanted = [line for line in lines if line.startswith(name) and f'code="{code}"' in line]
    return sum(float(line.split()[-1]) for line in wanted if f'version="{version}' in line)


def _wait_until(is_met: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + 120
    while not is_met():
        assert time.monotonic() < until, otherwise
        time.sleep(0.05)
