"""Runs of the taxi workload that roll out what they push, at an endpoint that `python -m serving` runs."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.folder import FolderRegistry
from serving.local.endpoint import LocalEndpoint
from serving.rollout.folder_store import FolderStore
from serving.rollout.record import Phase, Rollout
from tests.samples.folders import ROOT
from tests.samples.local_runs import QUICK, TAXI_CSV, Run, end_when, run_locally, start_locally
from tests.samples.receivers import Receiver, receiving
from tests.samples.served_models import Server

pytestmark = pytest.mark.e2e
GOLDEN = "assets.extra/tf_serving_warmup_requests"
# Margins so wide that some hundred requests decide, and latencies of a busy machine are no harm.
QUICKLY = {
    "shadow_percent": 0,
    "window_seconds": 0.2,
    "warm_minutes": 0.0,
    "deadline_minutes": 30.0,
    "watch.fewest_requests": 20,
    "watch.failure_margin": 0.3,
    "watch.slow_margin": 0.9,
    "watch.slowdown": 20.0,
    "watch.prediction_margin": 3.0,
    "latency_budget_ms": 60000.0,
}


@dataclass
class Site:
    """An output folder, the endpoint on it, and the versions that had traffic when somebody looked."""

    output: Path
    server: Server
    seen: list[dict[str, int]] = field(default_factory=list)

    @property
    def endpoint(self) -> LocalEndpoint:
        return LocalEndpoint(self.output / "serving/taxi", "taxi")

    @property
    def rollout(self) -> Rollout:
        found = FolderStore(self.output, "taxi").current()
        assert found is not None
        return found

    def run(self, seed: int, *more: str, **steps: Any) -> Run:
        return run_locally(self.output, *options(seed, **steps), *more)

    def command(self, name: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "serving.rollout", name, "--output-dir", str(self.output), "--workload", "taxi"]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)

    def stages(self) -> dict[str, str]:
        """By the number of the push, as the registry has it."""
        found = FolderRegistry(self.output / "registry").versions("taxi")
        return {each.labels["deployment"].removeprefix("pushed-"): each.labels["stage"] for each in found}

    def in_production(self) -> str:
        found = FolderRegistry(self.output / "registry").find("taxi", "production")
        return found.labels["deployment"].removeprefix("pushed-")

    def serves_alone(self) -> str:
        """The only version that is deployed, which has all traffic."""
        state = self.endpoint.state()
        [deployed] = state.deployed
        assert (dict(state.traffic), state.mirror) == ({deployed.deployed_id: 100}, None)
        return deployed.version

    @contextmanager
    def users(self) -> Iterator[None]:
        """Requests without a pause until the block ends."""
        over = threading.Event()
        thread = threading.Thread(target=self._send, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _send(self, over: threading.Event) -> None:
        rides = some_rides()
        with httpx.Client(trust_env=False, timeout=60) as client:
            number = 0
            while not over.is_set():
                client.post(self.server.predict_url, json={"instances": [rides[number % len(rides)]]})
                number += 1
                if number % 10 == 0 and (traffic := dict(self.endpoint.state().traffic)) not in self.seen[-1:]:
                    self.seen.append(traffic)


def options(seed: int, **steps: Any) -> tuple[str, ...]:
    settings = {f"serving.rollout.{name}": value for name, value in {**QUICKLY, **steps}.items()}
    overrides = {"train.seed": seed, **settings}
    return (*QUICK, *(word for name, value in overrides.items() for word in ("--set", f"{name}={value}")))


def some_rides() -> list[dict[str, Any]]:
    """As a client sends them: without what is known too late."""
    numbers = {"fare": float, "trip_miles": float, "trip_seconds": lambda text: int(float(text))}
    with TAXI_CSV.open() as file:
        rows = [row for row in csv.DictReader(file) if all(row[name] for name in numbers)][:500]
    return [
        {**{name: kind(row[name]) for name, kind in numbers.items()}, "company": row["company"] or None} for row in rows
    ]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One version is pushed and served."""
    output = tmp_path_factory.mktemp("rollout") / "out"
    first = run_locally(output, *QUICK)
    assert first.exit_code == 0, first.printed
    server = Server(output, workload="taxi").start()
    try:
        yield Site(output, server)
    finally:
        server.stop()


def test_a_good_version_goes_from_0_to_10_to_100_percent_also_when_the_run_is_killed_in_between(site: Site) -> None:
    before = site.serves_alone()
    store = FolderStore(site.output, "taxi")

    def in_the_canary() -> bool:
        found = store.current()
        return found is not None and found.phase is Phase.CANARY

    killed = start_locally(site.output, *options(8, shadow_percent=100))
    with site.users():
        end_when(killed, in_the_canary, signal.SIGKILL)
        assert killed.returncode == -signal.SIGKILL
        again = site.run(8, shadow_percent=100)
    assert again.exit_code == 0, again.printed
    [version] = set(again.versions()) - {before}
    assert site.seen == [{before: 100}, {before: 90, version: 10}, {version: 100}]
    assert site.serves_alone() == version
    assert len(store.history()) == 1, "the second run went on with the rollout of the first"
    steps = [(step["step"], step["share"], step["outcome"]) for step in again.record["rollout"]["steps"]]
    assert steps == [
        ("staging", 0, "passed"),
        ("smoke", 0, "passed"),
        ("shadow", 0, "passed"),
        ("canary", 10, "passed"),
        ("production", 100, "passed"),
        ("warm", 100, "passed"),
        ("undeploy", 100, "passed"),
    ]
    assert again.states()["Trainer"] == "reused"
    assert site.stages() == {before: "archived", version: "production"}
    assert site.in_production() == version
    assert "share of failed requests" in again.report


def test_the_same_run_again_leaves_the_version_with_its_traffic(site: Site) -> None:
    etag = site.endpoint.state().etag
    again = site.run(8, shadow_percent=100)
    assert (again.exit_code, again.states()["Rollout"], again.states()["Pusher"]) == (0, "ran", "reused")
    assert site.endpoint.state().etag == etag


def test_a_step_that_fails_refuses_and_nothing_is_in_production_that_was_not(site: Site) -> None:
    before, stage = site.serves_alone(), site.stages()
    nobody_listens = ("--set", "notify.webhook=http://127.0.0.1:9/")
    refused = site.run(9, *nobody_listens, latency_budget_ms=0.0001)
    assert refused.exit_code == 2, refused.printed
    assert "127.0.0.1 cannot be reached" in refused.record["notification"]
    assert "not notified:" in refused.printed
    assert "was taken back" in refused.printed
    [version] = set(refused.versions()) - set(stage)
    assert f"version {version}: smoke, 0 %: Deployed, without traffic." in refused.printed
    record = refused.record
    assert (record["outcome"], record["rollout"]["step"]) == ("refused", "rolled back")
    assert "and the budget 0.0001 ms" in record["reason"]
    [report] = [each for each in record["gates"] if each["gate"] == "rollout"]
    assert report["verdict"] == "fail"
    assert "and the budget 0.0001 ms" in refused.report
    assert site.serves_alone() == site.in_production() == before
    assert site.stages() == {**stage, version: "rolled-back"}


def test_rolled_out_again_without_traffic_it_is_undecided_until_a_person_approves_it(site: Site) -> None:
    """The version that was taken back before."""
    before = site.serves_alone()
    with receiving() as receiver:
        notified = ("--set", f"notify.webhook={receiver.url}")
        undecided = site.run(9, *notified, deadline_minutes=0.001)
        assert undecided.exit_code == 4, undecided.printed
        version = undecided.record["pushed_version"]
        assert undecided.states()["Pusher"] == "reused"
        assert dict(site.endpoint.state().traffic) == {before: 90, version: 10}
        assert (site.in_production(), site.stages()[version]) == (before, "canary")
        assert undecided.record["outcome"] == "undecided"
        assert "UNDECIDED" in undecided.printed
        assert f"python -m serving.rollout resume --output-dir {site.output} --workload taxi" in undecided.printed
        assert site.command("status").returncode == 4
        resumed = site.command("resume")
        assert resumed.returncode == 4, resumed.stderr
        assert dict(site.endpoint.state().traffic) == {before: 90, version: 10}
    assert [each["event"] for each in _messages(receiver)] == ["undecided", "undecided"]
    approved = site.command("approve")
    assert approved.returncode == 0, approved.stderr
    assert site.rollout.phase is Phase.DONE
    assert site.serves_alone() == site.in_production() == version


def _messages(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in receiver.requests]


def test_where_the_endpoint_does_not_run_it_is_started_and_golden_answers_that_differ_take_the_version_back(
    site: Site,
) -> None:
    before = site.serves_alone()
    site.server.stop()
    unusable = site.run(10)
    assert unusable.exit_code == 3, unusable.printed
    assert f"python -m serving --workload taxi --output-dir {site.output}" in unusable.printed
    version = site.rollout.candidate.version
    served = site.output / "serving/taxi"
    shutil.copy(served / before / GOLDEN, served / version / GOLDEN)
    site.server.start()
    differs = site.command("resume")
    assert differs.returncode == 2, differs.stderr
    assert "was answered otherwise than the exported model did" in differs.stdout
    assert site.serves_alone() == site.in_production() == before
    assert site.stages()[version] == "rolled-back"
