"""A local cloud whose custom and tuning jobs really run."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import aiplatform
from google.cloud.aiplatform import hyperparameter_tuning

from cloud.testing.cloud import LocalCloud
from cloud.testing.rehearsal.executor import rehearsing
from cloud.testing.rehearsal.folder import RehearsalFolder
from tests.samples.rehearsed_jobs import PROJECT, REGION, sdk_led_to

WORKER = str(Path(__file__).resolve().parents[1] / "samples/rehearsed_worker.py")


@pytest.fixture(scope="module")
def module_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with rehearsing(RehearsalFolder(tmp_path_factory.mktemp("workers")), PROJECT, os.environ, modules=()) as cloud:
        cloud.storage.create_bucket("workers-bucket", REGION)
        yield cloud


@pytest.fixture
def cloud(module_cloud: LocalCloud) -> Iterator[LocalCloud]:
    with sdk_led_to(module_cloud, "workers-bucket"):
        yield module_cloud


def pool(out: Path, *orders: str, replicas: int = 1) -> dict[str, Any]:
    return {
        "machine_spec": {"machine_type": "n1-standard-4"},
        "replica_count": replicas,
        "container_spec": {
            "image_uri": "image",
            "command": ["python", WORKER],
            "args": [str(out), *orders],
            "env": [{"name": "SET_BY_THE_JOB", "value": "yes"}],
        },
    }


def custom_job(*pools: dict[str, Any]) -> aiplatform.CustomJob:
    job = aiplatform.CustomJob(
        display_name=f"custom-{uuid.uuid4().hex[:8]}",
        worker_pool_specs=list(pools),
        base_output_dir="gs://workers-bucket/output",
    )
    job.submit()
    return job


def state_of(job: Any, seconds: float = 60.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = str(job.state.name).removeprefix("JOB_STATE_")
        if state in ("SUCCEEDED", "FAILED", "CANCELLED"):
            return state
        time.sleep(0.1)
    raise TimeoutError(state)


def seen(out: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / f"{name}.json").read_text())
    return found


def test_each_replica_knows_its_place_in_the_cluster(cloud: LocalCloud, tmp_path: Path) -> None:
    job = custom_job(pool(tmp_path), pool(tmp_path, "wait", replicas=2))
    # The chief's end is the job's end: the other replicas are stopped.
    assert state_of(job) == "SUCCEEDED"
    chief = seen(tmp_path, "workerpool0-0-")["environment"]
    assert chief["AIP_MODEL_DIR"] == "gs://workers-bucket/output/model/"
    assert (chief["CLOUD_ML_JOB_ID"], chief["SET_BY_THE_JOB"]) == (job.name, "yes")
    cluster = json.loads(chief["CLUSTER_SPEC"])["cluster"]
    assert {name: len(hosts) for name, hosts in cluster.items()} == {"workerpool0": 1, "workerpool1": 2}
    assert json.loads(chief["TF_CONFIG"])["task"] == {"type": "chief", "index": 0}
    assert json.loads(chief["TF_CONFIG"])["cluster"]["worker"] == cluster["workerpool1"]


@pytest.mark.parametrize("chief_waits", [True, False])
def test_a_job_fails_with_the_error_of_the_replica_that_failed(
    cloud: LocalCloud, tmp_path: Path, chief_waits: bool
) -> None:
    pools = [pool(tmp_path, "wait"), pool(tmp_path, "fail")] if chief_waits else [pool(tmp_path, "fail")]
    job = custom_job(*pools)
    assert state_of(job) == "FAILED"
    assert job.error.message == "ValueError: this replica cannot"


def test_a_cancelled_job_ends_its_replicas(cloud: LocalCloud, tmp_path: Path) -> None:
    job = custom_job(pool(tmp_path, "wait"))
    while not list(tmp_path.glob("*.json")):
        time.sleep(0.05)
    job.cancel()
    assert state_of(job) == "CANCELLED"


def test_a_tuning_job_has_a_trial_for_each_call_with_the_metric_that_it_reported(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    job = aiplatform.CustomJob(
        display_name="trial",
        worker_pool_specs=[pool(tmp_path)],
        base_output_dir="gs://workers-bucket/output",
    )
    tuning = aiplatform.HyperparameterTuningJob(
        display_name="tuning",
        custom_job=job,
        metric_spec={"loss": "minimize"},
        parameter_spec={
            "rate": hyperparameter_tuning.DoubleParameterSpec(min=0.25, max=1.0, scale="linear"),
            "units": hyperparameter_tuning.DiscreteParameterSpec(values=[8, 16], scale=None),
        },
        max_trial_count=3,
        parallel_trial_count=1,
    )
    tuning.run(sync=False)
    tuning.wait_for_resource_creation()
    assert state_of(tuning) == "SUCCEEDED"
    outcomes = [
        (trial.state.name, [metric.value for metric in trial.final_measurement.metrics]) for trial in tuning.trials
    ]
    assert outcomes == [("SUCCEEDED", [0.25]), ("SUCCEEDED", [0.625]), ("INFEASIBLE", [])]
    assert tuning.trials[2].infeasible_reason == "ValueError: this replica cannot"
    second = seen(tmp_path, "workerpool0-0-2")
    assert second["given"] == {"rate": "0.625", "units": "16"}
    assert second["environment"]["CLOUD_ML_TRIAL_ID"] == "2"
    assert second["environment"]["AIP_MODEL_DIR"] == "gs://workers-bucket/output/2/model/"
    tuning.wait()
