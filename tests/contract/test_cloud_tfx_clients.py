"""What TFX brings along finds the local Vertex AI unpatched, and our own compiled job is accepted there."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner
from google.cloud import aiplatform
from google.cloud.aiplatform_v1.types import JobState, PipelineState
from tfx.extensions.google_cloud_ai_platform import training_clients

from cloud.testing.cloud import LocalCloud
from runners.vertex_runner import main

REGION = "us-central1"


@pytest.fixture
def bucket(cloud: LocalCloud) -> str:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    cloud.storage.create_bucket(name, REGION)
    return name


def test_the_trainers_client_reaches_the_host_that_it_has_built_in(cloud: LocalCloud) -> None:
    client = training_clients.get_job_client(enable_vertex=True, vertex_region=REGION)
    machine = {"machine_type": "g2-standard-8", "accelerator_type": "NVIDIA_L4", "accelerator_count": 1}
    workers = [{"machine_spec": machine, "replica_count": 1, "container_spec": {"image_uri": "image"}}]
    client.launch_job(cloud.project, {"display_name": "trainer", "job_spec": {"worker_pool_specs": workers}})
    states = [client.get_job_state(client.get_job()) for _ in range(2)]
    assert states == [JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_SUCCEEDED]
    assert f"{REGION}-aiplatform.googleapis.com:443" in cloud.proxy.reached


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_the_compiled_taxi_pipeline_is_accepted(cloud: LocalCloud, bucket: str, tmp_path: Path, transport: str) -> None:
    place = ["--project", cloud.project, "--region", REGION, "--bucket", bucket, "--output-dir", str(tmp_path)]
    compiled = CliRunner().invoke(main, ["--check", "--workload", "taxi", *place], catch_exceptions=False)
    assert compiled.exit_code == 0, compiled.output
    aiplatform.init(project=cloud.project, location=REGION, staging_bucket=f"gs://{bucket}", api_transport=transport)
    job = aiplatform.PipelineJob(
        display_name="taxi",
        template_path=str(tmp_path / "taxi" / "vertex-job.json"),
        pipeline_root=f"gs://{bucket}/root",
        job_id=f"taxi-{uuid.uuid4().hex[:8]}",
    )
    job.submit()
    assert job.state == PipelineState.PIPELINE_STATE_RUNNING
    tasks = aiplatform.PipelineJob.get(job.resource_name).gca_resource.pipeline_spec["components"]["tfx-dag"]["dag"][
        "tasks"
    ]
    assert {"Trainer", "Evaluator", "Pusher"} <= set(tasks)
