"""Versions that have nothing before them, or all traffic before a rollout, at an endpoint in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ExitCode
from serving.rollout.record import Phase
from tests.samples.endpoints import DrawnAnswers, Killed, MemoryEndpoint
from tests.samples.rollout_site import (
    MANUAL,
    ONE,
    THREE,
    TWO,
    Site,
    is_as_before,
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_first_version_gets_all_traffic_after_its_smoke_test(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.endpoint = MemoryEndpoint()
    rollout = site.roll_out(ONE)
    assert rollout.phase is Phase.DONE
    assert dict(site.endpoint.state().traffic) == {"1": 100}


def test_a_version_that_is_taken_back_gets_no_traffic_by_itself_until_a_rollout_of_it_is_done(site: Site) -> None:
    site.endpoint.golden["2"] = {"tip": 0.3}
    site.roll_out()
    assert site.endpoint.aside == {"2"}
    site.endpoint.golden.pop("2")
    assert site.roll_out().phase is Phase.DONE
    assert site.endpoint.aside == set()


def test_the_only_version_is_not_put_aside(site: Site) -> None:
    site.endpoint.golden["1"] = {"tip": 0.3}
    assert site.roll_out(ONE).phase is Phase.ROLLED_BACK
    assert site.endpoint.aside == set()


def test_a_version_that_has_all_traffic_is_left_alone(site: Site) -> None:
    etag = site.endpoint.state().etag
    assert site.roll_out(ONE).phase is Phase.DONE
    assert site.endpoint.state().etag == etag


def test_a_version_that_has_all_traffic_and_was_never_rolled_out_is_tested_first(site: Site) -> None:
    rollout = site.roll_out(ONE)
    assert [each.phase.value for each in rollout.entries] == ["staging", "smoke", "production"]
    again = site.roll_out(ONE)
    assert [each.reason for each in again.entries] == ["It had all traffic already."]


def test_the_only_version_keeps_its_traffic_when_its_test_fails_and_is_refused(site: Site) -> None:
    site.endpoint.golden["1"] = {"tip": 0.3}
    rollout = site.roll_out(ONE)
    assert (rollout.phase, rollout.exit_code) == (Phase.ROLLED_BACK, ExitCode.REFUSED)
    assert "Golden request 1" in rollout.reason
    assert "keeps its traffic" in rollout.entries[-1].reason
    assert is_as_before(site)
    assert site.roll_out(ONE).phase is Phase.ROLLED_BACK, "it is tested again, not taken as done"
    assert site.roll_out(TWO).phase is Phase.DONE


def test_a_version_that_has_all_traffic_and_was_never_rolled_out_waits_for_approval_with_its_traffic(
    site: Site,
) -> None:
    waiting = site.roll_out(ONE, MANUAL)
    assert (waiting.phase, waiting.exit_code) == (Phase.APPROVAL, ExitCode.UNDECIDED)
    assert is_as_before(site)
    site.instruct("approve")
    assert site.roll_out(ONE, MANUAL).phase is Phase.DONE
    assert is_as_before(site)


@pytest.mark.parametrize("after_change", [False, True])
def test_a_first_version_that_was_stopped_in_production_does_not_stand_in_the_way_of_the_next(
    tmp_path: Path, after_change: bool
) -> None:
    site = Site(tmp_path)
    site.endpoint = MemoryEndpoint(kill_at=2, after_change=after_change)
    site.answers = DrawnAnswers(site.endpoint)
    with pytest.raises(Killed):
        site.roll_out(ONE)
    current = site.store.current()
    assert current is not None
    assert current.phase is Phase.PRODUCTION
    assert site.roll_out(TWO).phase is Phase.DONE
    first = site.store.history()[0]
    assert (first.candidate, first.phase) == (ONE, Phase.DONE if after_change else Phase.ROLLED_BACK)
    assert site.endpoint.state().traffic == {"2": 100}


def test_a_version_stopped_in_production_with_all_traffic_is_finished_when_the_next_one_comes(site: Site) -> None:
    site.endpoint.kill_at, site.endpoint.after_change = 5, True  # staged, copies, no copies, 10 %, 100 %
    with pytest.raises(Killed):
        site.roll_out(TWO)
    current = site.store.current()
    assert current is not None
    assert (current.phase, site.endpoint.state().traffic) == (Phase.PRODUCTION, {"2": 100})
    assert site.roll_out(THREE).phase is Phase.DONE
    assert [each.phase for each in site.store.history()] == [Phase.DONE, Phase.DONE]
    assert site.deployed() == ["3"]
