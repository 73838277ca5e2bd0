"""The state machine: from a rollout and the decision of its step to the rollout that is recorded next. No effects."""

from __future__ import annotations

from dataclasses import dataclass, replace

from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Entry, Outcome, Phase, Rollout, clock_time
from serving.watch.decision import Decision, Failed, Passed, Undecided

WHOLE = 100  # percent


@dataclass(frozen=True)
class Approved:
    """A person let the candidate go on."""

    reason: str


StepDecision = Decision | Approved
_OUTCOMES = {
    Passed: Outcome.PASSED,
    Failed: Outcome.FAILED,
    Undecided: Outcome.UNDECIDED,
    Approved: Outcome.APPROVED,
}
# A failure in these no longer makes sense: the rollout is over, or it is being undone already.
_BEYOND_FAILURE = (Phase.UNDEPLOY, Phase.DONE, Phase.ROLLING_BACK, Phase.ROLLED_BACK)


def after(rollout: Rollout, decision: StepDecision, plan: RolloutPlan, at: float) -> Rollout:
    """The rollout after a step ended with `decision` at the time `at`.

    Undecided keeps the step and gives it a new deadline. Approved goes to all traffic at once, past canary steps that
    are left: a person took the decision.

    Raises:
      ValueError: when the step cannot end in this way.
    """
    comparisons = () if isinstance(decision, Approved) else tuple(decision.comparisons)
    outcome, share = _OUTCOMES[type(decision)], candidate_share(rollout, plan)
    entry = Entry(clock_time(at), rollout.phase, outcome, decision.reason, share, comparisons)
    ended = replace(rollout, since=at, entries=(*rollout.entries, entry))
    if isinstance(decision, Undecided):
        return ended
    if isinstance(decision, Approved):
        _require(rollout.phase in (Phase.CANARY, Phase.APPROVAL), rollout, decision)
        return replace(ended, phase=Phase.PRODUCTION)
    if isinstance(decision, Failed):
        _require(rollout.phase not in _BEYOND_FAILURE, rollout, decision)
        return replace(ended, phase=Phase.ROLLING_BACK)
    if rollout.phase is Phase.CANARY and rollout.step + 1 < len(plan.canary_shares):
        return replace(ended, step=rollout.step + 1)
    return replace(ended, phase=_next(rollout, plan))


def candidate_share(rollout: Rollout, plan: RolloutPlan) -> int:
    """The percentage of the requests that the candidate may have in this step, at most."""
    if rollout.phase is Phase.CANARY:
        return plan.canary_shares[rollout.step]
    if rollout.phase is Phase.APPROVAL and rollout.previous is not None and plan.canary_shares:
        return plan.canary_shares[-1]
    return WHOLE if rollout.phase in (Phase.PRODUCTION, Phase.WARM, Phase.UNDEPLOY, Phase.DONE) else 0


def steps(rollout: Rollout, plan: RolloutPlan) -> list[Phase]:
    """The steps from staging to done. A first version has nothing to be compared with and nothing to keep warm."""
    compares = rollout.previous is not None
    wanted = {
        Phase.STAGING: True,
        Phase.SMOKE: True,
        Phase.SHADOW: compares and plan.shadow_share > 0,
        Phase.CANARY: compares and bool(plan.canary_shares),
        Phase.APPROVAL: plan.approve == "manual",
        Phase.PRODUCTION: True,
        Phase.WARM: compares,
        Phase.UNDEPLOY: compares,
        Phase.DONE: True,
    }
    return [phase for phase, is_wanted in wanted.items() if is_wanted]


def _next(rollout: Rollout, plan: RolloutPlan) -> Phase:
    if rollout.phase is Phase.ROLLING_BACK:
        return Phase.ROLLED_BACK
    order = list(Phase)
    return next(phase for phase in steps(rollout, plan) if order.index(phase) > order.index(rollout.phase))


def _require(possible: bool, rollout: Rollout, decision: StepDecision) -> None:
    if not possible:
        raise ValueError(f"step {rollout.phase.value} cannot end with {type(decision).__name__}")
