"""The platform of Vertex AI: a bucket, its own metadata store, Dataflow for the Beam parts."""

from __future__ import annotations

from pipeline.champion import latest_blessed_model
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.workload import WorkloadConfig
from pipeline.datasets import datasets_there
from pipeline.platform import Platform
from runners.provenance import code_fingerprint
from runners.vertex.learning import search_elsewhere, training_elsewhere


def vertex_platform(config: WorkloadConfig, cloud: EnvironmentConfig) -> Platform:
    """The platform whose paths are all in the bucket or inside the container image.

    Raises:
      SluiceError: when the environment's machines for Trainer or Tuner do not fit.
    """
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
        training=training_elsewhere(config, cloud),
        search=search_elsewhere(config, cloud) if config.tuner.enabled else None,
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
