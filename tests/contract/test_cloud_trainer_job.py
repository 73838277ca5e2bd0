"""The Trainer's custom job as the local Vertex AI receives it from TFX's executor."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud.aiplatform_v1 import types
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from cloud.job_runs import job_client
from cloud.testing.cloud import LocalCloud
from cloud.testing.vertex.runs import EndsWhenPolled, Run
from core.errors import SluiceError
from core.stack import active_stack
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.load import load_workload
from runners.vertex.executors import TrainerInACustomJob
from runners.vertex.learning import training_elsewhere
from tests.samples.tuning import arguments

REGION = "us-central1"


class Kept(EndsWhenPolled):
    """Keeps every job that was started."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[types.CustomJob] = []

    def start(self, run: Run) -> None:
        self.jobs.append(run.job)


@pytest.fixture
def kept(cloud: LocalCloud) -> Iterator[Kept]:
    backend, executor = cloud.vertex.backend, Kept()
    before, backend.executor = backend.executor, executor
    yield executor
    backend.executor = before


def train(cloud: LocalCloud, root: str, **environment: Any) -> None:
    """What the task of the Trainer does in a pipeline on Vertex AI."""
    plain = {"name": "dev", "project": cloud.project, "region": REGION, "bucket": "bucket", "image": "image:v1"}
    machines = EnvironmentConfig.model_validate({**plain, **environment})
    elsewhere = training_elsewhere(load_workload("taxi", (), None, None), machines)
    examples, model = standard_artifacts.Examples(), standard_artifacts.Model()
    run = standard_artifacts.ModelRun()
    examples.uri, model.uri, run.uri = "gs://bucket/examples", f"{root}/model", f"{root}/model_run"
    learning = {**json.loads(arguments(Path("x")).custom_config["config"]), "durable_dir": "gs://bucket/durable"}
    config = {"config": json.dumps(learning), **elsewhere.custom_config}
    properties = {"run_fn": "models.training.run.run_fn", "custom_config": json_utils.dumps(config)}
    executor = TrainerInACustomJob()
    executor.poll_seconds = 0.01
    executor.Do({"examples": [examples]}, {"model": [model], "model_run": [run]}, properties)


def task_folder(run: str = "") -> str:
    return f"gs://bucket/artifacts/123/{run or f'taxi-{uuid.uuid4().hex}'}/Trainer_42"


def test_the_job_runs_tfxs_trainer_in_our_image_on_the_environments_machine(cloud: LocalCloud, kept: Kept) -> None:
    train(cloud, task_folder("taxi-20261129"), labels={"team": "rides"}, training={"capacity": "spot"})
    [job] = kept.jobs
    [pool] = job.job_spec.worker_pool_specs
    command = list(pool.container_spec.command)
    assert command[:5] == [
        "python",
        "-m",
        "tfx.scripts.run_executor",
        "--executor_class_path",
        "pipeline.components.trainer.TrainerExecutor",
    ]
    assert json.loads(command[command.index("--outputs") + 1])["model"][0]["artifact"]["uri"].endswith("/model")
    assert pool.container_spec.image_uri == "image:v1"
    assert (pool.machine_spec.machine_type, pool.machine_spec.accelerator_type.name) == ("g2-standard-12", "NVIDIA_L4")
    assert job.job_spec.scheduling.strategy.name == "SPOT"
    assert (job.labels["team"], job.labels["sluice_run"]) == ("rides", "taxi-20261129")
    assert job.labels["tfx_version"] == active_stack().tfx.replace(".", "-")


def test_a_job_with_a_tensorboard_writes_its_logs_beside_its_outputs(cloud: LocalCloud, kept: Kept) -> None:
    folder = task_folder()
    train(cloud, folder, tensorboard="7", service_account="sluice@p.iam.gserviceaccount.com")
    [job] = kept.jobs
    assert job.job_spec.tensorboard.endswith("/tensorboards/7")
    assert job.job_spec.base_output_directory.output_uri_prefix == folder


def test_a_retry_starts_nothing_and_another_run_does(cloud: LocalCloud, kept: Kept) -> None:
    folder = task_folder()
    for _ in range(2):
        train(cloud, folder)
    assert len(kept.jobs) == 1
    train(cloud, task_folder())
    assert len(kept.jobs) == 2


def test_a_local_output_is_refused_before_a_job_is_made(cloud: LocalCloud, kept: Kept) -> None:
    with pytest.raises(SluiceError, match="cannot read or write /tmp/out/model, which is a folder of another machine"):
        train(cloud, "/tmp/out")
    assert kept.jobs == []


def test_the_fallback_is_used_when_the_first_machine_is_out_of_stock(cloud: LocalCloud, kept: Kept) -> None:
    kept.outcome, kept.error = "FAILED", "Resources are insufficient in region: us-central1."
    fallback = {"machine_type": "n1-standard-8", "accelerator_type": "NVIDIA_TESLA_T4", "accelerator_count": 1}
    with pytest.raises(SluiceError, match="no machine is to be had for taxi-trainer"):
        train(cloud, task_folder(), training={"fallbacks": [fallback]})
    machines = [job.job_spec.worker_pool_specs[0].machine_spec.machine_type for job in kept.jobs]
    assert machines == ["g2-standard-12", "n1-standard-8"]
    client = job_client(REGION)
    assert client.get_custom_job(name=kept.jobs[1].name).state == types.JobState.JOB_STATE_FAILED
