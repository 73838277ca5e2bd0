"""A trial of the search: what it is to try, and what became of it."""

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
    """One set of hyperparameters to be tried.

    `learnt` epochs are done already when it goes on from where the task named `continues` ended (Hyperband).
    """

    number: int  # in the order in which they were chosen, from 1
    values: dict[str, Any]
    epochs: int
    learnt: int = 0
    continues: str | None = None

    @property
    def key(self) -> str:
        """The same for tasks that would do the same, so that none is done twice."""
        text = json.dumps([self.values, self.learnt, self.epochs], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TrialOutcome:
    """What became of a task. `reason` says why it was stopped or failed; `killed`: not by anything of its own, so that
    another attempt may end otherwise."""

    state: State
    curves: Curves = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""
    killed: bool = False

    @property
    def epochs(self) -> int:
        """How many were trained."""
        return len(self.curves.get(OBJECTIVE, ()))

    @property
    def score(self) -> float | None:
        """The lowest loss on eval; None for a failed trial and for one that was stopped in its first epoch."""
        losses = [loss for loss in self.curves.get(OBJECTIVE, ()) if math.isfinite(loss)]
        return min(losses) if losses and self.state != "failed" else None


@dataclass(frozen=True)
class Trial:
    """A configuration that was tried, as reports show it; with Hyperband the sum of its rounds."""

    number: int
    hyperparameters: dict[str, Any]
    outcome: TrialOutcome
    chosen: bool = False

    @property
    def name(self) -> str:
        """Sorts as the number does."""
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
