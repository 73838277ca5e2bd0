"""The contract of every endpoint; a backend inherits these tests by giving an endpoint and its versions."""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator

import httpx
import psutil
import pytest

from core.errors import SluiceError
from serving.contract import (
    DeployError,
    Endpoint,
    EndpointChangedError,
    EndpointDownError,
    HasTrafficError,
    IdTakenError,
    InvalidTrafficError,
    Mirror,
    ModelVersion,
    PredictionRefusedError,
    UnknownVersionError,
)
from serving.local.endpoint import LocalEndpoint
from tests.samples.fronts import ENVOY, needs_envoy
from tests.samples.served_models import RIDE, WORKLOAD, Server, export_ride_model, served

STABLE, CANARY, SPARE, BROKEN, ABSENT = (
    ModelVersion(deployed_id, WORKLOAD, version)
    for deployed_id, version in (("11", "101"), ("12", "102"), ("13", "103"), ("14", "104"), ("15", "105"))
)
# The probability that each version answers for RIDE.
BASES = {"11": 0.25, "12": 0.75, "13": 0.5}


class EndpointContract(ABC):
    """Subclasses give an endpoint where STABLE and CANARY are deployed, SPARE could be, BROKEN cannot be loaded and
    ABSENT does not exist; STABLE has all traffic at first."""

    @pytest.fixture
    @abstractmethod
    def endpoint(self) -> Endpoint:
        """The endpoint in that state."""

    def answering(self, endpoint: Endpoint, requests: int) -> Counter[str]:
        """How many of the requests each deployed model answered, checked against what that model answers."""
        answers = [endpoint.predict([RIDE]) for _ in range(requests)]
        for answer in answers:
            assert answer.predictions[0]["scores"]["tip"] == pytest.approx(BASES[answer.deployed_id])
        return Counter(answer.deployed_id for answer in answers)

    def test_an_answer_names_its_classes_and_who_gave_it(self, endpoint: Endpoint) -> None:
        answer = endpoint.predict([RIDE, {**RIDE, "hour": 0}])
        assert [each["label"] for each in answer.predictions] == ["no tip", "no tip"]
        assert answer.predictions[0]["probability"] == pytest.approx(0.75)
        assert answer.predictions[1]["scores"] == {"no tip": 1.0, "tip": 0.0}
        assert (answer.deployed_id, answer.model, answer.version) == ("11", WORKLOAD, "101")

    def test_traffic_goes_where_it_was_sent(self, endpoint: Endpoint) -> None:
        state = endpoint.set_traffic({"11": 70, "12": 30}, endpoint.state().etag)
        assert state.traffic == {"11": 70, "12": 30}
        counts = self.answering(endpoint, 300)
        # 30 % of 300 is 90; six standard deviations of the binomial are 48.
        assert 42 <= counts["12"] <= 138
        assert counts["11"] + counts["12"] == 300

    def test_no_request_goes_where_no_traffic_was_sent(self, endpoint: Endpoint) -> None:
        endpoint.set_traffic({"11": 0, "12": 100}, endpoint.state().etag)
        assert self.answering(endpoint, 50) == {"12": 50}
        assert endpoint.state().traffic == {"12": 100}

    def test_a_model_without_traffic_answers_who_names_it(self, endpoint: Endpoint) -> None:
        assert endpoint.predict([RIDE], deployed_id="12").deployed_id == "12"
        with pytest.raises(UnknownVersionError):
            endpoint.predict([RIDE], deployed_id="99")

    def test_the_etag_changes_with_every_change_and_stays_without(self, endpoint: Endpoint) -> None:
        before = endpoint.state()
        assert endpoint.state().etag == before.etag
        after = endpoint.set_traffic({"12": 100}, before.etag)
        assert after.etag != before.etag
        assert endpoint.state().etag == after.etag

    def test_a_change_decided_on_an_older_state_is_refused(self, endpoint: Endpoint) -> None:
        stale = endpoint.state().etag
        endpoint.set_traffic({"11": 50, "12": 50}, stale)
        for change in (
            lambda: endpoint.set_traffic({"12": 100}, stale),
            lambda: endpoint.mirror(10, "12", stale),
            lambda: endpoint.rollback(stale),
        ):
            with pytest.raises(EndpointChangedError):
                change()
        assert endpoint.state().traffic == {"11": 50, "12": 50}

    @pytest.mark.parametrize("split", [{}, {"11": 99}, {"11": 101}, {"11": 150, "12": -50}, {"11": 50, "12": 51}])
    def test_shares_that_are_no_split_are_refused(self, endpoint: Endpoint, split: dict[str, int]) -> None:
        with pytest.raises(InvalidTrafficError):
            endpoint.set_traffic(split, endpoint.state().etag)
        assert endpoint.state().traffic == {"11": 100}

    def test_traffic_to_what_is_not_deployed_is_refused(self, endpoint: Endpoint) -> None:
        with pytest.raises(UnknownVersionError, match="99"):
            endpoint.set_traffic({"11": 90, "99": 10}, endpoint.state().etag)

    def test_a_canary_is_rolled_back_and_can_come_again(self, endpoint: Endpoint) -> None:
        endpoint.set_traffic({"11": 90, "12": 10}, endpoint.state().etag)
        state = endpoint.rollback(endpoint.state().etag)
        assert state.traffic == {"11": 100}
        assert self.answering(endpoint, 30) == {"11": 30}
        again = endpoint.set_traffic({"11": 90, "12": 10}, state.etag)
        assert again.traffic == {"11": 90, "12": 10}
        assert endpoint.rollback(again.etag).traffic == {"11": 100}

    def test_copies_to_what_is_not_deployed_are_refused(self, endpoint: Endpoint) -> None:
        etag = endpoint.state().etag
        with pytest.raises(UnknownVersionError):
            endpoint.mirror(10, "99", etag)
        with pytest.raises(InvalidTrafficError):
            endpoint.mirror(101, "12", etag)

    def test_what_has_traffic_is_not_undeployed(self, endpoint: Endpoint) -> None:
        with pytest.raises(HasTrafficError):
            endpoint.undeploy("11")
        assert {each.deployed_id for each in endpoint.deployed()} == {"11", "12"}

    def test_deploys_once_however_often_it_is_asked_and_undeploys(self, endpoint: Endpoint) -> None:
        first = endpoint.deploy(SPARE)
        assert first.ready
        assert endpoint.deploy(SPARE) == first
        assert [each.deployed_id for each in endpoint.deployed()] == ["11", "12", "13"]
        assert endpoint.state().traffic == {"11": 100}
        assert endpoint.predict([RIDE], deployed_id="13").predictions[0]["scores"]["tip"] == pytest.approx(0.5)
        endpoint.undeploy("13")
        assert endpoint.undeploy("13").find("13") is None
        with pytest.raises(UnknownVersionError):
            endpoint.predict([RIDE], deployed_id="13")

    def test_an_id_stands_for_one_version(self, endpoint: Endpoint) -> None:
        with pytest.raises(IdTakenError, match="101"):
            endpoint.deploy(ModelVersion("11", WORKLOAD, "103"))

    @pytest.mark.parametrize("deployed_id", ["", "v1", "12345678901", "1\n"])
    def test_an_id_is_1_to_10_digits(self, deployed_id: str) -> None:
        with pytest.raises(SluiceError, match="1 to 10 digits"):
            ModelVersion(deployed_id, WORKLOAD, "101")

    def test_a_version_that_cannot_be_loaded_leaves_nothing_behind(self, endpoint: Endpoint) -> None:
        with pytest.raises(DeployError, match="104"):
            endpoint.deploy(BROKEN)
        assert {each.deployed_id for each in endpoint.deployed()} == {"11", "12"}
        assert self.answering(endpoint, 5) == {"11": 5}

    def test_a_version_that_is_not_there_is_refused(self, endpoint: Endpoint) -> None:
        with pytest.raises(UnknownVersionError, match="105"):
            endpoint.deploy(ABSENT)

    def test_a_request_that_does_not_fit_is_refused_with_its_status(self, endpoint: Endpoint) -> None:
        with pytest.raises(PredictionRefusedError, match='instance 1: feature "hour"') as refused:
            endpoint.predict([RIDE, {"fare": 1.0}])
        assert refused.value.code == 400


class MirroringEndpointContract(EndpointContract):
    """The same of an endpoint that copies requests."""

    def test_copies_are_sent_and_their_answers_thrown_away(self, endpoint: Endpoint) -> None:
        state = endpoint.mirror(100, "12", endpoint.state().etag)
        assert state.mirror == Mirror(100, "12")
        assert self.answering(endpoint, 20) == {"11": 20}
        assert endpoint.mirror(0, "12", state.etag).mirror is None

    def test_copies_end_with_a_rollback(self, endpoint: Endpoint) -> None:
        state = endpoint.set_traffic({"11": 90, "12": 10}, endpoint.state().etag)
        state = endpoint.mirror(50, "12", state.etag)
        assert endpoint.rollback(state.etag).mirror is None

    def test_what_gets_copies_is_not_undeployed(self, endpoint: Endpoint) -> None:
        endpoint.mirror(10, "12", endpoint.state().etag)
        with pytest.raises(HasTrafficError):
            endpoint.undeploy("12")
        assert {each.deployed_id for each in endpoint.deployed()} == {"11", "12"}


class TestLocalEndpoint(MirroringEndpointContract):
    front: tuple[str, ...] = ()

    @pytest.fixture(scope="class")
    def server(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        home = tmp_path_factory.mktemp("endpoint")
        versions = home / "serving" / WORKLOAD
        export_ride_model(versions / STABLE.version, BASES["11"])
        export_ride_model(versions / CANARY.version, BASES["12"])
        export_ride_model(versions / SPARE.version, BASES["13"])
        (versions / BROKEN.version).mkdir()
        (versions / BROKEN.version / "saved_model.pb").write_bytes(b"no graph")
        # Begins with the newest version that there is, which is the broken one: it must not need to.
        (versions / ".endpoint").mkdir()
        (versions / ".endpoint/state.json").write_text(
            '{"endpoint": "rides", "etag": "first", "follows_newest": false, "traffic": {"11": 100}, "deployed": ['
            '{"deployed_id": "11", "model": "rides", "version": "101"},'
            '{"deployed_id": "12", "model": "rides", "version": "102"}]}'
        )
        with served(home, *self.front) as server:
            yield server

    @pytest.fixture
    def endpoint(self, server: Server) -> LocalEndpoint:
        endpoint = LocalEndpoint(server.versions, WORKLOAD)
        for each in (STABLE, CANARY):
            endpoint.deploy(each)
        endpoint.set_traffic({"11": 100}, endpoint.mirror(0, "11", endpoint.state().etag).etag)
        for each in endpoint.deployed():
            if each.deployed_id not in ("11", "12"):
                endpoint.undeploy(each.deployed_id)
        return endpoint

    def test_copies_are_counted(self, endpoint: LocalEndpoint, server: Server) -> None:
        def copies() -> float:
            lines = httpx.get(f"{server.url}/metrics", trust_env=False).text.splitlines()
            label = 'sluice_mirrored_requests_total{code="200",model="rides",version="102"} '
            return sum(float(line.removeprefix(label)) for line in lines if line.startswith(label))

        before = copies()
        endpoint.mirror(100, "12", endpoint.state().etag)
        self.answering(endpoint, 10)
        # The last copy may be on its way; its own answer comes before that of a request sent after it.
        endpoint.predict([RIDE], deployed_id="12")
        assert copies() - before >= 9

    def test_a_killed_worker_comes_back(self, endpoint: LocalEndpoint, server: Server) -> None:
        workers = _workers(server)
        assert len(workers) == 2
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        # Whether or not the server has seen it yet, a request is answered with an error of the protocol or an answer.
        answer = server.post([RIDE])
        assert answer.status_code in (200, 503)
        _wait_for_new_workers(server, workers)
        _wait_until(lambda: all(each.ready for each in endpoint.deployed()), "a killed worker does not answer again")
        assert self.answering(endpoint, 10) == {"11": 10}

    def test_a_killed_server_comes_back_with_its_state(self, endpoint: LocalEndpoint, server: Server) -> None:
        endpoint.set_traffic({"11": 60, "12": 40}, endpoint.state().etag)
        before = endpoint.mirror(5, "12", endpoint.state().etag)
        children = [*_workers(server), *_running(server, "--config-path")]
        server.kill()
        with pytest.raises(EndpointDownError):
            endpoint.predict([RIDE])
        assert not any(each.ready for each in endpoint.deployed())
        server.start()
        endpoint.deploy(CANARY)
        after = endpoint.state()
        assert (after.traffic, after.mirror, after.previous) == (before.traffic, before.mirror, before.previous)
        assert not any(_is_alive(pid) for pid in children), "workers, or Envoy, outlive their router"

    def test_without_a_server_the_state_is_kept_and_no_change_is_promised(
        self, endpoint: LocalEndpoint, server: Server
    ) -> None:
        endpoint.set_traffic({"12": 100}, endpoint.state().etag)
        assert server.stop() == 0
        assert endpoint.state().traffic == {"12": 100}
        # No model is ready while no server runs, so the split cannot be proven to be answered.
        with pytest.raises(InvalidTrafficError, match="no server runs"):
            endpoint.rollback(endpoint.state().etag)
        with pytest.raises(EndpointDownError, match="python -m serving"):
            endpoint.deploy(SPARE)
        server.start()
        endpoint.deploy(STABLE)
        assert endpoint.rollback(endpoint.state().etag).traffic == {"11": 100}


@needs_envoy
class TestLocalEndpointBehindEnvoy(TestLocalEndpoint):
    front = ENVOY


def _workers(server: Server) -> list[int]:
    """The process that writes the serving log is none, and neither is Envoy."""
    return _running(server, "serving.worker")


def _running(server: Server, word: str) -> list[int]:
    """The processes that the server has started with this argument."""
    assert server.process is not None
    return [each.pid for each in psutil.Process(server.process.pid).children() if word in _command(each)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _wait_for_new_workers(server: Server, old: list[int]) -> None:
    def is_new() -> bool:
        workers = _workers(server)
        return len(workers) == len(old) and set(workers).isdisjoint(old)

    _wait_until(is_new, "the killed workers were not started again")
    server.wait_until_ready()


def _wait_until(is_met: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + 120
    while not is_met():
        assert time.monotonic() < until, otherwise
        time.sleep(0.05)
