"""Compiles a pipeline to the job that Vertex AI Pipelines runs, reads it back as its proto, and lists its tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from core.atomic_write import write_json
from core.errors import SluiceError
from runners.vertex.mends import Spec, mend_conditions, mend_output_parameters

_CONDITION_INPUT = re.compile(r"inputs\.(artifacts|parameters)\['([^']+)'\]")

_ALL_HAVE_ENDED = pipeline_spec_pb2.PipelineTaskSpec.TriggerPolicy.TriggerStrategy.ALL_UPSTREAM_TASKS_COMPLETED


@dataclass(frozen=True)
class JobTask:
    """One task of a compiled job."""

    name: str
    kind: str  # "container", "resolver" or "importer"
    image: str
    executor: str
    condition: str
    is_exit_handler: bool = False


def compile_job(
    pipeline: tfx_pipeline.Pipeline,
    image: str,
    folder: Path,
    exit_handler: BaseNode | None = None,
    complete: Callable[[Spec], None] | None = None,
) -> Path:
    """Write the compiled job as JSON and return its path. Compile a fresh pipeline object each time: TFX gives another
    result for one that was compiled before.

    Args:
      pipeline: the pipeline.
      image: the container image of every component.
      folder: where the job is written.
      exit_handler: runs after all others, whatever became of them.
      complete: sets what TFX does not in the specification, once its defects are mended.
    """
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True)
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config)
    if exit_handler is not None:
        runner.set_exit_handler(exit_handler)
    job = runner.run(pipeline, write_out=False)
    mend_conditions(job["pipelineSpec"])
    mend_output_parameters(job["pipelineSpec"])
    if complete is not None:
        complete(job["pipelineSpec"])
    path = folder / "vertex-job.json"
    write_json(path, job)
    return path


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
    """The tasks of a job in the order of their dependencies; the exit handler is the last.

    Raises:
      SluiceError: when tasks wait for each other.
    """
    executors = json_format.MessageToDict(spec.deployment_spec).get("executors", {})
    return [_task(name, task, spec, executors) for name, task in _in_order(spec, spec.root.dag)]


def _in_order(spec: pipeline_spec_pb2.PipelineSpec, dag: Any) -> list[tuple[str, Any]]:
    """Tasks that are graphs themselves are replaced by theirs."""
    waiting, done = dict(dag.tasks), set[str]()
    ordered: list[tuple[str, Any]] = []
    while waiting:
        ready = sorted(name for name, task in waiting.items() if _producers(task) <= done)
        if not ready:
            raise SluiceError(f"the compiled job is not a DAG: {', '.join(sorted(waiting))} wait for each other.")
        for name in ready:
            task, component = waiting.pop(name), spec.components[dag.tasks[name].component_ref.name]
            ordered += (
                _in_order(spec, component.dag) if component.WhichOneof("implementation") == "dag" else [(name, task)]
            )
        done.update(ready)
    return ordered


def _producers(task: Any) -> set[str]:
    """The tasks that must have ended before this one."""
    found = {source.task_output_artifact.producer_task for source in task.inputs.artifacts.values()}
    found |= {source.task_output_parameter.producer_task for source in task.inputs.parameters.values()}
    return (found | set(task.dependent_tasks)) - {""}


def broken_references(spec: pipeline_spec_pb2.PipelineSpec) -> list[str]:
    """References that would fail when the job runs: inputs from tasks or parameters that do not exist, conditions on
    such inputs."""
    broken = []
    for component in (spec.root, *spec.components.values()):
        for name, task in component.dag.tasks.items():
            broken += _broken_inputs(name, task, component)
            for kind, key in _CONDITION_INPUT.findall(task.trigger_policy.condition):
                if key not in getattr(task.inputs, kind):
                    broken.append(f"{name} has a condition on the input `{key}`, which it does not take")
    return broken


def _broken_inputs(name: str, task: Any, around: Any) -> list[str]:
    """Inputs of a task that nothing in the graph `around` it gives."""
    sources = {key: source.task_output_artifact.producer_task for key, source in task.inputs.artifacts.items()}
    sources |= {key: source.task_output_parameter.producer_task for key, source in task.inputs.parameters.items()}
    broken = [
        f"{name} takes `{key}` from the task {producer}, which does not exist"
        for key, producer in sources.items()
        if producer and producer not in around.dag.tasks
    ]
    for key, source in task.inputs.parameters.items():
        given = source.component_input_parameter
        if given and given not in around.input_definitions.parameters:
            broken.append(f"{name} takes `{key}` from the job's parameter {given}, which does not reach it")
    return broken


def _task(name: str, task: Any, spec: pipeline_spec_pb2.PipelineSpec, executors: dict[str, Any]) -> JobTask:
    executor = executors.get(spec.components[task.component_ref.name].executor_label, {})
    container = executor.get("container", {})
    arguments = list(container.get("args", []))
    flag = "--executor_class_path"
    class_path = arguments[arguments.index(flag) + 1] if flag in arguments else ""
    return JobTask(
        name=name,
        kind=next(iter(executor), "unknown"),
        image=container.get("image", ""),
        executor=class_path,
        condition=task.trigger_policy.condition,
        is_exit_handler=task.trigger_policy.strategy == _ALL_HAVE_ENDED,
    )
