"""A pool of workers whose losses are made up."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from models.search.pool import Ended, Epoch
from models.search.trial import OBJECTIVE, Task, TrialOutcome


def loss_of(task: Task, epoch: int) -> float:
    """A loss that falls with the epochs and differs from point to point."""
    return random.Random(f"{sorted(task.values.items())}").random() + 1 / epoch


def curve(losses: list[float]) -> dict[str, list[float]]:
    return {OBJECTIVE: losses}


class PretendPool:
    """Carries out trials in no time; which of those under way goes on next is drawn by chance."""

    def __init__(self, size: int, seed: int = 0, lose: Callable[[Task, int], float] = loss_of) -> None:
        self.begun: list[Task] = []
        self.carried: list[str | None] = []
        self._size, self._chance, self._lose = size, random.Random(seed), lose
        self._under_way: dict[int, tuple[Task, list[float]]] = {}
        self._stopped: set[int] = set()

    @property
    def running(self) -> list[Task]:
        return [task for task, _ in self._under_way.values()]

    @property
    def has_room(self) -> bool:
        return len(self._under_way) < self._size

    def begin(self, task: Task, weights_from: str | None, weights_to: str | None) -> None:
        assert self.has_room
        self.begun.append(task)
        self.carried.append(weights_from)
        self._under_way[task.number] = (task, [])

    def next_event(self, timeout: float | None) -> Any:
        number = self._chance.choice(sorted(self._under_way))
        task, losses = self._under_way[number]
        losses.append(self._lose(task, task.learnt + len(losses) + 1))
        if losses[-1] < 0:
            del self._under_way[number]
            return Ended(task, TrialOutcome("failed", reason="a loss below zero"))
        if task.learnt + len(losses) < task.epochs:
            return Epoch(task, curve(list(losses)), 1.0)
        return self._ended(task, losses, "completed")

    def answer(self, task: Task, go_on: bool) -> None:
        if not go_on:
            self._stopped.add(task.number)

    def _ended(self, task: Task, losses: list[float], state: Any) -> Ended:
        del self._under_way[task.number]
        state = "stopped" if task.number in self._stopped else state
        # A stopped trial has no further epoch.
        kept = losses[:-1] if state == "stopped" else losses
        return Ended(task, TrialOutcome(state, curve(kept), 1.0))

    def __enter__(self) -> PretendPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._under_way.clear()
