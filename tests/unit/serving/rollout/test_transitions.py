"""The state machine, without an endpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import ExitCode
from serving.contract import ModelVersion
from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Outcome, Phase, Rollout
from serving.rollout.transitions import Approved, after, candidate_share, steps
from serving.watch.decision import Failed, Passed, Undecided

PLAN = RolloutPlan(canary_shares=(10, 50), approve="manual")
BEGUN = Rollout("00001-2", ModelVersion("2", "taxi", "2"), "1")


def _passes(rollout: Rollout, plan: RolloutPlan) -> list[tuple[Phase, int]]:
    seen = [(rollout.phase, candidate_share(rollout, plan))]
    while not rollout.is_final:
        rollout = after(rollout, Passed("fine"), plan, 1.0)
        seen.append((rollout.phase, candidate_share(rollout, plan)))
    return seen


def test_a_version_that_passes_everything_takes_each_step_once() -> None:
    assert _passes(BEGUN, PLAN) == [
        (Phase.STAGING, 0),
        (Phase.SMOKE, 0),
        (Phase.SHADOW, 0),
        (Phase.CANARY, 10),
        (Phase.CANARY, 50),
        (Phase.APPROVAL, 50),
        (Phase.PRODUCTION, 100),
        (Phase.WARM, 100),
        (Phase.UNDEPLOY, 100),
        (Phase.DONE, 100),
    ]


def test_steps_can_be_left_out() -> None:
    plan = RolloutPlan(shadow_share=0, canary_shares=())
    phases = [phase for phase, _ in _passes(BEGUN, plan)]
    assert phases == steps(BEGUN, plan)
    assert {Phase.SHADOW, Phase.CANARY, Phase.APPROVAL}.isdisjoint(phases)


def test_a_first_version_is_smoke_tested_and_approved_and_compared_with_nothing() -> None:
    phases = [phase for phase, _ in _passes(replace(BEGUN, previous=None), PLAN)]
    assert phases == [Phase.STAGING, Phase.SMOKE, Phase.APPROVAL, Phase.PRODUCTION, Phase.DONE]


@pytest.mark.parametrize("phase", steps(BEGUN, PLAN)[:-2])
def test_a_failure_rolls_back_from_every_step_with_its_reason(phase: Phase) -> None:
    failed = after(replace(BEGUN, phase=phase), Failed("it answers NaN"), PLAN, 1.0)
    assert failed.phase is Phase.ROLLING_BACK
    over = after(failed, Passed("removed"), PLAN, 2.0)
    assert (over.phase, over.reason, over.exit_code) == (Phase.ROLLED_BACK, "it answers NaN", ExitCode.REFUSED)


def test_undecided_stays_with_its_share_and_gets_a_new_deadline() -> None:
    canary = replace(BEGUN, phase=Phase.CANARY, since=1.0)
    stays = after(canary, Undecided("no traffic"), PLAN, 9.0)
    assert (stays.phase, stays.step, stays.since) == (Phase.CANARY, 0, 9.0)
    assert stays.exit_code is ExitCode.UNDECIDED == 4
    assert stays.entries[-1].outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("phase", [Phase.CANARY, Phase.APPROVAL])
def test_an_approval_goes_to_production(phase: Phase) -> None:
    assert after(replace(BEGUN, phase=phase), Approved("by hand"), PLAN, 1.0).phase is Phase.PRODUCTION


@pytest.mark.parametrize("phase", [Phase.STAGING, Phase.SMOKE, Phase.SHADOW, Phase.ROLLING_BACK])
def test_an_approval_skips_no_other_step(phase: Phase) -> None:
    with pytest.raises(ValueError, match="cannot end"):
        after(replace(BEGUN, phase=phase), Approved("by hand"), PLAN, 1.0)


@pytest.mark.parametrize("phase", [Phase.UNDEPLOY, Phase.ROLLING_BACK, Phase.DONE])
def test_nothing_is_rolled_back_twice_or_too_late(phase: Phase) -> None:
    with pytest.raises(ValueError, match="cannot end"):
        after(replace(BEGUN, phase=phase), Failed("late"), PLAN, 1.0)
