"""Jobs under way, and who moves them on: an executor that can be replaced by one that does the work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from google.cloud.aiplatform_v1 import types
from google.rpc import code_pb2, status_pb2

from cloud.testing.vertex.lineage import Lineage
from cloud.testing.vertex.store import Collection, now
from cloud.testing.vertex.trials import made_up_trials

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED", "PARTIALLY_SUCCEEDED")


@dataclass
class Run:
    """A job for its executor. May be used from any thread.

    States are short (`RUNNING`), for pipeline jobs and other jobs spell theirs differently.
    """

    collection: Collection
    name: str
    lock: threading.RLock
    lineage: Lineage
    save: Callable[[], None] = lambda: None
    polls: int = 0

    @property
    def job(self) -> Any:
        """The job as it stands: a copy."""
        with self.lock:
            found = self.collection.get(self.name)
            return type(found)(found)

    @property
    def state(self) -> str:
        """The job's state without its prefix."""
        return short_state(self.job)

    def change(self, change: Callable[[Any], None]) -> None:
        """Applies `change` to the job in place; a job that was deleted meanwhile is left alone."""
        with self.lock:
            if self.name in self.collection.store.resources:
                job = self.collection.get(self.name)
                change(job)
                self.collection.keep(job)
                self.save()

    def set_state(self, state: str, error: str = "") -> None:
        """Moves the job on and stamps its times; a job that has ended stays as it is."""

        def change(job: Any) -> None:
            if short_state(job) in ENDED:
                return
            set_state(job, state)
            if state == "RUNNING" and not job.start_time:
                job.start_time = now()
            if state in ENDED:
                job.end_time = now()
            if error:
                job.error = status_pb2.Status(code=code_pb2.INTERNAL, message=error)

        self.change(change)


class JobExecutor(Protocol):
    """What happens to a job. No call may wait: what takes long belongs on a thread of the executor's own."""

    def start(self, run: Run) -> None:
        """The job was created and is pending."""

    def poll(self, run: Run) -> None:
        """A client has requested the job; `run.polls` counts how often."""

    def cancel(self, run: Run) -> None:
        """A client has requested the end of the job; it is `CANCELLING`."""


@dataclass
class EndsWhenPolled:
    """Runs at the first poll and has ended, with `outcome`, at the poll of number `polls`. Executes nothing."""

    polls: int = 2
    outcome: str = "SUCCEEDED"
    error: str = ""

    def start(self, run: Run) -> None:
        """Leaves the job pending."""

    def poll(self, run: Run) -> None:
        """Moves the job on by one state."""
        if run.state == "CANCELLING":
            run.set_state("CANCELLED")
            return
        run.set_state("RUNNING")
        if run.polls >= self.polls:
            run.change(_fill_trials)
            run.set_state(self.outcome, self.error)

    def cancel(self, run: Run) -> None:
        """Leaves the job to the next poll."""


def _fill_trials(job: Any) -> None:
    if isinstance(job, types.HyperparameterTuningJob):
        job.trials = made_up_trials(job)


def short_state(job: Any) -> str:
    """`RUNNING` for PIPELINE_STATE_RUNNING and for JOB_STATE_RUNNING."""
    return str(job.state.name).partition("_STATE_")[2]


def set_state(job: Any, state: str) -> None:
    """Sets the state by its short name."""
    prefix = str(job.state.name).partition("_STATE_")[0]
    job.state = type(job.state)[f"{prefix}_STATE_{state}"]
