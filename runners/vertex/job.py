"""Compiles a pipeline to the job that Vertex AI Pipelines runs, reads it back as its proto, and lists its tasks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from core.errors import SluiceError

_CONDITION_INPUT = re.compile(r"inputs\.(artifacts|parameters)\['([^']+)'\]")


@dataclass(frozen=True)
class JobTask:
    """One task of a compiled job."""

    name: str
    kind: str  # "container", "resolver" or "importer"
    image: str
    executor: str
    condition: str
    depends_on: tuple[str, ...]


def compile_job(pipeline: tfx_pipeline.Pipeline, image: str, folder: Path) -> Path:
    """Write the compiled job as JSON and return its path. Compile a fresh pipeline object each time: TFX gives
    another result for one that was compiled before."""
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True)
    name = "vertex-job.json"
    kubeflow_v2_dag_runner.KubeflowV2DagRunner(config, str(folder), name).run(pipeline)
    return folder / name


def read_job(path: Path) -> tuple[pipeline_spec_pb2.PipelineJob, pipeline_spec_pb2.PipelineSpec]:
    """Parse a compiled job into the protos; an unknown field is an error.

    Raises:
      SluiceError: when the file is no such job.
    """
    try:
        job = json_format.Parse(path.read_text(encoding="utf-8"), pipeline_spec_pb2.PipelineJob())
        spec = json_format.ParseDict(json_format.MessageToDict(job.pipeline_spec), pipeline_spec_pb2.PipelineSpec())
    except (json_format.ParseError, json.JSONDecodeError) as problem:
        raise SluiceError(f"{path} does not parse as a Vertex pipeline job: {problem}") from problem
    return job, spec


def list_tasks(spec: pipeline_spec_pb2.PipelineSpec) -> list[JobTask]:
    """The tasks of a job in the order of their dependencies.

    Raises:
      SluiceError: when tasks wait for each other.
    """
    executors = json_format.MessageToDict(spec.deployment_spec).get("executors", {})
    tasks = {name: _task(name, task, spec, executors) for name, task in spec.root.dag.tasks.items()}
    ordered: list[JobTask] = []
    while tasks:
        done = {task.name for task in ordered}
        ready = sorted(name for name, task in tasks.items() if set(task.depends_on) <= done)
        if not ready:
            raise SluiceError(f"the compiled job is not a DAG: {', '.join(sorted(tasks))} wait for each other.")
        ordered += [tasks.pop(name) for name in ready]
    return ordered


def broken_references(spec: pipeline_spec_pb2.PipelineSpec) -> list[str]:
    """References that would fail when the job runs: inputs from tasks that do not exist, conditions on such inputs."""
    tasks = spec.root.dag.tasks
    broken = []
    for name, task in tasks.items():
        for key, source in task.inputs.artifacts.items():
            producer = source.task_output_artifact.producer_task
            if producer and producer not in tasks:
                broken.append(f"{name} takes `{key}` from the task {producer}, which does not exist")
        for kind, key in _CONDITION_INPUT.findall(task.trigger_policy.condition):
            if key not in getattr(task.inputs, kind):
                broken.append(f"{name} has a condition on the input `{key}`, which it does not take")
    return broken


def _task(name: str, task: Any, spec: pipeline_spec_pb2.PipelineSpec, executors: dict[str, Any]) -> JobTask:
    executor = executors.get(spec.components[task.component_ref.name].executor_label, {})
    container = executor.get("container", {})
    arguments = list(container.get("args", []))
    flag = "--executor_class_path"
    class_path = arguments[arguments.index(flag) + 1] if flag in arguments else ""
    producers = {source.task_output_artifact.producer_task for source in task.inputs.artifacts.values()}
    return JobTask(
        name=name,
        kind=next(iter(executor), "unknown"),
        image=container.get("image", ""),
        executor=class_path,
        condition=task.trigger_policy.condition,
        depends_on=tuple(sorted((producers | set(task.dependent_tasks)) - {""})),
    )
