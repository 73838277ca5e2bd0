"""The search itself: asks for trials, has them carried out, remembers their outcomes, and chooses the best."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.search.ledger import Ledger
from models.search.median_stopping import is_poor
from models.search.pool import Ended, Epoch, Pool
from models.search.proposals import Proposals
from models.search.ranking import by_configuration, with_the_best_chosen
from models.search.trial import OBJECTIVE, Curves, Outcome, Task, Trial

# So many trials may be ahead of the oldest that has not ended; what a trial is compared with lies further back. Up to
# this many parallel trials the search therefore takes the same decisions as one trial after another.
WINDOW = 4


@dataclass(frozen=True)
class Limits:
    """When the search and its trials end early."""

    seconds: float | None
    failures: int
    stop_poor: bool
    window: int


class Search:
    """Asks and tells in one fixed order whatever ends first: after a kill the same answers lead to where it was."""

    def __init__(
        self,
        proposals: Proposals,
        ledger: Ledger,
        pool: Pool,
        limits: Limits,
        when_ended: Callable[[Task, Outcome], Any] = lambda _task, _outcome: None,
    ) -> None:
        self._proposals, self._ledger, self._pool, self._limits = proposals, ledger, pool, limits
        self._when_ended = when_ended
        self._asked: list[Task] = []
        self._told: list[Outcome] = []
        self._compared: dict[int, int] = {}  # by task, how many of the told it is compared with
        self._at_epoch: dict[int, tuple[Curves, float]] = {}  # of running tasks
        self._deadline: float | None = None

    def run(self) -> list[Trial]:
        """All trials in the order in which they were chosen; the best is marked."""
        if self._limits.seconds is not None:
            self._deadline = time.monotonic() + self._limits.seconds
        self._ask()
        with self._pool:
            while len(self._told) < len(self._asked):
                if outcome := self._ledger.find(self._asked[len(self._told)]):
                    self._tell(outcome)
                elif self._over():
                    break
                else:
                    self._begin()
                    self._listen()
        if len(self._told) == len(self._asked) and not any(outcome.killed for outcome in self._told):
            self._ledger.forget_weights()
        return with_the_best_chosen(by_configuration(self._asked, self._outcomes(), self._proposals.epochs))

    def _ask(self) -> None:
        while len(self._asked) - len(self._told) < self._limits.window and (task := self._proposals.ask()):
            self._compared[task.number] = len(self._told)
            self._asked.append(task)

    def _tell(self, outcome: Outcome) -> None:
        task = self._asked[len(self._told)]
        self._proposals.tell(task, outcome)
        self._told.append(outcome)
        done, total = len(self._told), max(self._proposals.total, len(self._told))
        far = {"done": done, "total": total}
        logging.getLogger("sluice.progress").info("trial %d of %d", done, total, extra=far)
        self._ask()

    def _over(self) -> bool:
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return late or self._failures() >= self._limits.failures

    def _failures(self) -> int:
        return sum(outcome.state == "failed" for outcome in self._told)

    def _begin(self) -> None:
        for task in self._asked[len(self._told) :]:
            under_way = {running.key for running in self._pool.running}
            if self._pool.has_room and task.key not in under_way and self._ledger.find(task) is None:
                continued = self._ledger.weights_of(task.continues) if task.continues else None
                self._pool.begin(task, continued, self._weights_to(task))

    def _weights_to(self, task: Task) -> str | None:
        return self._ledger.weights_of(task.key) if self._proposals.in_rounds else None

    def _listen(self) -> None:
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        event = self._pool.next_event(left)
        if isinstance(event, Epoch):
            self._at_epoch[event.task.number] = (event.curves, event.seconds)
            self._pool.answer(event.task, not self._is_poor(event))
        elif isinstance(event, Ended):
            self._ledger.keep(event.task, event.outcome)
            self._when_ended(event.task, event.outcome)

    def _is_poor(self, event: Epoch) -> bool:
        before = self._told[: self._compared[event.task.number]]
        known = [outcome.curves[OBJECTIVE] for outcome in before if outcome.score is not None]
        return self._limits.stop_poor and is_poor(event.curves[OBJECTIVE], known)

    def _outcomes(self) -> dict[int, Outcome]:
        """By task; of those that were under way when the search had to end, what they had come to."""
        outcomes = {task.number: outcome for task, outcome in zip(self._asked, self._told, strict=False)}
        why = "the search had spent its time" if self._failures() < self._limits.failures else "too many trials failed"
        for task in self._asked[len(self._told) :]:
            curves, seconds = self._at_epoch.get(task.number, ({}, 0.0))
            if outcome := self._ledger.find(task) or (Outcome("stopped", curves, seconds, why) if curves else None):
                outcomes[task.number] = outcome
        return outcomes
