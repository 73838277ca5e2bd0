"""Rollouts at the local endpoint, over HTTP, by a process that is killed with signal 9 and run again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.contract import ModelVersion
from serving.local.endpoint import LocalEndpoint
from serving.rollout.folder_store import FolderStore
from serving.rollout.record import Phase, Rollout
from serving.rollout.traffic import hold_traffic
from tests.samples.folders import ROOT
from tests.samples.fronts import FRONTS
from tests.samples.served_models import RIDE, WORKLOAD, Server, export_ride_model, served

pytestmark = pytest.mark.e2e
KILLED = -9
# After a change of the endpoint and before its record, or the other way round; every other moment is in
# tests/unit/serving/rollout/test_run.py, at an endpoint in memory that loads no model.
MOMENTS = ["staging!", "canary", "production!"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Versions 101 and 102 are alike; 103 answers otherwise."""
    home = tmp_path_factory.mktemp("out")
    for version, base in (("101", 0.25), ("102", 0.25), ("103", 0.9)):
        export_ride_model(home / "serving" / WORKLOAD / version, base)
    folder = home / "serving" / WORKLOAD / ".endpoint"
    folder.mkdir()
    (folder / "state.json").write_text(
        '{"endpoint": "rides", "etag": "first", "follows_newest": false, "traffic": {"101": 100}, "deployed": ['
        '{"deployed_id": "101", "model": "rides", "version": "101"}]}'
    )
    with served(home) as running:
        yield running


@pytest.fixture
def endpoint(server: Server) -> LocalEndpoint:
    """Version 101 has all traffic and is alone."""
    endpoint = LocalEndpoint(server.versions, WORKLOAD)
    endpoint.deploy(ModelVersion("101", WORKLOAD, "101"))
    endpoint.set_traffic({"101": 100}, endpoint.mirror(0, "101", endpoint.state().etag).etag)
    for each in endpoint.deployed():
        if each.deployed_id != "101":
            endpoint.undeploy(each.deployed_id)
    return endpoint


def _roll_out(server: Server, version: str, *phase: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tests.samples.rolling_out", str(server.home), server.url, version, *phase]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def _last(server: Server) -> Rollout:
    found = FolderStore(server.home, WORKLOAD).current()
    assert found is not None
    return found


def _stands_alone(endpoint: LocalEndpoint, version: str) -> bool:
    state = endpoint.state()
    deployed = [each.version for each in state.deployed]
    return (dict(state.traffic), deployed, state.mirror) == ({version: 100}, [version], None)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_between_a_change_and_its_record_and_run_again_it_goes_through(
    server: Server, endpoint: LocalEndpoint, moment: str
) -> None:
    assert _roll_out(server, "102", moment).returncode == KILLED
    assert endpoint.predict([RIDE]).predictions[0]["scores"]["tip"] == pytest.approx(0.25)
    again = _roll_out(server, "102")
    assert again.returncode == 0, again.stderr
    assert _last(server).phase is Phase.DONE
    assert _stands_alone(endpoint, "102")


@pytest.mark.parametrize("moment", ["rolling back!"])
def test_killed_while_it_rolls_back_and_run_again_the_version_before_stands_alone(
    server: Server, endpoint: LocalEndpoint, moment: str
) -> None:
    assert _roll_out(server, "103", moment).returncode == KILLED
    again = _roll_out(server, "103")
    assert again.returncode == 2, again.stderr
    assert "`no tip` is 0.1 and was 0.75" in again.stdout
    assert _stands_alone(endpoint, "101")


@pytest.mark.parametrize("front", FRONTS)
def test_a_version_pushed_while_the_traffic_is_held_takes_every_step(tmp_path: Path, front: tuple[str, ...]) -> None:
    """The server gave the newest version all traffic by itself until then."""
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    with served(tmp_path, *front) as server:
        endpoint = LocalEndpoint(server.versions, WORKLOAD)
        assert _stands_alone(endpoint, "101")
        hold_traffic(endpoint)
        export_ride_model(server.versions / "102", 0.25)
        rolled_out = _roll_out(server, "102")
        assert rolled_out.returncode == 0, rolled_out.stderr
        shares = [(entry.phase.value, entry.share) for entry in _last(server).entries]
        assert shares[:5] == [("staging", 0), ("smoke", 0), ("shadow", 0), ("canary", 50), ("production", 100)]
        assert _stands_alone(endpoint, "102")
