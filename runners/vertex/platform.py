"""The platform of Vertex AI: a bucket, its own metadata store, Dataflow for the Beam parts."""

from __future__ import annotations

from cloud.job_settings import JobSettings
from cloud.pipeline_jobs import ENVIRONMENT_LABEL, WORKLOAD_LABEL
from pipeline.champion import latest_blessed_model
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.workload import WorkloadConfig
from pipeline.datasets import datasets_there
from pipeline.platform import Platform
from runners.provenance import code_fingerprint


def vertex_platform(config: WorkloadConfig, cloud: EnvironmentConfig) -> Platform:
    """The platform whose paths are all in the bucket or inside the container image."""
    root = f"gs://{cloud.bucket}/sluice/{config.name}"
    return Platform(
        artifact_root=f"{root}/artifacts",
        serving_directory=f"{root}/serving",
        datasets=datasets_there(config.data),
        code=code_fingerprint,
        champion=latest_blessed_model,
        # The data's fingerprint is not known when the job is compiled: a cached ingest could be of older files.
        reuse=False,
        strict=cloud.strict_gates,
        beam_arguments=[
            "--runner=DataflowRunner",
            f"--project={cloud.project}",
            f"--region={cloud.region}",
            f"--temp_location={root}/dataflow",
            f"--worker_machine_type={cloud.dataflow.machine_type}",
            f"--max_num_workers={cloud.dataflow.max_workers}",
            f"--sdk_container_image={cloud.image}",
            *([f"--service_account_email={cloud.service_account}"] if cloud.service_account else []),
        ],
    )


def labels_of(config: WorkloadConfig, cloud: EnvironmentConfig) -> dict[str, str]:
    """The labels of everything that is made for the workload: the environment's, and those by which it is found."""
    return {**cloud.labels, WORKLOAD_LABEL: config.name, ENVIRONMENT_LABEL: cloud.name}


def job_settings(config: WorkloadConfig, cloud: EnvironmentConfig) -> JobSettings:
    """What a job is submitted with beside its specification."""
    return JobSettings(
        display_name=f"{config.name} · {cloud.name}",
        labels=labels_of(config, cloud),
        service_account=cloud.service_account,
        network=cloud.network,
        encryption_key=cloud.encryption_key,
        fail_fast=cloud.fail_fast,
    )
