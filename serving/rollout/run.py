"""Carries out a rollout at an endpoint, step by step, and records each before the next begins.

What a step does to the endpoint can be repeated, so a process that was killed anywhere is followed by one that goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from serving.contract import (
    WHOLE,
    DeployError,
    Endpoint,
    HasTrafficError,
    IdTakenError,
    ModelVersion,
    UnknownVersionError,
)
from serving.rollout.golden import GoldenRequests, check_golden
from serving.rollout.order import RolloutOrder
from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Entry, Outcome, Phase, Rollout, clock_time
from serving.rollout.store import RolloutStore
from serving.rollout.traffic import (
    TrafficChangedError,
    ensure_mirror,
    ensure_traffic,
    only_version_with_traffic,
    split,
    take_away,
)
from serving.rollout.transitions import Approved, StepDecision, after, candidate_share
from serving.watch.decision import Failed, Passed, Undecided
from serving.watch.watch import Watch
from serving.watch.window import AnswerSource, thinned


@dataclass(frozen=True)
class RolloutTools:
    """What a rollout works with: the endpoint and what is observed there, golden requests, and the time.

    `clock` gives seconds of the epoch, `wait` returns after so many seconds. `order` is recorded with the rollout;
    `note` is called with the rollout when it is taken up and whenever it was recorded, and must not fail.
    """

    endpoint: Endpoint
    answers: AnswerSource
    golden: GoldenRequests
    store: RolloutStore
    clock: Callable[[], float] = time.time
    wait: Callable[[float], None] = time.sleep
    order: RolloutOrder | None = None
    note: Callable[[Rollout], None] | None = None


def roll_out(candidate: ModelVersion, plan: RolloutPlan, tools: RolloutTools) -> Rollout:
    """Brings the candidate to all traffic, takes it back, or ends undecided; `exit_code` of the result says which.

    An unfinished rollout of the same version is continued, with the shares that it began with. One of another version
    is undone, or finished when it has all traffic already. A version that a rollout gave all traffic is left alone; one
    that has it by other means, such as the first start of its endpoint, is tested and keeps it meanwhile.

    Raises:
      SluiceError: when another rollout is under way, or the endpoint is not there.
    """
    with tools.store.alone():
        unfinished = tools.store.current()
        if unfinished is not None and not unfinished.is_final:
            run = _Run(_continued(unfinished, plan), tools)
            if unfinished.candidate == candidate:
                return run.drive(run.taken_up(unfinished))
            run.clear(unfinished, candidate)
        run = _Run(plan, tools)
        return run.drive(run.begin(candidate))


def _continued(unfinished: Rollout, plan: RolloutPlan) -> RolloutPlan:
    """The plan with the shares of the recorded one: the traffic is what those made it."""
    if unfinished.order is None:
        return plan
    before = unfinished.order.plan
    return replace(plan, shadow_share=before.shadow_share, canary_shares=before.canary_shares)


class _Run:
    def __init__(self, plan: RolloutPlan, tools: RolloutTools) -> None:
        self._plan = plan
        self._tools = tools
        self._endpoint = tools.endpoint
        self._store = tools.store

    def begin(self, candidate: ModelVersion) -> Rollout:
        """A new rollout, recorded before anything is changed."""
        serving = only_version_with_traffic(self._endpoint.state())
        history = self._store.history()
        number = len(history) + 1
        rollout = Rollout(
            f"{number:05d}-{candidate.version}",
            candidate,
            # A version that has all traffic by other means than a rollout is tested, and compared with nothing.
            None if serving == candidate.deployed_id else serving,
            since=self._tools.clock(),
            order=self._tools.order,
        )
        if serving == candidate.deployed_id and _was_done(candidate, history):
            rollout = replace(rollout, phase=Phase.DONE, entries=(_all_along(rollout),))
        else:
            self._store.forget_instruction()
            self._store.save(rollout)
        self._note(rollout)
        return rollout

    def taken_up(self, unfinished: Rollout) -> Rollout:
        """By what it is started with now. A step that had ended undecided gets its whole time again."""
        order = replace(self._tools.order, plan=self._plan) if self._tools.order else unfinished.order
        ended = unfinished.entries and unfinished.entries[-1].outcome is Outcome.UNDECIDED
        rollout = replace(unfinished, order=order, since=self._tools.clock() if ended else unfinished.since)
        self._note(rollout)
        return rollout

    def clear(self, unfinished: Rollout, candidate: ModelVersion) -> None:
        """Ends a rollout that another candidate replaces: undone, unless it has got all traffic."""
        everything = {unfinished.candidate.deployed_id: WHOLE}
        if unfinished.phase is Phase.PRODUCTION and dict(self._endpoint.state().traffic) == everything:
            unfinished = self._record(unfinished, Passed("All traffic goes to it."))
        if unfinished.phase in (Phase.WARM, Phase.UNDEPLOY):
            reason = Passed(f"No longer kept warm: version {candidate.version} is rolled out.")
            unfinished = self._record(unfinished, reason) if unfinished.phase is Phase.WARM else unfinished
        elif unfinished.phase is not Phase.ROLLING_BACK and not unfinished.is_final:
            unfinished = self._record(unfinished, Failed(f"Replaced by version {candidate.version}."))
        self.drive(unfinished)

    def drive(self, rollout: Rollout) -> Rollout:
        """Goes on until the rollout is final or a step is undecided."""
        while not rollout.is_final:
            try:
                decision = self._carry_out(rollout)
            except TrafficChangedError as change:
                decision = Failed(f"Somebody else changed the endpoint: {change}.")
            rollout = self._record(rollout, decision)
            if isinstance(decision, Undecided):
                break
        return rollout

    def _record(self, rollout: Rollout, decision: StepDecision) -> Rollout:
        following = after(rollout, decision, self._plan, self._tools.clock())
        if following.phase is Phase.DONE:
            self._endpoint.set_aside(rollout.candidate.version, False)
        self._store.save(following)
        if isinstance(decision, Approved | Failed):
            self._store.forget_instruction()
        self._note(following)
        return following

    def _note(self, rollout: Rollout) -> None:
        if self._tools.note is not None:
            self._tools.note(rollout)

    def _carry_out(self, rollout: Rollout) -> StepDecision:
        steps: dict[Phase, Callable[[Rollout], StepDecision]] = {
            Phase.STAGING: self._stage,
            Phase.SMOKE: self._smoke,
            Phase.SHADOW: self._shadow,
            Phase.CANARY: self._canary,
            Phase.APPROVAL: self._await_approval,
            Phase.PRODUCTION: self._give_all_traffic,
            Phase.WARM: self._keep_warm,
            Phase.UNDEPLOY: self._undeploy,
            Phase.ROLLING_BACK: self._roll_back,
        }
        return steps[rollout.phase](rollout)

    def _stage(self, rollout: Rollout) -> StepDecision:
        try:
            self._endpoint.deploy(rollout.candidate)
        except (DeployError, UnknownVersionError, IdTakenError) as problem:
            return Failed(problem.headline)
        return Passed("Deployed, without traffic.")

    def _smoke(self, rollout: Rollout) -> Passed | Failed:
        return check_golden(
            self._endpoint,
            rollout.candidate.deployed_id,
            self._tools.golden,
            self._plan.tolerance,
            self._plan.latency_budget_ms,
        )

    def _shadow(self, rollout: Rollout) -> StepDecision:
        if not self._endpoint.mirrors:
            if not self._plan.canary_shares:
                return Failed(
                    "This endpoint copies no requests and there is no canary step: nothing would be compared."
                )
            return Passed("Left out: this endpoint copies no requests. The canary is what is watched.")
        ensure_mirror(self._endpoint, self._plan.shadow_share, rollout.candidate.deployed_id)
        decision = self._observe(rollout)
        if isinstance(decision, Passed):
            ensure_mirror(self._endpoint, 0, rollout.candidate.deployed_id)
        return decision

    def _canary(self, rollout: Rollout) -> StepDecision:
        self._ensure_share(rollout, candidate_share(rollout, self._plan))
        return self._observe(rollout)

    def _await_approval(self, rollout: Rollout) -> StepDecision:
        return self._instructed(rollout) or Undecided("Waits for a person: approve or reject.")

    def _give_all_traffic(self, rollout: Rollout) -> StepDecision:
        self._ensure_share(rollout, WHOLE)
        return Passed("All traffic goes to it.")

    def _keep_warm(self, rollout: Rollout) -> StepDecision:
        end = rollout.since + 60 * self._plan.warm_minutes
        while (left := end - self._tools.clock()) > 0:
            instructed = self._instructed(rollout)
            if isinstance(instructed, Failed):
                return instructed
            self._tools.wait(min(left, self._plan.window_seconds))
        return Passed(f"Version `{rollout.previous}` was kept warm until {clock_time(end)} and was not needed.")

    def _undeploy(self, rollout: Rollout) -> StepDecision:
        try:
            self._endpoint.undeploy(rollout.previous or "")
        except HasTrafficError:
            return Passed(f"Version `{rollout.previous}` stays: somebody gave it traffic.")
        return Passed(f"Version `{rollout.previous}` was removed.")

    def _roll_back(self, rollout: Rollout) -> StepDecision:
        candidate = rollout.candidate.deployed_id
        if rollout.previous is None and self._endpoint.state().traffic.get(candidate):
            return Passed("It keeps its traffic: no version was there before it that could take over.")
        self._endpoint.set_aside(rollout.candidate.version, True)
        take_away(self._endpoint, candidate, rollout.previous)
        return Passed("The candidate has no traffic and was removed.")

    def _ensure_share(self, rollout: Rollout, share: int) -> None:
        """From the share of any earlier step: a person may have approved before the last one."""
        candidate, previous = rollout.candidate.deployed_id, rollout.previous
        present = self._endpoint.state().traffic
        earlier = [split(candidate, each, previous) for each in (0, *self._plan.canary_shares) if each < share]
        before = next((each for each in earlier if each == dict(present)), earlier[0] if earlier else {})
        ensure_traffic(self._endpoint, split(candidate, share, previous), before)

    def _observe(self, rollout: Rollout) -> StepDecision:
        """Watches until it is decided, a person decides, or the deadline passes."""
        seen = list(self._store.windows(rollout))
        watch, cursor, number = Watch(self._plan.watch), "", len(seen)
        for window in seen:
            watch.add(window)
            cursor = window.cursor
        while True:
            decision = self._instructed(rollout) or watch.decision()
            if not isinstance(decision, Undecided):
                return decision
            if self._tools.clock() >= rollout.since + 60 * self._plan.deadline_minutes:
                return Undecided(f"The deadline has passed. {decision.reason}", decision.comparisons)
            self._tools.wait(self._plan.window_seconds)
            self._check_unchanged(rollout)
            canary, stable = rollout.candidate.deployed_id, rollout.previous or ""
            window = thinned(self._tools.answers.since(cursor, canary, stable))
            self._store.add_window(rollout, number, window)
            watch.add(window)
            cursor, number = window.cursor, number + 1
            if not window.canary and isinstance(golden := self._smoke(rollout), Failed):
                # No traffic shows nothing; golden requests can still show harm, and never that there is none.
                return golden

    def _check_unchanged(self, rollout: Rollout) -> None:
        wanted = split(rollout.candidate.deployed_id, candidate_share(rollout, self._plan), rollout.previous)
        ensure_traffic(self._endpoint, wanted, wanted)

    def _instructed(self, rollout: Rollout) -> Approved | Failed | None:
        instruction = self._store.instruction(rollout)
        if instruction is None:
            return None
        if instruction.action == "approve":
            return Approved(f"Approved by hand: {instruction.reason}")
        done = "Rejected" if instruction.action == "reject" else "Rolled back"
        return Failed(f"{done} by hand: {instruction.reason}")


def _was_done(candidate: ModelVersion, history: Sequence[Rollout]) -> bool:
    """Whether the last rollout of this version brought it to all traffic."""
    return next((each.phase is Phase.DONE for each in reversed(history) if each.candidate == candidate), False)


def _all_along(rollout: Rollout) -> Entry:
    return Entry(clock_time(rollout.since), Phase.PRODUCTION, Outcome.PASSED, "It had all traffic already.", WHOLE)
