"""The tasks of a pipeline job on Vertex AI, as the job itself reports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format


class TaskState(Enum):
    """What became of a task; every state of Vertex AI is one of these."""

    WAITING = "waiting"
    RUNNING = "running"
    RAN = "ran"
    REUSED = "reused"  # Vertex AI calls it SKIPPED: its result came from the cache
    SKIPPED = "skipped"  # Vertex AI calls it NOT_TRIGGERED: its condition did not hold, or what it waits for failed
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class StoredArtifact:
    """An output of a task: `metadata` holds its properties under their names, numbers as floats."""

    name: str  # the resource name in Vertex ML Metadata
    type: str  # the title of its schema, e.g. tfx.Model
    uri: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class TaskRun:
    """One task of a job. `name` is the component's id in the pipeline, e.g. Trainer."""

    name: str
    state: TaskState
    started: datetime | None
    ended: datetime | None
    outputs: Mapping[str, tuple[StoredArtifact, ...]]
    error: str = ""
    custom_job: str = ""  # the resource name of the job that runs its container; empty before it starts

    @property
    def seconds(self) -> float:
        """How long it ran; 0 when it has not ended."""
        return (self.ended - self.started).total_seconds() if self.started and self.ended else 0.0


_STATES: Mapping[str, TaskState] = {
    "STATE_UNSPECIFIED": TaskState.WAITING,
    "PENDING": TaskState.WAITING,
    "RUNNING": TaskState.RUNNING,
    "SUCCEEDED": TaskState.RAN,
    "CANCEL_PENDING": TaskState.RUNNING,
    "CANCELLING": TaskState.RUNNING,
    "CANCELLED": TaskState.CANCELLED,
    "FAILED": TaskState.FAILED,
    "SKIPPED": TaskState.REUSED,
    "NOT_TRIGGERED": TaskState.SKIPPED,
}


def task_runs_of(job: types.PipelineJob) -> tuple[TaskRun, ...]:
    """The tasks of a job that `get_pipeline_job` returned, in the order in which they were created; without those that
    only hold others: the pipeline itself, and the part of it that an exit handler waits for."""
    details = sorted(job.job_detail.task_details, key=lambda detail: detail.task_id)
    holders = {detail.parent_task_id for detail in details}
    return tuple(_task_run(detail) for detail in details if detail.task_id not in holders or not detail.task_id)


def _task_run(detail: Any) -> TaskRun:
    return TaskRun(
        name=detail.task_name,
        state=_STATES[detail.state.name],
        started=detail.start_time or None,
        ended=detail.end_time or None,
        outputs={key: tuple(map(_stored, listed.artifacts)) for key, listed in detail.outputs.items()},
        error=detail.error.message,
        custom_job=detail.executor_detail.container_detail.main_job,
    )


def _stored(artifact: types.Artifact) -> StoredArtifact:
    metadata = json_format.MessageToDict(types.Artifact.pb(artifact).metadata)
    return StoredArtifact(artifact.name, artifact.schema_title, artifact.uri, metadata)
