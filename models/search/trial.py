"""A trial of the search: its task and its outcome."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

# The figure by which trials are compared, measured on eval: the lower the better.
OBJECTIVE = "val_loss"
State = Literal["completed", "stopped", "failed"]
Curves = dict[str, list[float]]  # by metric, a figure an epoch


@dataclass(frozen=True)
class Task:
    """One set of hyperparameters to try.

    With Hyperband it may continue the task with the key `continues`, which has trained `learnt` epochs.
    """

    number: int  # in the order in which they were chosen, from 1
    values: dict[str, Any]
    epochs: int
    learnt: int = 0
    continues: str | None = None

    @property
    def key(self) -> str:
        """A hash of the values and epochs: equal tasks have one key, so that none runs twice."""
        text = json.dumps([self.values, self.learnt, self.epochs], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TrialOutcome:
    """The outcome of a task. `reason`: why it was stopped or failed; `killed`: its process was killed from outside, so
    another attempt may succeed."""

    state: State
    curves: Curves = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""
    killed: bool = False

    @property
    def epochs(self) -> int:
        """Number of trained epochs."""
        return len(self.curves.get(OBJECTIVE, ()))

    @property
    def score(self) -> float | None:
        """The lowest loss on eval; None for a failed trial and for one that was stopped in its first epoch."""
        losses = [loss for loss in self.curves.get(OBJECTIVE, ()) if math.isfinite(loss)]
        return min(losses) if losses and self.state != "failed" else None


@dataclass(frozen=True)
class Trial:
    """A tried configuration for reports; with Hyperband the sum of its rounds."""

    number: int
    hyperparameters: dict[str, Any]
    outcome: TrialOutcome
    chosen: bool = False

    @property
    def name(self) -> str:
        """The number with leading zeros, so that names sort like numbers."""
        return f"{self.number:03d}"

    def to_json(self) -> dict[str, Any]:
        """A row of trials.json."""
        outcome = asdict(self.outcome)
        return {
            "trial": self.number,
            "hyperparameters": self.hyperparameters,
            "score": self.outcome.score,
            "state": outcome["state"],
            "epochs": self.outcome.epochs,
            "seconds": round(self.outcome.seconds, 3),
            "chosen": self.chosen,
            "reason": outcome["reason"],
        }


def outcome_file(workshop: str, trial: str) -> str:
    """Where a trial in a container of its own leaves its outcome: beside the file of what all trials share."""
    return f"{workshop.rpartition('/')[0]}/trial-{trial}.json"
