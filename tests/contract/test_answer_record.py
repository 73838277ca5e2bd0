"""The record of answers that `python -m serving` keeps, read by another process while requests are answered."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from serving.contract import ModelVersion
from serving.local.endpoint import LocalEndpoint
from serving.log.answer_source import answer_source_at
from serving.watch.window import AnswerSource, Observation, Window
from tests.samples.fronts import FRONTS
from tests.samples.served_models import RIDE, WORKLOAD, Server, export_ride_model, served


@pytest.fixture(scope="module", params=FRONTS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Version 101 has all traffic; 102 is deployed and answers otherwise."""
    home = tmp_path_factory.mktemp("out")
    for version, base in (("101", 0.25), ("102", 0.9)):
        export_ride_model(home / "serving" / WORKLOAD / version, base)
    with served(home, *request.param) as running:
        endpoint = LocalEndpoint(running.versions, WORKLOAD)
        for version in ("101", "102"):
            endpoint.deploy(ModelVersion(version, WORKLOAD, version))
        endpoint.set_traffic({"101": 100}, endpoint.state().etag)
        yield running


@pytest.fixture
def source(server: Server) -> AnswerSource:
    return answer_source_at(str(server.versions / ".endpoint/answers"))


def _tip(answer: Observation) -> float:
    assert answer.scores is not None
    return round(answer.scores["tip"], 3)


def _seen(source: AnswerSource, cursor: str, enough: Callable[[Window], bool]) -> Window:
    """What 101 (stable) and 102 (canary) answered after the cursor, once it is enough."""
    until = time.monotonic() + 60
    canary: list[Observation] = []
    stable: list[Observation] = []
    while time.monotonic() < until:
        window = source.since(cursor, "102", "101")
        cursor = window.cursor
        canary += window.canary
        stable += window.stable
        if enough(found := Window(canary, stable, cursor)):
            return found
        time.sleep(0.05)
    raise AssertionError(f"not in the record: {len(canary)} and {len(stable)}")


def test_every_answer_of_both_versions_is_seen_once_with_its_scores(server: Server, source: AnswerSource) -> None:
    endpoint = LocalEndpoint(server.versions, WORKLOAD)
    endpoint.set_traffic({"101": 50, "102": 50}, endpoint.state().etag)
    cursor = source.since("", "102", "101").cursor
    sent = Counter(server.post([RIDE]).json()["deployedModelId"] for _ in range(40))
    # Who names a version tests it: that is no sample of what users send.
    server.post([{**RIDE, "hour": 0}], f"/v1/models/{WORKLOAD}/versions/102:predict")
    server.post([{**RIDE, "hour": 0}], f"/v1/models/{WORKLOAD}/deployed/101:predict")
    endpoint.set_traffic({"101": 100}, endpoint.state().etag)
    last = server.post([{**RIDE, "hour": 0}]).json()["predictions"][0]["scores"]
    found = _seen(source, cursor, lambda window: any(each.scores == last for each in window.stable))
    assert [_tip(each) for each in found.stable] == [0.25] * sent["101"] + [0.0]
    assert [_tip(each) for each in found.canary] == [0.9] * sent["102"]
    assert all(0 < each.seconds < 60 for each in (*found.stable, *found.canary))


def test_a_request_that_a_version_refuses_is_seen_as_one_without_scores(server: Server, source: AnswerSource) -> None:
    cursor = source.since("", "102", "101").cursor
    assert server.post([{}]).status_code == 400
    found = _seen(source, cursor, lambda window: len(window.stable) == 1)
    assert found.stable[0].scores is None


def test_copies_are_answers_of_the_version_that_they_were_sent_to(server: Server, source: AnswerSource) -> None:
    endpoint = LocalEndpoint(server.versions, WORKLOAD)
    cursor = source.since("", "102", "101").cursor
    endpoint.mirror(100, "102", endpoint.state().etag)
    for _ in range(10):
        assert server.post([RIDE]).json()["deployedModelId"] == "101"
    endpoint.mirror(0, "102", endpoint.state().etag)
    found = _seen(source, cursor, lambda window: len(window.stable) >= 10 and len(window.canary) >= 10)
    assert [_tip(each) for each in found.canary] == [0.9] * 10


def test_a_record_that_cannot_be_written_stops_no_request_and_is_a_metric(tmp_path: Path) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    folder = tmp_path / "serving" / WORKLOAD / ".endpoint"
    folder.mkdir()
    (folder / "answers").write_text("a file where the folder should be")
    with served(tmp_path) as server:
        until = time.monotonic() + 60
        lost = 'sluice_record_of_answers_unwritten_total{why="not writable"}'
        while time.monotonic() < until:
            assert server.post([RIDE]).status_code == 200
            text = httpx.get(f"{server.url}/metrics", trust_env=False).text
            line = next(line for line in text.splitlines() if line.startswith(lost))
            if float(line.split()[-1]) > 0:
                break
        else:
            raise AssertionError("the metric does not count what is missing")


def test_a_killed_server_leaves_a_record_that_is_read_on(tmp_path: Path) -> None:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    with served(tmp_path) as server:
        source = answer_source_at(str(server.versions / ".endpoint/answers"))
        cursor = source.since("", "102", "101").cursor
        server.post([RIDE])
        cursor = _seen(source, cursor, lambda window: len(window.stable) == 1).cursor
        server.post([RIDE])
        server.kill()
    with served(tmp_path) as server:
        server.post([{**RIDE, "hour": 0}])
        found = _seen(
            source, cursor, lambda window: any(each.scores == {"no tip": 1.0, "tip": 0.0} for each in window.stable)
        )
        # The answer right before the kill may be lost with the last flush interval.
        assert len(found.stable) in (1, 2)
