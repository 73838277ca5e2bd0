"""Changes of the traffic can be repeated, and others' changes are neither undone nor overwritten."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from core.errors import SluiceError
from serving.contract import EndpointChangedError, EndpointState, ModelVersion
from serving.rollout.traffic import (
    TrafficChangedError,
    ensure_mirror,
    ensure_traffic,
    hold_traffic,
    only_version_with_traffic,
    split,
    take_away,
)
from tests.samples.endpoints import MemoryEndpoint

ALL_TO_1, TEN, HALF = {"1": 100}, {"1": 90, "2": 10}, {"1": 50, "2": 50}


@pytest.fixture
def endpoint() -> MemoryEndpoint:
    made = MemoryEndpoint()
    made.serve(ModelVersion("1", "taxi", "1"))
    made.deploy(ModelVersion("2", "taxi", "2"))
    return made


class Raced(MemoryEndpoint):
    """Somebody else is quicker, once: between the look and the change."""

    others: Mapping[str, int] | None = None

    def set_traffic(self, split: Mapping[str, int], etag: str) -> EndpointState:
        if self.others is not None:
            others, self.others = self.others, None
            super().set_traffic(others, self.present.etag)
        return super().set_traffic(split, etag)


def test_traffic_is_set_once(endpoint: MemoryEndpoint) -> None:
    ensure_traffic(endpoint, TEN, ALL_TO_1)
    etag = endpoint.state().etag
    ensure_traffic(endpoint, TEN, ALL_TO_1)
    assert (endpoint.state().traffic, endpoint.state().etag) == (TEN, etag)


def test_traffic_that_others_set_is_refused_and_kept(endpoint: MemoryEndpoint) -> None:
    endpoint.set_traffic(HALF, endpoint.state().etag)
    with pytest.raises(TrafficChangedError, match="50 % to 1 and 50 % to 2"):
        ensure_traffic(endpoint, TEN, ALL_TO_1)
    assert endpoint.state().traffic == HALF


def test_of_two_changes_at_the_same_moment_one_is_refused() -> None:
    raced = Raced()
    raced.serve(ModelVersion("1", "taxi", "1"))
    raced.deploy(ModelVersion("2", "taxi", "2"))
    raced.others = HALF
    with pytest.raises(TrafficChangedError):
        ensure_traffic(raced, TEN, ALL_TO_1)
    assert raced.state().traffic == HALF


def test_an_endpoint_that_always_changes_is_given_up(endpoint: MemoryEndpoint) -> None:
    class Restless(MemoryEndpoint):
        def set_traffic(self, split: Mapping[str, int], etag: str) -> EndpointState:
            raise EndpointChangedError("the endpoint changed")

    restless = Restless(present=endpoint.state())
    with pytest.raises(EndpointChangedError):
        ensure_traffic(restless, TEN, ALL_TO_1)
    with pytest.raises(EndpointChangedError):
        take_away(Restless(present=EndpointState("taxi", "1", endpoint.state().deployed, TEN)), "2", "1")


def test_a_candidate_is_taken_away_whatever_share_it_has(endpoint: MemoryEndpoint) -> None:
    endpoint.set_traffic(HALF, endpoint.state().etag)
    ensure_mirror(endpoint, 100, "2")
    take_away(endpoint, "2", "1")
    assert endpoint.state().traffic == ALL_TO_1
    assert [each.deployed_id for each in endpoint.state().deployed] == ["1"]
    etag = endpoint.state().etag
    take_away(endpoint, "2", "1")
    assert endpoint.state().etag == etag


def test_shares_of_others_stay_when_a_candidate_is_taken_away(endpoint: MemoryEndpoint) -> None:
    endpoint.deploy(ModelVersion("3", "taxi", "3"))
    endpoint.set_traffic({"1": 40, "2": 10, "3": 50}, endpoint.state().etag)
    take_away(endpoint, "2", "1")
    assert endpoint.state().traffic == {"1": 50, "3": 50}


def test_a_candidate_that_nothing_can_replace_keeps_its_traffic(endpoint: MemoryEndpoint) -> None:
    endpoint.set_traffic({"2": 100}, endpoint.state().etag)
    endpoint.undeploy("1")
    with pytest.raises(SluiceError, match="the version before, `1`, is not deployed"):
        take_away(endpoint, "2", "1")
    assert endpoint.state().traffic == {"2": 100}


def test_a_mirror_of_others_stays(endpoint: MemoryEndpoint) -> None:
    endpoint.deploy(ModelVersion("3", "taxi", "3"))
    ensure_mirror(endpoint, 20, "3")
    ensure_mirror(endpoint, 0, "2")
    mirror = endpoint.state().mirror
    assert mirror is not None
    assert (mirror.share, mirror.deployed_id) == (20, "3")


def test_who_has_all_traffic(endpoint: MemoryEndpoint) -> None:
    assert only_version_with_traffic(endpoint.state()) == "1"
    assert only_version_with_traffic(MemoryEndpoint().state()) is None
    endpoint.set_traffic(TEN, endpoint.state().etag)
    with pytest.raises(SluiceError, match="split already"):
        only_version_with_traffic(endpoint.state())


def test_a_split_names_nobody_without_a_share() -> None:
    assert split("2", 10, "1") == {"2": 10, "1": 90}
    assert split("2", 0, "1") == {"1": 100}
    assert split("2", 100, "1") == {"2": 100}
    assert split("2", 0, None) == {}


def test_traffic_is_held_as_it_is(endpoint: MemoryEndpoint) -> None:
    endpoint.set_traffic(TEN, endpoint.state().etag)
    hold_traffic(endpoint)
    assert endpoint.state().traffic == TEN
    empty = MemoryEndpoint()
    hold_traffic(empty)
    assert empty.state().traffic == {}
