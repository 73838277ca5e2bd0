"""What all kinds of jobs have in common: they start, are polled and cancelled, and are deleted once they have ended."""

from __future__ import annotations

from typing import Any

import proto
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types

from cloud.testing.vertex.runs import ENDED, Run, set_state, short_state
from cloud.testing.vertex.service import Backend
from cloud.testing.vertex.store import Collection


class JobCollection:
    """Jobs of one kind, moved on by the backend's executor."""

    def __init__(self, backend: Backend, segment: str, kind: type[proto.Message], id_pattern: str = r"\d+") -> None:
        self.backend = backend
        self.jobs = Collection(backend.store, segment, kind, id_pattern)
        self._runs: dict[str, Run] = {}

    def create(self, parent: str, job: Any, job_id: str = "") -> Any:
        """Keeps a job as pending and hands it to the executor."""
        set_state(job, "PENDING")
        name = self.jobs.add(parent, job, job_id).name
        if isinstance(job, types.PipelineJob):
            self.backend.lineage.record_pipeline(job)
        self.backend.executor.start(self._run(name))
        return self.jobs.get(name)

    def poll(self, name: str) -> Any:
        """The job as it stands, after the executor has had its turn."""
        found = self.jobs.get(name)
        if short_state(found) not in ENDED:
            run = self._run(found.name)
            run.polls += 1
            self.backend.executor.poll(run)
        return self.jobs.get(name)

    def cancel(self, name: str) -> None:
        """Has the executor cancel; for a job that has ended it does nothing, as on the service."""
        run = self._run(self.jobs.get(name).name)
        if run.state not in ENDED:
            run.set_state("CANCELLING")
            self.backend.executor.cancel(run)

    def delete(self, name: str) -> Any:
        """Deletes a job that has ended, by an operation.

        Raises:
            FailedPrecondition: it has not ended.
        """
        found = self.jobs.get(name)
        if short_state(found) not in ENDED:
            raise exceptions.FailedPrecondition(f"The job {found.name} is still in state {found.state.name}.")
        self.jobs.delete(name)
        return self.backend.operations.start(found.name, None, types.DeleteOperationMetadata)

    def _run(self, name: str) -> Run:
        # Made anew for a job that an earlier server left.
        made = Run(self.jobs, name, self.backend.lock, self.backend.lineage, self.backend.save)
        return self._runs.setdefault(name, made)
