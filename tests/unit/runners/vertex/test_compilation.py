"""The job that a workload and an environment compile to."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format

from core.stack import IMAGE
from pipeline.config.endpoint import EndpointConfig
from pipeline.config.environment import EnvironmentConfig, RetryConfig, TaskConfig
from pipeline.config.load import load_environment, load_workload
from pipeline.datasets import datasets_as_seen
from runners.provenance import lock_hash
from runners.vertex.compilation import compile_workload
from runners.vertex.mends import tasks_of
from runners.vertex.platform import job_settings

Spec = dict[str, Any]
IN_BUCKET = "gs://rides/span-{SPAN}/*.csv"
PLACE = ("project=my-project", "bucket=rides")
CHANGED = {
    "caching": False,
    "registry": False,
    "retries": RetryConfig(count=5),
    "tasks": {"ModelGate": TaskConfig(cpu=16.0, memory_gib=64.0, timeout_minutes=45), "Trainer": TaskConfig(cpu=8.0)},
}


@functools.cache
def compiled(data: str | None = None, changed: bool = False) -> Spec:
    """The taxi workload's specification as its file holds it; `changed`: for another environment."""
    config = load_workload("taxi", (), data)
    cloud: EnvironmentConfig = load_environment("dev", PLACE).model_copy(update=CHANGED if changed else {})
    datasets = datasets_as_seen(config.data, config.split, config.prediction, network=False)
    with TemporaryDirectory() as folder:
        document = json.loads(compile_workload(config, cloud, datasets, Path(folder)).read_text())
        assert [each.name for each in Path(folder).iterdir()] == ["vertex-job.json"]
    json_format.ParseDict(
        {key: document[key] for key in ("pipelineSpec", "runtimeConfig")}, types.PipelineJob.pb(types.PipelineJob())
    )
    spec: Spec = document["pipelineSpec"]
    return spec


def reused(spec: Spec) -> set[str]:
    return {name for name, task in tasks_of(spec).items() if task["cachingOptions"].get("enableCache")}


def constant(spec: Spec, task: str, parameter: str) -> str:
    return str(tasks_of(spec)[task]["inputs"]["parameters"][parameter]["runtimeValue"]["constant"])


def container(spec: Spec, task: str) -> Spec:
    found: Spec = spec["deploymentSpec"]["executors"][f"{task}_executor"]["container"]
    return found


def test_what_depends_on_the_outside_world_is_never_reused() -> None:
    spec = compiled()
    never = {"Champion", "Registrar", "Pusher", "ExitHandler", "tfx-dag"}
    assert reused(spec) == set(tasks_of(spec)) - never


def test_an_ingest_of_unknown_content_is_never_reused() -> None:
    spec = compiled(IN_BUCKET)
    never = {"Champion", "Registrar", "Pusher", "ExitHandler", "tfx-dag", "ExampleGen", "PreviousExamples"}
    assert never <= set(tasks_of(spec))
    assert reused(spec) == set(tasks_of(spec)) - never


def test_an_environment_without_caching_reuses_nothing() -> None:
    assert reused(compiled(changed=True)) == set()


def test_the_span_before_is_compared_with_where_data_has_spans() -> None:
    inputs = tasks_of(compiled(IN_BUCKET))["DataGate"]["inputs"]["artifacts"]
    assert inputs["previous_examples"]["taskOutputArtifact"]["producerTask"] == "PreviousExamples"


def test_models_are_registered_in_the_bucket_with_the_provenance_of_this_checkout() -> None:
    spec = compiled()
    place = "gs://rides/sluice/taxi/registry"
    assert json.loads(constant(spec, "Registrar", "config"))["place"] == place
    assert (constant(spec, "Champion", "registry"), constant(spec, "Champion", "workload")) == (place, "taxi")
    provenance = json.loads(constant(spec, "Registrar", "config"))["provenance"]
    assert all(provenance[key] for key in ("git_commit", "lock_hash", "data_fingerprint", "code"))
    assert provenance["lock_hash"] == lock_hash(stack=IMAGE)
    given = json.loads(constant(spec, "ExitHandler", "config"))
    assert {key: provenance[key] for key in ("git_commit", "lock_hash")}.items() <= given.items()
    assert given["runs"] == "gs://rides/sluice/taxi/runs"


def test_without_a_registry_nothing_is_registered_and_there_is_no_model_to_beat() -> None:
    spec = compiled(changed=True)
    assert "Registrar" not in tasks_of(spec)
    assert constant(spec, "Champion", "registry") == ""


def test_the_model_to_beat_reaches_the_evaluator() -> None:
    source = tasks_of(compiled())["Evaluator"]["inputs"]["artifacts"]["baseline_model"]["taskOutputArtifact"]
    assert source == {"producerTask": "Champion", "outputArtifactKey": "model"}


@pytest.mark.parametrize(
    ("task", "cpu", "minutes"), [("ModelGate", 16.0, "45"), ("Evaluator", 4.0, "120"), ("Trainer", 8.0, "2880")]
)
def test_each_task_has_the_machine_of_its_component(task: str, cpu: float, minutes: str) -> None:
    found = container(compiled(changed=True), task)
    assert found["resources"]["cpuLimit"] == cpu
    assert found["command"] == ["python", "-m", "runners.vertex.container", "--minutes", minutes]
    assert {"name": "GOOGLE_CLOUD_PROJECT", "value": "my-project"} in found["env"]


def test_a_rollout_comes_last_is_never_reused_and_may_take_as_long_as_its_deadlines() -> None:
    config = load_workload("taxi", ["serving.rollout.canary_percents=[10,50]"], environment="staging")
    served = {"endpoint": EndpointConfig(load_minutes=20), "serving_image": "europe-docker.pkg.dev/p/r/serving:v1"}
    cloud = load_environment("staging", PLACE).model_copy(update=served)
    datasets = datasets_as_seen(config.data, config.split, config.prediction, network=False)
    with TemporaryDirectory() as folder:
        document = json.loads(compile_workload(config, cloud, datasets, Path(folder)).read_text())
    spec: Spec = document["pipelineSpec"]
    given = json.loads(constant(spec, "Rollout", "config"))
    assert (given["records"], given["rollout"]["canary_percents"]) == ("gs://rides/sluice", [10, 50])
    assert given["endpoint"].startswith("vertex://my-project/europe-west4/staging?")
    assert "Rollout" not in reused(spec)
    assert tasks_of(spec)["Rollout"]["inputs"]["artifacts"]["pushed_model"]["taskOutputArtifact"] == {
        "producerTask": "Pusher",
        "outputArtifactKey": "pushed_model",
    }
    # Two canary steps of an hour, five minutes warm, and three times twenty for machines.
    assert container(spec, "Rollout")["command"][-1] == "185"


def test_without_an_endpoint_a_push_is_the_end() -> None:
    assert "Rollout" not in tasks_of(compiled())


def test_retries_are_those_of_the_environment() -> None:
    tasks = tasks_of(compiled(changed=True))
    counts = {task.get("retryPolicy", {}).get("maxRetryCount") for name, task in tasks.items() if name != "tfx-dag"}
    assert counts == {5}


def test_the_job_is_submitted_with_the_settings_of_the_environment() -> None:
    more = {"network": "projects/1/global/networks/n", "encryption_key": "k", "labels": {"team": "rides"}}
    cloud = load_environment("staging", PLACE).model_copy(update={**more, "fail_fast": False})
    settings = job_settings(load_workload("taxi"), cloud)
    assert settings.labels == {"team": "rides", "sluice_workload": "taxi", "sluice_environment": "staging"}
    assert (settings.network, settings.encryption_key, settings.fail_fast) == (more["network"], "k", False)
    assert settings.service_account == cloud.service_account
