"""What a pipeline job has done so far, as Vertex AI reports it: task details, artifacts, executions, their events.

All of it lies in the store of the local Vertex AI, so that a job can be taken up again where a killed process left it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format
from google.rpc import code_pb2, status_pb2

from cloud.testing.rehearsal.values import NO_VALUES, Artifacts, Values
from cloud.testing.vertex.lineage import Lineage
from cloud.testing.vertex.names import last, place_of
from cloud.testing.vertex.runs import Run
from cloud.testing.vertex.store import now

State = types.PipelineTaskDetail.State

# Where a cache look-up finds the fingerprint of what a task was given.
FINGERPRINT_LABEL = "cache-fingerprint"
_EXECUTION_STATES = {
    State.RUNNING: types.Execution.State.RUNNING,
    State.SUCCEEDED: types.Execution.State.COMPLETE,
    State.SKIPPED: types.Execution.State.CACHED,
    State.FAILED: types.Execution.State.FAILED,
    State.CANCELLED: types.Execution.State.CANCELLED,
}
ENDED = (State.SUCCEEDED, State.SKIPPED, State.NOT_TRIGGERED, State.FAILED, State.CANCELLED)


class Ledger:
    """The record of one job. Each call is one change of the store, which a reader sees whole."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lineage: Lineage = run.lineage
        self.job_name = run.name
        self._store = self._lineage.default_store(place_of(run.name))

    def task(self, name: str, parent: int = 0) -> types.PipelineTaskDetail:
        """The task of that name: the one that is there, else a new one, pending."""
        for detail in self._run.job.job_detail.task_details:
            if detail.task_name == name:
                return types.PipelineTaskDetail(detail)
        detail = types.PipelineTaskDetail(
            task_id=int(self._run.collection.store.new_id()),
            parent_task_id=parent,
            task_name=name,
            task_unique_name=name,
            create_time=now(),
            state=State.PENDING,
        )

        def add(job: types.PipelineJob) -> None:
            job.job_detail.task_details.append(detail)

        self._run.change(add)
        return types.PipelineTaskDetail(detail)

    def begin(self, task: types.PipelineTaskDetail, title: str, inputs: Values, fingerprint: str = "") -> None:
        """The task runs; its execution is there with what goes in."""
        with self._run.lock:
            if not task.execution:
                metadata = {f"input:{key}": value for key, value in inputs.parameters.items()}
                task.execution = self._lineage.executions.add(
                    self._store,
                    types.Execution(display_name=task.task_name, schema_title=title, metadata=metadata),
                )
                self._lineage.put(self._context(), [task.execution.name])
                self._events(task, inputs.artifacts, types.Event.Type.INPUT)
            task.execution.labels[FINGERPRINT_LABEL] = fingerprint
            task.inputs = _listed(inputs.artifacts)
            task.start_time = task.start_time or now()
            self._move(task, State.RUNNING)

    def note(self, task: types.PipelineTaskDetail, error: str) -> None:
        """An attempt failed; another follows."""
        task.error = status_pb2.Status(code=code_pb2.INTERNAL, message=error)
        self._move(task, State.RUNNING)

    def end(self, task: types.PipelineTaskDetail, state: Any, outputs: Values = NO_VALUES, error: str = "") -> None:
        """The task has ended."""
        with self._run.lock:
            task.end_time = now()
            task.start_time = task.start_time or task.end_time
            task.outputs = _listed(outputs.artifacts)
            task.error = status_pb2.Status(code=code_pb2.INTERNAL, message=error) if error else None
            if task.execution:
                metadata = dict(task.execution.metadata or {})
                metadata |= {f"output:{key}": value for key, value in outputs.parameters.items()}
                task.execution.metadata = metadata
                self._events(task, outputs.artifacts, types.Event.Type.OUTPUT)
            self._move(task, state)

    def artifact(self, title: str, uri: str, metadata: Mapping[str, Any], state: str = "PENDING") -> types.Artifact:
        """A new artifact."""
        with self._run.lock:
            made: types.Artifact = self._lineage.artifacts.add(
                self._store,
                types.Artifact(schema_title=title, uri=uri, metadata=dict(metadata), state=state),
            )
            self._lineage.put(self._context(), [made.name])
            return types.Artifact(made)

    def keep(self, artifact: types.Artifact, uri: str, metadata: Mapping[str, Any]) -> types.Artifact:
        """An artifact as its task has left it."""
        with self._run.lock:
            artifact.uri = uri
            artifact.metadata = dict(metadata)
            artifact.state = types.Artifact.State.LIVE
            return types.Artifact(self._lineage.artifacts.keep(types.Artifact(artifact)))

    def find(self, is_wanted: Callable[[Mapping[str, Any]], bool]) -> Iterable[types.Artifact]:
        """The artifacts that pass a filter, the newest first."""
        with self._run.lock:
            there = list(self._lineage.store.below(self._store, "artifacts"))
            return [each for each in reversed(there) if is_wanted(document_of(each))]

    def earlier(self, pipeline: str, fingerprint: str) -> Values | None:
        """What the newest task with this fingerprint has made, in whatever run of the pipeline; None without one."""
        with self._run.lock:
            jobs = list(self._run.collection.store.below(place_of(self.job_name), "pipelineJobs"))
            for job in reversed(jobs):
                if pipeline_of(job) != pipeline:
                    continue
                for detail in job.job_detail.task_details:
                    found = detail.execution.labels.get(FINGERPRINT_LABEL)
                    if detail.state == State.SUCCEEDED and found == fingerprint:
                        return outputs_of(detail)
        return None

    def _move(self, task: types.PipelineTaskDetail, state: Any) -> None:
        task.state = state
        status = types.PipelineTaskDetail.PipelineTaskStatus(update_time=now(), state=state, error=task.error)
        task.pipeline_task_status.append(status)
        if task.execution and state in _EXECUTION_STATES:
            task.execution.state = _EXECUTION_STATES[state]
            task.execution = self._lineage.executions.keep(types.Execution(task.execution))

        def replace(job: types.PipelineJob) -> None:
            details = job.job_detail.task_details
            for place, each in enumerate(details):
                if each.task_id == task.task_id:
                    details[place] = task

        self._run.change(replace)

    def _events(self, task: types.PipelineTaskDetail, artifacts: Artifacts, kind: Any) -> None:
        for each in (one for listed in artifacts.values() for one in listed):
            event = types.Event(artifact=each.name, execution=task.execution.name, event_time=now(), type_=kind)
            self._lineage.events.append(event)

    def _context(self) -> str:
        return str(self._run.job.job_detail.pipeline_run_context.name)


def pipeline_of(job: types.PipelineJob) -> str:
    """The name of the pipeline that a job runs."""
    # The plain message: the wrapped one would convert the whole specification.
    info = types.PipelineJob.pb(job).pipeline_spec.fields["pipelineInfo"]
    return str(info.struct_value.fields["name"].string_value)


def outputs_of(task: types.PipelineTaskDetail) -> Values:
    """What a task that has ended left."""
    artifacts = {key: tuple(each.artifacts) for key, each in task.outputs.items()}
    metadata = json_format.MessageToDict(types.Execution.pb(task.execution).metadata)
    prefix = "output:"
    return Values(artifacts, {key[len(prefix) :]: each for key, each in metadata.items() if key.startswith(prefix)})


def folder_of(job: types.PipelineJob, task: types.PipelineTaskDetail, number: str) -> str:
    """Where a task writes, as Vertex AI names it."""
    root = job.runtime_config.gcs_output_directory.rstrip("/")
    return f"{root}/{number}/{last(job.name)}/{task.task_name}_{task.task_id}"


def document_of(artifact: types.Artifact) -> dict[str, Any]:
    """An artifact as filters see it."""
    document: dict[str, Any] = json_format.MessageToDict(types.Artifact.pb(artifact), preserving_proto_field_name=True)
    return document


def _listed(artifacts: Artifacts) -> dict[str, Any]:
    return {key: types.PipelineTaskDetail.ArtifactList(artifacts=list(each)) for key, each in artifacts.items()}
