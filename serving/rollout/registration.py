"""What the registry records of a rollout: the candidate's stage, and at its end which version is in production."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from core.errors import SluiceError
from registry.backends import registry_at
from registry.contract import CANARY, DEPLOYMENT, PRODUCTION, ROLLED_BACK, STAGE
from serving.rollout.order import Registered
from serving.rollout.record import Phase, Rollout


@dataclass(frozen=True)
class Unrecorded:
    """The registry could not be changed: why, in one sentence, and how a person does it."""

    reason: str
    remedy: str


class Registration:
    """Records the stage of a rollout whenever it is another one than before."""

    def __init__(self) -> None:
        self._recorded: tuple[str, str] | None = None
        self._unrecorded: dict[str, Unrecorded] = {}

    @property
    def unrecorded(self) -> Unrecorded | None:
        """What the registry does not say, of this rollout and of one that it replaced."""
        missing = self._unrecorded.values()
        if not missing:
            return None
        return Unrecorded(" ".join(each.reason for each in missing), "\n    ".join(each.remedy for each in missing))

    def record(self, rollout: Rollout) -> Unrecorded | None:
        """Does nothing for a rollout that names no registered version. A registry that cannot be changed stops no
        rollout: the result says what is missing there."""
        problem = self._record(rollout)
        self._unrecorded.pop(rollout.id, None)
        if problem is not None:
            self._unrecorded[rollout.id] = problem
        return problem

    def _record(self, rollout: Rollout) -> Unrecorded | None:
        registered = rollout.order.registered if rollout.order else None
        stage = stage_of(rollout)
        if registered is None or self._recorded == (rollout.id, stage):
            return None
        unrecorded = record_stage(registered, stage, rollout.candidate.version)
        if unrecorded is None:
            self._recorded = (rollout.id, stage)
        return unrecorded


def record_stage(registered: Registered, stage: str, pushed: str) -> Unrecorded | None:
    """Gives a registered version its stage, and the number `pushed` under which it was pushed; one that is in
    production takes the place of the one before. The result says why a registry could not be changed."""
    deployment = f"pushed-{pushed}"
    try:
        registry = registry_at(registered.place)
        if stage == PRODUCTION:
            registry.deployed(registered.model, registered.version, deployment)
        else:
            registry.label(registered.model, registered.version, {STAGE: stage, DEPLOYMENT: deployment})
    except (SluiceError, OSError) as problem:
        message = problem.headline if isinstance(problem, SluiceError) else str(problem)
        return _unrecorded(registered, stage, deployment, message)
    return None


def stage_of(rollout: Rollout) -> str:
    """`canary` until the end: the version before may still get the traffic back while it is kept warm."""
    return {Phase.DONE: PRODUCTION, Phase.ROLLED_BACK: ROLLED_BACK}.get(rollout.phase, CANARY)


def _unrecorded(registered: Registered, stage: str, deployment: str, message: str) -> Unrecorded:
    which = f"{registered.model} {registered.version}"
    command = f"python -m registry --folder {shlex.quote(registered.place)}"
    label = f"{command} label {which} {STAGE}={stage} {DEPLOYMENT}={deployment}"
    by_hand = f"{command} alias {which} {PRODUCTION} && {label}" if stage == PRODUCTION else label
    return Unrecorded(
        f"The registry {registered.place} does not say that the stage of {which} is {stage}: {message.rstrip('.')}.",
        f"Once it can be changed:  {by_hand}",
    )
