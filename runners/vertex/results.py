"""The tasks of a job on Vertex AI as results of components, as a run on this machine has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.container.kubeflow_v2_entrypoint_utils import parse_raw_artifact_dict
from tfx.types import Artifact

from cloud.task_runs import StoredArtifact, TaskRun, TaskState
from runners.component_names import NAMES
from runners.results.node_result import NodeResult, State
from runners.vertex.task_errors import TaskError, read_error

_STATES: Mapping[TaskState, State] = {
    TaskState.RAN: "ran",
    TaskState.REUSED: "reused",
    TaskState.SKIPPED: "skipped",
    TaskState.CANCELLED: "skipped",
    TaskState.FAILED: "failed",
}


def results_of(task_runs: Iterable[TaskRun], job_folder: str) -> dict[str, NodeResult]:
    """The results of the components that have ended, by their ids. A failed one has the error that its container left
    in `job_folder`, else Vertex AI's own words."""
    return {each.name: _result(each, job_folder) for each in task_runs if each.name in NAMES and each.state in _STATES}


def _result(task: TaskRun, job_folder: str) -> NodeResult:
    error = None
    if task.state is TaskState.FAILED:
        error = read_error(job_folder, task.name) or TaskError(task.error or "Vertex AI gives no reason")
    return NodeResult(task.name, _STATES[task.state], task.seconds, _artifacts(task.outputs), error)


def _artifacts(outputs: Mapping[str, tuple[StoredArtifact, ...]]) -> Mapping[str, list[Artifact]]:
    """The artifacts, read as TFX reads them in a container: Vertex AI has numbers as floats."""
    sent = pipeline_spec_pb2.ExecutorInput.Outputs()
    for key, stored in outputs.items():
        for each in stored:
            added = sent.artifacts[key].artifacts.add(name=each.name, uri=each.uri)
            added.type.schema_title = each.type
            added.metadata.update(dict(each.metadata))
    artifacts: Mapping[str, list[Artifact]] = parse_raw_artifact_dict(sent.artifacts)
    return artifacts
