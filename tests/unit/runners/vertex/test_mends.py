"""Each mend is seen to be needed: TFX alone compiles the defect, and when it no longer does, the test fails."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.kubeflow.decorators import FinalStatusStr
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as entrypoint
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.orchestration.pipeline import Pipeline

from pipeline.config.environment import RetryConfig, TaskConfig
from runners.vertex import mends
from runners.vertex.job import broken_references, compile_job, list_tasks, read_job
from tests.samples.small_components import AtTheEnd, Finish, Start

Spec = dict[str, Any]


def pipeline_of(conditional: bool = False, dynamic: bool = False) -> Pipeline:
    start = Start()
    examples = start.outputs["examples"]
    rows = start.outputs["rows"].future()[0].value if dynamic else 3
    if conditional:
        with Cond(examples.future()[0].custom_property("blessed") == 1):
            finish = Finish(examples=examples, rows=rows)
    else:
        finish = Finish(examples=examples, rows=rows)
    return Pipeline("small", "gs://bucket/root", components=[start, finish], enable_cache=True)


def by_tfx_alone(pipeline: Pipeline, with_exit_handler: bool = False) -> Spec:
    runner = KubeflowV2DagRunner(KubeflowV2DagRunnerConfig(default_image="image:1", use_pipeline_spec_2_1=True))
    if with_exit_handler:
        runner.set_exit_handler(AtTheEnd(final_status=FinalStatusStr()))
    spec: Spec = runner.run(pipeline, write_out=False)["pipelineSpec"]
    return spec


def parsed(spec: Spec) -> pipeline_spec_pb2.PipelineSpec:
    """By the proto of the specification and by that of the service; an unknown field is an error."""
    job = {"pipelineSpec": spec}
    json_format.ParseDict(job, pipeline_spec_pb2.PipelineJob())
    json_format.ParseDict(job, types.PipelineJob.pb(types.PipelineJob()))
    deployment = spec["deploymentSpec"]
    json_format.ParseDict(deployment, pipeline_spec_pb2.PipelineDeploymentConfig())
    return json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())


def test_a_condition_on_an_input_of_the_task_itself_names_that_input() -> None:
    spec = by_tfx_alone(pipeline_of(conditional=True))
    assert broken_references(parsed(spec)) == [
        "Finish has a condition on the input `_Start.examples`, which it does not take"
    ]
    mends.mend_conditions(spec)
    assert broken_references(parsed(spec)) == []
    condition = spec["root"]["dag"]["tasks"]["Finish"]["triggerPolicy"]["condition"]
    assert condition == "(inputs.artifacts['examples'].artifacts[0].metadata['blessed'] == 1.0)"


def test_an_upstream_output_as_a_parameter_names_the_task_that_gives_it() -> None:
    spec = by_tfx_alone(pipeline_of(dynamic=True))
    assert broken_references(parsed(spec)) == ["Finish takes `rows` from the task Start_task, which does not exist"]
    mends.mend_output_parameters(spec)
    assert broken_references(parsed(spec)) == []


@pytest.mark.parametrize(("mended", "arrives_as"), [(False, float), (True, int)])
def test_an_integer_that_a_task_gives_arrives_as_an_integer(mended: bool, arrives_as: type) -> None:
    spec = by_tfx_alone(pipeline_of(dynamic=True))
    if mended:
        mends.mend_output_parameters(spec)
    container = spec["deploymentSpec"]["executors"]["Finish_executor"]["container"]
    declared = container["args"][container["args"].index("--json_serialized_inputs_spec_args") + 1]
    inputs = json_format.Parse(declared, pipeline_spec_pb2.ComponentInputsSpec())
    given = json_format.ParseDict({"parameterValues": {"rows": 2}}, pipeline_spec_pb2.ExecutorInput.Inputs())
    [(name, value)] = entrypoint.parse_execution_properties(given.parameter_values, given.parameters, inputs).items()
    assert (name, value, type(value)) == ("rows", 2, arrives_as)


def test_a_job_that_is_right_stays_as_it_is() -> None:
    spec = by_tfx_alone(pipeline_of(), with_exit_handler=True)
    before = copy.deepcopy(spec)
    mends.mend_conditions(spec)
    mends.mend_output_parameters(spec)
    assert spec == before


def test_every_container_is_retried_with_a_growing_wait() -> None:
    spec = by_tfx_alone(pipeline_of(), with_exit_handler=True)
    assert "retryPolicy" not in json.dumps(spec)
    mends.set_retries(spec, RetryConfig(count=3, first_wait_seconds=5, factor=1.5, longest_wait_seconds=60))
    tasks = parsed(spec).components["tfx-dag"].dag.tasks
    assert set(tasks) == {"Start", "Finish"}
    for task in (*tasks.values(), parsed(spec).root.dag.tasks["AtTheEnd"]):
        policy = task.retry_policy
        assert (policy.max_retry_count, policy.backoff_duration.seconds, policy.backoff_factor) == (3, 5, 1.5)
        assert policy.backoff_max_duration.seconds == 60
    assert not parsed(spec).root.dag.tasks["tfx-dag"].HasField("retry_policy")


def test_no_retries_leave_no_policy() -> None:
    spec = by_tfx_alone(pipeline_of())
    mends.set_retries(spec, RetryConfig(count=0))
    assert "retryPolicy" not in json.dumps(spec)


def test_each_task_has_its_machine_and_its_time() -> None:
    spec = by_tfx_alone(pipeline_of())
    large = TaskConfig(cpu=8.0, memory_gib=32.0, accelerator_type="NVIDIA_L4", accelerator_count=1, timeout_minutes=30)
    mends.set_machines(spec, lambda name: large if name == "Finish" else TaskConfig())
    parsed(spec)
    containers = {name: each["container"] for name, each in spec["deploymentSpec"]["executors"].items()}
    assert containers["Start_executor"]["resources"] == {"cpuLimit": 4.0, "memoryLimit": 17.18}
    finish = containers["Finish_executor"]
    assert finish["resources"]["cpuLimit"] == 8.0
    assert finish["resources"]["accelerator"] == {"type": "NVIDIA_L4", "count": "1"}
    assert finish["command"] == ["python", "-m", "runners.vertex.container", "--minutes", "30"]


def test_the_environment_reaches_every_container() -> None:
    spec = by_tfx_alone(pipeline_of(), with_exit_handler=True)
    mends.set_container_environment(spec, {"GOOGLE_CLOUD_PROJECT": "my-project"})
    parsed(spec)
    executors = spec["deploymentSpec"]["executors"].values()
    assert len(executors) == 3
    assert all(
        each["container"]["env"] == [{"name": "GOOGLE_CLOUD_PROJECT", "value": "my-project"}] for each in executors
    )


@pytest.mark.parametrize(("reuse", "reused"), [(True, {"Start"}), (False, set())])
def test_only_what_depends_on_its_inputs_alone_is_taken_from_the_cache(reuse: bool, reused: set[str]) -> None:
    spec = by_tfx_alone(pipeline_of(), with_exit_handler=True)
    mends.set_caching(spec, reuse, never=("Finish",))
    parsed(spec)
    tasks = mends.tasks_of(spec)
    assert {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")} == reused


def test_a_compiled_job_is_mended_and_lists_the_exit_handler_last(tmp_path: Path) -> None:
    path = compile_job(
        pipeline_of(conditional=True, dynamic=True), "image:1", tmp_path, AtTheEnd(final_status=FinalStatusStr())
    )
    _, spec = read_job(path)
    assert broken_references(spec) == []
    assert [task.name for task in list_tasks(spec)] == ["Start", "Finish", "AtTheEnd"]


def test_a_job_parameter_that_does_not_reach_its_task_is_found() -> None:
    spec = by_tfx_alone(pipeline_of(), with_exit_handler=True)
    task = spec["components"]["tfx-dag"]["dag"]["tasks"]["Finish"]
    task["inputs"]["parameters"]["rows"] = {"componentInputParameter": "how-many"}
    assert broken_references(parsed(spec)) == [
        "Finish takes `rows` from the job's parameter how-many, which does not reach it"
    ]
