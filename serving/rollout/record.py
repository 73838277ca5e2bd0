"""What is recorded of a rollout after each step: enough to continue or to undo it, and its history."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from core.errors import ExitCode
from serving.contract import ModelVersion
from serving.rollout.order import RolloutOrder
from serving.watch.decision import Comparison


class Phase(str, Enum):
    """The step that a rollout is in; its work may have been done in part."""

    STAGING = "staging"  # the candidate is deployed and has no traffic
    SMOKE = "smoke"  # it answers golden requests
    SHADOW = "shadow"  # it answers copies of requests
    CANARY = "canary"  # it has a share of the traffic and is watched
    APPROVAL = "approval"  # a person decides
    PRODUCTION = "production"  # it gets all traffic
    WARM = "warm"  # the version before stays loaded
    UNDEPLOY = "undeploy"  # the version before is removed
    DONE = "done"
    ROLLING_BACK = "rolling back"  # the candidate loses its traffic and is removed
    ROLLED_BACK = "rolled back"


FINAL = (Phase.DONE, Phase.ROLLED_BACK)


class Outcome(str, Enum):
    """How a step ended, or that it has not."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    APPROVED = "approved"


@dataclass(frozen=True)
class Entry:
    """One line of the history: which step ended how, when and why, and what was compared."""

    at: str
    phase: Phase
    outcome: Outcome
    reason: str
    share: int = 0
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True)
class Rollout:
    """One rollout. `previous` is the deployed id that had all traffic when it began, None for a first version; `step`
    counts the canary steps; `since` is when the step began, in seconds of the epoch. `order` is what it was last
    started with, where that was recorded."""

    id: str
    candidate: ModelVersion
    previous: str | None
    phase: Phase = Phase.STAGING
    step: int = 0
    since: float = 0.0
    entries: tuple[Entry, ...] = ()
    order: RolloutOrder | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase in FINAL

    @property
    def reason(self) -> str:
        """Why it is where it is: that of the failure which rolls it back, else that of the last entry."""
        if self.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
            return next((each.reason for each in reversed(self.entries) if each.outcome is Outcome.FAILED), "")
        return self.entries[-1].reason if self.entries else ""

    @property
    def exit_code(self) -> ExitCode:
        """0 for done, 2 for rolled back, 4 for anything that is not decided."""
        if self.phase is Phase.DONE:
            return ExitCode.PUSHED
        return ExitCode.REFUSED if self.phase in (Phase.ROLLED_BACK, Phase.ROLLING_BACK) else ExitCode.UNDECIDED

    @property
    def event(self) -> str:
        """What it is for whoever wants to be notified: `rolled_back`, `waiting_for_approval` or `undecided`; empty when
        it is done."""
        if self.exit_code is ExitCode.PUSHED:
            return ""
        if self.exit_code is ExitCode.REFUSED:
            return "rolled_back"
        return "waiting_for_approval" if self.phase is Phase.APPROVAL else "undecided"

    def to_plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Rollout:
        """The inverse of `to_plain`.

        Raises:
          ValueError: when a part is missing, or is not what it must be.
        """
        found: Rollout = _rollouts().validate_python(plain)
        return found


@cache
def _rollouts() -> TypeAdapter[Rollout]:
    return TypeAdapter(Rollout)


def clock_time(seconds: float) -> str:
    """Seconds of the epoch as people read them, in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
