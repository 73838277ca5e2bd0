"""One pipeline job from its first task to its last: the order, the conditions, the exit handler, failures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec

from cloud.testing.processes import StoppedError
from cloud.testing.rehearsal.compiled import (
    Compiled,
    compiled,
    constant,
    is_exit_task,
    parameters_of,
    producers,
)
from cloud.testing.rehearsal.conditions import ConditionError, holds
from cloud.testing.rehearsal.ledger import ENDED, Ledger, State, outputs_of
from cloud.testing.rehearsal.tasks import TaskError, TaskRunner
from cloud.testing.rehearsal.values import NO_VALUES, SpecificationError, Values, condition_inputs
from cloud.testing.vertex.names import last
from cloud.testing.vertex.runs import Run

FAIL_FAST = types.PipelineFailurePolicy.PIPELINE_FAILURE_POLICY_FAIL_FAST


@dataclass(frozen=True)
class Ended:
    """What became of a task, for those that wait for it."""

    state: Any
    outputs: Values = NO_VALUES
    error: str = ""

    @property
    def is_good(self) -> bool:
        """Whether tasks that need its outputs can run."""
        return self.state in (State.SUCCEEDED, State.SKIPPED)


class PipelineRun:
    """Carries a job out, one task at a time. Tasks that have ended in an earlier process are not run again."""

    def __init__(self, run: Run, tasks: TaskRunner) -> None:
        self._run = run
        self._tasks = tasks
        self._ledger = Ledger(run)
        self._job: types.PipelineJob = run.job
        self._failed: list[str] = []

    def carry_out(self) -> None:
        """Runs every task and gives the job its end."""
        self._run.set_state("RUNNING")
        try:
            specification = compiled(self._job)
            self._parameters = parameters_of(self._job, specification.pipeline)
            scope = Values(parameters=self._parameters)
            root = self._ledger.task(last(self._job.name))
            self._ledger.begin(root, "system.Run", scope)
            ended = self._dag(specification.pipeline.root.dag, specification, scope, root)
            self._ledger.end(root, ended.state, error=ended.error)
        except SpecificationError as problem:
            self._run.set_state("FAILED", str(problem))
        except StoppedError:
            self._give_up()
        else:
            self._run.set_state("SUCCEEDED" if ended.is_good else "FAILED", ended.error)

    def stop(self) -> None:
        """Ends the task that is under way; no other is started."""
        self._tasks.stop()

    def _give_up(self) -> None:
        if self._run.state != "CANCELLING":
            return  # the rehearsal ends, and the next one takes the job up
        for detail in self._run.job.job_detail.task_details:
            if detail.state not in ENDED:
                self._ledger.end(types.PipelineTaskDetail(detail), State.CANCELLED)
        self._run.set_state("CANCELLED")

    def _dag(
        self, dag: spec.DagSpec, specification: Compiled, scope: Values, parent: types.PipelineTaskDetail
    ) -> Ended:
        """Runs the tasks of a DAG: first those that are ready, in the order of their names."""
        waiting = dict(sorted(dag.tasks.items()))
        ended: dict[str, Ended] = {}
        while waiting:
            ready = [name for name, task in waiting.items() if not producers(task) & waiting.keys()]
            if not ready:
                raise SpecificationError(f"the tasks {', '.join(waiting)} wait for each other.")
            task = waiting.pop(ready[0])
            ended[ready[0]] = self._task(ready[0], task, specification, scope, ended, parent)
        failed = [name for name, each in ended.items() if each.state == State.FAILED]
        if failed:
            names = ", ".join(failed)
            text = f"The DAG failed because some tasks failed. The failed tasks are: [{names}]."
            return Ended(State.FAILED, error=f"{text} {ended[failed[0]].error}")
        return Ended(State.SUCCEEDED, _dag_outputs(dag, ended))

    def _task(
        self,
        name: str,
        task: spec.PipelineTaskSpec,
        specification: Compiled,
        scope: Values,
        ended: Mapping[str, Ended],
        parent: types.PipelineTaskDetail,
    ) -> Ended:
        detail = self._ledger.task(name, parent.task_id)
        if detail.state in ENDED:
            return self._seen(name, Ended(detail.state, outputs_of(detail), detail.error.message), task)
        component = specification.component(task)
        unknown = producers(task) - ended.keys()
        try:
            if unknown:
                raise SpecificationError(
                    f"it waits for {', '.join(sorted(unknown))}, which the pipeline does not have."
                )
            is_due = is_exit_task(task) or (self._may_go_on() and all(ended[each].is_good for each in producers(task)))
            inputs = self._inputs(task, component, scope, ended) if is_due else NO_VALUES
            if not is_due or not _is_triggered(task, inputs):
                self._ledger.end(detail, State.NOT_TRIGGERED)
                return Ended(State.NOT_TRIGGERED)
            if component.WhichOneof("implementation") == "dag":
                return self._nested(detail, component, specification, inputs)
            state, outputs = self._tasks.run(self._ledger, detail, task, specification, inputs)
        except (SpecificationError, ConditionError, TaskError) as problem:
            self._ledger.end(detail, State.FAILED, error=str(problem))
            return self._seen(name, Ended(State.FAILED, error=str(problem)), task)
        self._ledger.end(detail, state, outputs)
        return Ended(state, outputs)

    def _nested(
        self, detail: types.PipelineTaskDetail, component: spec.ComponentSpec, specification: Compiled, inputs: Values
    ) -> Ended:
        self._ledger.begin(detail, "system.DagExecution", inputs)
        done = self._dag(component.dag, specification, inputs, detail)
        self._ledger.end(detail, done.state, done.outputs, done.error)
        return done

    def _seen(self, name: str, ended: Ended, task: spec.PipelineTaskSpec) -> Ended:
        if ended.state == State.FAILED and not is_exit_task(task):
            self._failed.append(name)
        return ended

    def _may_go_on(self) -> bool:
        return not self._failed or self._job.runtime_config.failure_policy != FAIL_FAST

    def _inputs(
        self, task: spec.PipelineTaskSpec, component: spec.ComponentSpec, scope: Values, ended: Mapping[str, Ended]
    ) -> Values:
        artifacts: dict[str, tuple[types.Artifact, ...]] = {}
        for key, source in task.inputs.artifacts.items():
            if source.WhichOneof("kind") == "component_input_artifact":
                artifacts[key] = tuple(_get(scope.artifacts, source.component_input_artifact, key))
            else:
                output = source.task_output_artifact
                made = ended[output.producer_task].outputs.artifacts
                artifacts[key] = tuple(_get(made, output.output_artifact_key, key))
        parameters = {key: self._parameter(key, source, scope, ended) for key, source in task.inputs.parameters.items()}
        return Values(artifacts, {**_defaults(component), **parameters})

    def _parameter(
        self, key: str, source: spec.TaskInputsSpec.InputParameterSpec, scope: Values, ended: Mapping[str, Ended]
    ) -> Any:
        kind = source.WhichOneof("kind")
        if source.parameter_expression_selector:
            raise SpecificationError(f"its parameter {key!r} has an expression, which is not modelled here.")
        if kind == "component_input_parameter":
            return _get(scope.parameters, source.component_input_parameter, key)
        if kind == "task_output_parameter":
            output = source.task_output_parameter
            return _get(ended[output.producer_task].outputs.parameters, output.output_parameter_key, key)
        if kind == "task_final_status":
            return self._final_status(source.task_final_status.producer_task, ended)
        value = constant(source.runtime_value, dict(self._parameters))
        return self._tasks.with_facts(value, self._job) if isinstance(value, str) else value

    def _final_status(self, name: str, ended: Mapping[str, Ended]) -> str:
        status: dict[str, Any] = {
            "state": ended[name].state.name,
            "pipelineJobResourceName": self._job.name,
            "pipelineTaskName": name,
        }
        if ended[name].error:
            status["error"] = {"code": 9, "message": ended[name].error}
        return json.dumps(status)


def _is_triggered(task: spec.PipelineTaskSpec, inputs: Values) -> bool:
    condition = task.trigger_policy.condition
    return not condition or holds(condition, condition_inputs(inputs))


def _defaults(component: spec.ComponentSpec) -> dict[str, Any]:
    definitions = component.input_definitions.parameters
    given = {key: each.default_value for key, each in definitions.items() if each.HasField("default_value")}
    return {key: json_format.MessageToDict(value) for key, value in given.items()}


def _get(values: Mapping[str, Any], name: str, key: str) -> Any:
    if name not in values:
        raise SpecificationError(f"its input {key!r} is to be {name!r}, which is not there.")
    return values[name]


def _dag_outputs(dag: spec.DagSpec, ended: Mapping[str, Ended]) -> Values:
    artifacts = {
        key: tuple(
            one
            for selector in each.artifact_selectors
            for one in ended[selector.producer_subtask].outputs.artifacts.get(selector.output_artifact_key, ())
        )
        for key, each in dag.outputs.artifacts.items()
    }
    parameters = {
        key: ended[selector.producer_subtask].outputs.parameters.get(selector.output_parameter_key)
        for key, each in dag.outputs.parameters.items()
        for selector in [each.value_from_parameter, *each.value_from_oneof.parameter_selectors]
        if selector.producer_subtask in ended
    }
    return Values(artifacts, parameters)
