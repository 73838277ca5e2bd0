"""Whole rollouts at an endpoint in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ExitCode, SluiceError
from serving.contract import ModelVersion
from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Outcome, Phase, Rollout
from serving.watch.watch import FAILURES
from serving.watch.window import MOST_OBSERVATIONS
from tests.samples.endpoints import DrawnAnswers, Killed, MemoryEndpoint
from tests.samples.rollout_site import (
    BAD,
    CANARY_ALONE,
    MANUAL,
    QUICK,
    THREE,
    TWO,
    Site,
    has_replaced,
    is_as_before,
    plan_of,
)
from tests.samples.traffic import Behaviour


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_good_version_goes_from_0_to_10_to_100_percent(site: Site) -> None:
    rollout = site.roll_out()
    assert (rollout.phase, rollout.exit_code) == (Phase.DONE, ExitCode.PUSHED)
    assert has_replaced(site)
    shares = list(dict.fromkeys(shares.get("2", 0) for shares in site.answers.shares))
    assert shares == [0, 10]
    phases = [entry.phase.value for entry in rollout.entries]
    assert phases == ["staging", "smoke", "shadow", "canary", "production", "warm", "undeploy"]
    assert {entry.outcome for entry in rollout.entries} == {Outcome.PASSED}
    assert all(entry.reason for entry in rollout.entries)


@pytest.mark.parametrize(
    ("behaviour", "named"),
    [
        (BAD, "failed requests"),
        (Behaviour(slowness=4.0), "slow answers"),
        (Behaviour(shift=2.0), "`tip`"),
        (Behaviour(nan=0.05), "NaN"),
    ],
)
@pytest.mark.parametrize("plan", [QUICK, CANARY_ALONE], ids=["shadow", "canary"])
def test_harm_is_rolled_back_and_never_has_more_than_the_canary_share(
    site: Site, behaviour: Behaviour, named: str, plan: RolloutPlan
) -> None:
    site.endpoint.behaviours["2"] = behaviour
    rollout = site.roll_out(plan=plan)
    assert (rollout.phase, rollout.exit_code) == (Phase.ROLLED_BACK, ExitCode.REFUSED)
    assert named in rollout.reason
    assert is_as_before(site)
    assert site.most_of("2") == (0 if plan.shadow_share else 10)


def test_a_version_that_answers_golden_requests_otherwise_gets_no_request(site: Site) -> None:
    site.endpoint.golden["2"] = {"tip": 0.3}
    rollout = site.roll_out()
    assert rollout.phase is Phase.ROLLED_BACK
    assert "Golden request 1" in rollout.reason
    assert is_as_before(site)
    assert site.answers.shares == []


def test_a_version_that_cannot_be_loaded_is_refused(site: Site) -> None:
    site.endpoint.broken.add("2")
    rollout = site.roll_out()
    assert (rollout.phase, rollout.exit_code) == (Phase.ROLLED_BACK, ExitCode.REFUSED)
    assert "its graph is damaged" in rollout.reason
    assert is_as_before(site)


def test_without_traffic_it_ends_undecided_at_the_deadline_and_never_passes(site: Site) -> None:
    site.requests = 0
    begun = site.clock()
    rollout = site.roll_out(plan=CANARY_ALONE)
    assert (rollout.phase, rollout.exit_code) == (Phase.CANARY, ExitCode.UNDECIDED)
    assert site.clock() - begun == pytest.approx(30 * 60)
    assert dict(site.endpoint.state().traffic) == {"1": 90, "2": 10}
    assert "The canary has answered 0 requests" in rollout.reason


def test_without_traffic_golden_requests_still_find_harm(site: Site) -> None:
    site.requests = 0
    assert site.roll_out(plan=CANARY_ALONE).phase is Phase.CANARY
    site.endpoint.golden["2"] = 500
    assert site.roll_out(plan=CANARY_ALONE).phase is Phase.ROLLED_BACK
    assert is_as_before(site)


def test_an_undecided_rollout_goes_on_when_traffic_comes(site: Site) -> None:
    site.requests = 0
    undecided = site.roll_out(plan=CANARY_ALONE)
    site.requests = 1_000
    rollout = site.roll_out(plan=CANARY_ALONE)
    assert rollout.id == undecided.id
    assert rollout.phase is Phase.DONE
    assert has_replaced(site)


def test_an_undecided_rollout_that_is_taken_up_long_after_gets_its_whole_time_again(site: Site) -> None:
    site.requests = 0
    site.roll_out(plan=CANARY_ALONE)
    site.clock.now += 7 * 24 * 3600
    site.requests = 1_000
    assert site.roll_out(plan=CANARY_ALONE).phase is Phase.DONE


@pytest.mark.parametrize("candidate", [TWO, THREE], ids=["the same version", "another version"])
@pytest.mark.parametrize("shares", [(), (10,), (20, 40)])
def test_an_unfinished_rollout_keeps_the_shares_that_it_began_with(
    site: Site, candidate: ModelVersion, shares: tuple[int, ...]
) -> None:
    """It is in its second canary step when the configuration changes."""
    site.requests = 0
    began = plan_of(shadow_share=0, canary_shares=(10, 50), deadline_minutes=30)
    site.roll_out(plan=began)
    current = site.store.current()
    assert current is not None
    site.store.save(replace(current, step=1))
    changed = plan_of(shadow_share=0, canary_shares=shares, deadline_minutes=30)
    site.requests = 2_000
    rollout = site.roll_out(candidate, changed)
    assert rollout.phase is Phase.DONE
    assert site.deployed() == [candidate.version]
    if candidate is TWO:
        assert [entry.share for entry in rollout.entries if entry.phase is Phase.CANARY] == [10, 50]


def test_whoever_observes_a_rollout_sees_every_record_of_it(site: Site) -> None:
    rollout = site.roll_out()
    phases = [each.phase.value for each in site.noted]
    assert phases == ["staging", "smoke", "shadow", "canary", "production", "warm", "undeploy", "done"]
    assert site.noted[-1] == rollout
    again = site.roll_out()
    assert site.noted[-1] == again
    assert again.entries[0].reason == "It had all traffic already."


def test_each_step_keeps_what_it_compared(site: Site) -> None:
    compared = {entry.phase: entry.comparisons for entry in site.roll_out().entries}
    assert compared[Phase.SMOKE] == ()
    assert {each.name for each in compared[Phase.CANARY]} >= {"share of failed requests", "share of slow answers"}


def test_a_stable_version_that_already_fails_does_not_sink_the_new_one(site: Site) -> None:
    site.endpoint.behaviours["1"] = Behaviour(failures=0.3)
    assert site.roll_out().phase is Phase.DONE


def test_canary_rollback_and_canary_again(site: Site) -> None:
    site.endpoint.behaviours["2"] = BAD
    first = site.roll_out()
    site.endpoint.behaviours.pop("2")
    second = site.roll_out()
    assert (first.phase, second.phase) == (Phase.ROLLED_BACK, Phase.DONE)
    assert [each.id for each in site.store.history()] == [first.id, second.id]
    assert has_replaced(site)


def test_manual_approval_stops_before_production(site: Site) -> None:
    waiting = site.roll_out(plan=MANUAL)
    assert (waiting.phase, waiting.exit_code) == (Phase.APPROVAL, ExitCode.UNDECIDED)
    assert dict(site.endpoint.state().traffic) == {"1": 90, "2": 10}
    site.instruct("approve")
    rollout = site.roll_out(plan=MANUAL)
    assert rollout.phase is Phase.DONE
    assert has_replaced(site)
    assert "by ada" in " ".join(entry.reason for entry in rollout.entries)


def test_a_rejected_version_is_taken_back(site: Site) -> None:
    site.roll_out(plan=MANUAL)
    site.instruct("reject")
    assert site.roll_out(plan=MANUAL).reason == "Rejected by hand: by ada"
    assert is_as_before(site)


def test_a_rollback_by_hand_is_followed_while_the_version_before_is_warm(site: Site) -> None:
    wait = site.clock.wait

    def rolled_back_by_hand(seconds: float) -> None:
        current = site.store.current()
        if current is not None and current.phase is Phase.WARM:
            site.instruct("rollback")
        wait(seconds)

    site.clock.wait = rolled_back_by_hand  # type: ignore[method-assign]
    rollout = site.roll_out()
    assert (rollout.phase, rollout.reason) == (Phase.ROLLED_BACK, "Rolled back by hand: by ada")
    assert is_as_before(site)


def test_traffic_changed_by_others_stops_the_rollout_and_stays(site: Site) -> None:
    site.endpoint.deploy(THREE)
    wait = site.clock.wait

    def changed(seconds: float) -> None:
        state = site.endpoint.state()
        if state.traffic.get("2"):
            site.endpoint.set_traffic({"3": 100}, state.etag)
        wait(seconds)

    site.clock.wait = changed  # type: ignore[method-assign]
    rollout = site.roll_out()
    assert rollout.phase is Phase.ROLLED_BACK
    assert "Somebody else changed the endpoint: the traffic is 100 % to 3" in rollout.reason
    assert dict(site.endpoint.state().traffic) == {"3": 100}
    assert site.deployed() == ["1", "3"]


def test_a_split_that_is_there_already_is_refused(site: Site) -> None:
    site.endpoint.deploy(THREE)
    site.endpoint.set_traffic({"1": 90, "3": 10}, site.endpoint.state().etag)
    with pytest.raises(SluiceError, match="split already"):
        site.roll_out()
    assert site.deployed() == ["1", "3"]


def test_of_two_rollouts_from_two_machines_one_goes_through(site: Site, tmp_path: Path) -> None:
    """The other begins while the first is in its shadow step, and looks again when it wants to change the traffic."""
    other = Site(tmp_path / "other machine", MemoryEndpoint())
    other.endpoint = site.endpoint
    other.answers = DrawnAnswers(site.endpoint)
    outcomes: list[Rollout] = []
    wait = site.clock.wait

    def second(seconds: float) -> None:
        if not outcomes and site.endpoint.state().mirror:
            outcomes.append(other.roll_out(THREE, CANARY_ALONE))
        wait(seconds)

    site.clock.wait = second  # type: ignore[method-assign]
    first = site.roll_out()
    assert {first.phase, outcomes[0].phase} == {Phase.DONE, Phase.ROLLED_BACK}
    assert len(site.deployed()) == len(site.endpoint.state().traffic) == 1


def test_another_version_undoes_an_unfinished_rollout_first(site: Site) -> None:
    site.requests = 0
    site.roll_out(plan=CANARY_ALONE)
    site.requests = 1_000
    assert site.roll_out(THREE).phase is Phase.DONE
    assert site.deployed() == ["3"]
    assert [each.phase for each in site.store.history()] == [Phase.ROLLED_BACK, Phase.DONE]
    assert "Replaced by version 3" in site.store.history()[0].reason


@pytest.mark.parametrize("after_change", [False, True])
@pytest.mark.parametrize("behaviour", [Behaviour(), BAD], ids=["good", "bad"])
def test_killed_at_any_change_of_the_endpoint_and_run_again_it_ends_consistent(
    tmp_path: Path, behaviour: Behaviour, after_change: bool
) -> None:
    plan = plan_of(canary_shares=(10, 50))
    kills = 0
    for number in range(1, 20):
        site = Site(tmp_path / str(number))
        site.endpoint.behaviours["2"] = behaviour
        site.endpoint.kill_at, site.endpoint.after_change = number, after_change
        try:
            site.roll_out(plan=plan)
        except Killed:
            kills += 1
            site.roll_out(plan=plan)
        assert is_as_before(site) if behaviour is BAD else has_replaced(site)
        assert len(site.store.history()) == 1
        if site.endpoint.changes < number:
            break
    assert kills == number - 1 > 2


def test_killed_at_any_wait_and_run_again_it_ends_consistent(tmp_path: Path) -> None:
    for number in range(1, 200):
        site = Site(tmp_path / str(number))
        wait, left = site.clock.wait, [number]

        def killed(seconds: float, wait: Callable[[float], None] = wait, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            wait(seconds)

        site.clock.wait = killed  # type: ignore[method-assign]
        try:
            site.roll_out()
        except Killed:
            site.roll_out()
        assert has_replaced(site)
        if left[0] > 0:
            break
    assert 2 < number < 199


def test_of_a_busy_endpoint_no_more_answers_are_kept_than_a_window_holds(site: Site) -> None:
    site.requests = 10 * MOST_OBSERVATIONS
    site.endpoint.behaviours["2"] = BAD
    rollout = site.roll_out(plan=CANARY_ALONE)
    assert rollout.phase is Phase.ROLLED_BACK
    compared = next(entry.comparisons for entry in rollout.entries if entry.phase is Phase.CANARY)
    assert {(each.canary, each.stable) for each in compared if each.name == FAILURES} == {(MOST_OBSERVATIONS,) * 2}


def test_windows_seen_before_a_kill_are_not_forgotten(site: Site) -> None:
    wait, looks = site.clock.wait, [0]

    def killed(seconds: float) -> None:
        looks[0] += 1
        if looks[0] == 4:
            raise Killed
        wait(seconds)

    site.clock.wait = killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        site.roll_out()
    assert len(site.answers.shares) == 3
    site.clock.wait = wait  # type: ignore[method-assign]
    site.roll_out()
    uninterrupted = Site(site.folder / "again")
    uninterrupted.roll_out()
    assert site.answers.shares == uninterrupted.answers.shares
