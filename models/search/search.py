"""The search: requests trials, runs them, stores their outcomes, and chooses the best."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.search.ledger import Ledger
from models.search.median_stopping import is_worse_than_median
from models.search.pool import Ended, Epoch, Pool
from models.search.proposals import Proposals
from models.search.ranking import by_configuration, with_the_best_chosen
from models.search.trial import OBJECTIVE, Curves, Task, Trial, TrialOutcome

# So many trials may be ahead of the oldest unfinished one; a trial is compared only with trials before these. Up to
# this number of parallel trials the search therefore decides as with one trial after another.
WINDOW = 4


@dataclass(frozen=True)
class SearchLimits:
    """When the search and its trials end early."""

    seconds: float | None
    failures: int
    median_stopping: bool
    window: int


class Search:
    """Requests trials and passes on outcomes in one fixed order, whatever ends first, so that it can resume after a
    kill."""

    def __init__(
        self,
        proposals: Proposals,
        ledger: Ledger,
        pool: Pool,
        limits: SearchLimits,
        when_ended: Callable[[Task, TrialOutcome], Any] = lambda _task, _outcome: None,
    ) -> None:
        self._proposals, self._ledger, self._pool, self._limits = proposals, ledger, pool, limits
        self._when_ended = when_ended
        self._tasks: list[Task] = []
        self._ended: list[TrialOutcome] = []
        self._compared: dict[int, int] = {}  # by task, the number of ended trials that it is compared with
        self._at_epoch: dict[int, tuple[Curves, float]] = {}  # of running tasks
        self._deadline: float | None = None

    def run(self) -> list[Trial]:
        """All trials in the order in which they were chosen; the best is marked."""
        if self._limits.seconds is not None:
            self._deadline = time.monotonic() + self._limits.seconds
        self._ask()
        with self._pool:
            while len(self._ended) < len(self._tasks):
                if outcome := self._ledger.find(self._tasks[len(self._ended)]):
                    self._tell(outcome)
                elif self._over():
                    break
                else:
                    self._begin()
                    self._listen()
        if len(self._ended) == len(self._tasks) and not any(outcome.killed for outcome in self._ended):
            self._ledger.forget_weights()
        return with_the_best_chosen(by_configuration(self._tasks, self._outcomes(), self._proposals.epochs))

    def _ask(self) -> None:
        while len(self._tasks) - len(self._ended) < self._limits.window and (task := self._proposals.ask()):
            self._compared[task.number] = len(self._ended)
            self._tasks.append(task)

    def _tell(self, outcome: TrialOutcome) -> None:
        task = self._tasks[len(self._ended)]
        self._proposals.tell(task, outcome)
        self._ended.append(outcome)
        done, total = len(self._ended), max(self._proposals.total, len(self._ended))
        far = {"done": done, "total": total}
        logging.getLogger("sluice.progress").info("trial %d of %d", done, total, extra=far)
        self._ask()

    def _over(self) -> bool:
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return late or self._failures() >= self._limits.failures

    def _failures(self) -> int:
        return sum(outcome.state == "failed" for outcome in self._ended)

    def _begin(self) -> None:
        for task in self._tasks[len(self._ended) :]:
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
            self._pool.answer(event.task, not self._is_worse_than_median(event))
        elif isinstance(event, Ended):
            self._ledger.keep(event.task, event.outcome)
            self._when_ended(event.task, event.outcome)

    def _is_worse_than_median(self, event: Epoch) -> bool:
        before = self._ended[: self._compared[event.task.number]]
        known = [outcome.curves[OBJECTIVE] for outcome in before if outcome.score is not None]
        return self._limits.median_stopping and is_worse_than_median(event.curves[OBJECTIVE], known)

    def _outcomes(self) -> dict[int, TrialOutcome]:
        """Outcomes by task; for tasks that were running when the search ended, their curves so far."""
        outcomes = {task.number: outcome for task, outcome in zip(self._tasks, self._ended, strict=False)}
        why = (
            "the time of the search was over" if self._failures() < self._limits.failures else "too many trials failed"
        )
        for task in self._tasks[len(self._ended) :]:
            curves, seconds = self._at_epoch.get(task.number, ({}, 0.0))
            if outcome := self._ledger.find(task) or (
                TrialOutcome("stopped", curves, seconds, why) if curves else None
            ):
                outcomes[task.number] = outcome
        return outcomes
