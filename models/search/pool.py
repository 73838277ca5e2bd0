"""The processes that run trials, each with its share of the cores or on a machine of its own; when one dies, only its
trial fails."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from typing import Any

from models.search import relay, worker
from models.search.machines import end_search, greeting_of, worker_environment
from models.search.trial import Curves, Task, TrialOutcome


@dataclass(frozen=True)
class Epoch:
    """A task has ended an epoch and waits for the decision whether to continue."""

    task: Task
    curves: Curves
    seconds: float


@dataclass(frozen=True)
class Ended:
    """A task has ended, and its process is free."""

    task: Task
    outcome: TrialOutcome


class Pool:
    """At most `size` processes on this machine, and one on each of the `others`, started when they are needed."""

    def __init__(self, workshop: dict[str, Any], size: int, others: tuple[str, ...] = ()) -> None:
        self._workshop = workshop
        self._here = size
        self._others = others
        self._size = size + len(others)
        self._events: queue.SimpleQueue[tuple[_Process, Any]] = queue.SimpleQueue()
        self._processes: list[_Process] = []

    @property
    def running(self) -> list[Task]:
        """The tasks under way."""
        return [process.task for process in self._processes if process.task]

    @property
    def has_room(self) -> bool:
        """Whether another task may begin."""
        return len(self.running) < self._size

    def begin(self, task: Task, weights_from: str | None, weights_to: str | None) -> None:
        """Starts a task in a free process."""
        process = next((process for process in self._processes if process.task is None), None)
        if process is None:
            taken = {process.number for process in self._processes}
            number = next(number for number in range(self._size) if number not in taken)
            process = self._started(number)
            self._processes.append(process)
        process.task = task
        process.send({"task": asdict(task), "weights_from": weights_from, "weights_to": weights_to})

    def next_event(self, timeout: float | None) -> Epoch | Ended | None:
        """Waits for the next event; None when there is none within `timeout` seconds."""
        try:
            process, message = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        task = process.task
        if message is None:
            self._processes.remove(process)
            return Ended(task, process.final_outcome()) if task else None
        if task is None:
            return None
        if "curves" in message:
            return Epoch(task, message["curves"], message["seconds"])
        process.task = None
        return Ended(task, TrialOutcome(**message["outcome"]))

    def answer(self, task: Task, go_on: bool) -> None:
        """Sends the decision whether to continue to a task that has ended an epoch."""
        for process in self._processes:
            if process.task is task:
                process.send(go_on)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.end()
        end_search(self._others, greeting_of(self._workshop))

    def _started(self, number: int) -> _Process:
        """A worker here, or for a higher number a relay to one on another machine, which it has for itself."""
        if number < self._here:
            process = _Process(number, self._events)
            process.send({"workshop": self._workshop, "threads": _share(self._here), "number": number})
            return process
        process = _Process(number, self._events, self._others[number - self._here])
        process.send_text(greeting_of(self._workshop))
        process.send({"workshop": self._workshop, "threads": _share(1), "number": 0})
        return process


class _Process:
    """One worker and its current task; with an `address`, a worker on another machine."""

    def __init__(self, number: int, events: queue.SimpleQueue[tuple[_Process, Any]], address: str = "") -> None:
        self.number = number
        self._address = address
        self.task: Task | None = None
        self._unreadable = ""
        module = [relay.__name__, address] if address else [worker.__name__]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *module],
            env=worker_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._hand_on, args=(events,), daemon=True).start()

    def send(self, message: Any) -> None:
        """Sends a message; the reading thread notices a worker that is gone."""
        self.send_text(json.dumps(message))

    def send_text(self, line: str) -> None:
        """Sends a line."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass

    def end(self) -> None:
        """Kills the worker; its task is no longer needed."""
        self._process.kill()
        self._process.wait()

    def final_outcome(self) -> TrialOutcome:
        """The outcome of the task of a worker that has ended."""
        code = self._process.wait()
        if self._unreadable:
            return TrialOutcome("failed", reason=f"its process sent a line that is not JSON: {self._unreadable}")
        if self._address:
            found = "was never there" if code == relay.NOT_THERE else "ended, as it does when memory runs out"
            return TrialOutcome("failed", reason=f"its process on {self._address} {found}", killed=True)
        if code < 0:
            reason = (
                f"its process was killed by signal {-code}, as the system does when memory runs out; "
                "fewer `tuner.parallel_trials` need less"
            )
            return TrialOutcome("failed", reason=reason, killed=True)
        return TrialOutcome("failed", reason=f"its process ended by itself with exit code {code}")

    def _hand_on(self, events: queue.SimpleQueue[tuple[_Process, Any]]) -> None:
        """Forwards the worker's lines until it ends or sends an unreadable one; then puts None, for which the search
        waits."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                self._unreadable = line[:100].strip()
                self._process.kill()
                break
            events.put((self, message))
        events.put((self, None))


def _share(size: int) -> int:
    """Cores for each of `size` processes."""
    return max(1, len(os.sched_getaffinity(0)) // size)
