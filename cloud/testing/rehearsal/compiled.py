"""A compiled pipeline as protos, and what its tasks wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec

from cloud.testing.rehearsal.values import SpecificationError, constant_of

Strategy = spec.PipelineTaskSpec.TriggerPolicy.TriggerStrategy


@dataclass(frozen=True)
class Compiled:
    """The specification of a job with the executors that its components name."""

    pipeline: spec.PipelineSpec
    deployment: spec.PipelineDeploymentConfig

    def executor(self, component: spec.ComponentSpec) -> spec.PipelineDeploymentConfig.ExecutorSpec:
        """What carries a component out.

        Raises:
            SpecificationError: the deployment has no such executor.
        """
        if component.executor_label not in self.deployment.executors:
            raise SpecificationError(f"the job has no executor {component.executor_label!r}.")
        return self.deployment.executors[component.executor_label]

    def component(self, task: spec.PipelineTaskSpec) -> spec.ComponentSpec:
        """The component of a task.

        Raises:
            SpecificationError: the job has no such component.
        """
        if task.component_ref.name not in self.pipeline.components:
            raise SpecificationError(f"the job has no component {task.component_ref.name!r}.")
        return self.pipeline.components[task.component_ref.name]


def compiled(job: types.PipelineJob) -> Compiled:
    """The specification of a job, of version 2.0 or 2.1."""
    document = json_format.MessageToDict(types.PipelineJob.pb(job).pipeline_spec)
    pipeline = json_format.ParseDict(document, spec.PipelineSpec())
    deployment = json_format.MessageToDict(pipeline.deployment_spec)
    return Compiled(pipeline, json_format.ParseDict(deployment, spec.PipelineDeploymentConfig()))


def parameters_of(job: types.PipelineJob, pipeline: spec.PipelineSpec) -> dict[str, Any]:
    """The values of the pipeline's parameters: those of the job over the defaults.

    Raises:
        SpecificationError: a parameter has neither.
    """
    settings = types.PipelineJob.pb(job).runtime_config
    given = {key: json_format.MessageToDict(value) for key, value in settings.parameter_values.items()}
    given |= {key: getattr(value, value.WhichOneof("value")) for key, value in settings.parameters.items()}
    defaults: dict[str, Any] = {}
    for key, definition in pipeline.root.input_definitions.parameters.items():
        if definition.HasField("default_value"):
            defaults[key] = json_format.MessageToDict(definition.default_value)
        elif key not in given and not definition.is_optional:
            raise SpecificationError(f"the parameter {key!r} of the pipeline has no value.")
    return {**defaults, **given}


def producers(task: spec.PipelineTaskSpec) -> set[str]:
    """The tasks that a task waits for."""
    artifacts = {each.task_output_artifact.producer_task for each in task.inputs.artifacts.values()}
    parameters = {each.task_output_parameter.producer_task for each in task.inputs.parameters.values()}
    statuses = {each.task_final_status.producer_task for each in task.inputs.parameters.values()}
    return ({*task.dependent_tasks} | artifacts | parameters | statuses) - {""}


def is_exit_task(task: spec.PipelineTaskSpec) -> bool:
    """Whether a task runs whatever became of those that it waits for."""
    return bool(task.trigger_policy.strategy == Strategy.ALL_UPSTREAM_TASKS_COMPLETED)


def constant(value: spec.ValueOrRuntimeParameter, parameters: dict[str, Any]) -> Any:
    """A value that stands in the specification, or the runtime parameter (version 2.0) that it names."""
    if value.WhichOneof("value") == "runtime_parameter":
        if value.runtime_parameter not in parameters:
            raise SpecificationError(f"the parameter {value.runtime_parameter!r} of the pipeline has no value.")
        return parameters[value.runtime_parameter]
    return constant_of(value)
