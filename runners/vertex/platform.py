"""The platform of Vertex AI: a bucket, its own metadata store, Dataflow for the Beam parts."""

from __future__ import annotations

from cloud.job_settings import JobSettings
from core.stack import IMAGE
from pipeline.champion import model_in_production
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.workload import WorkloadConfig
from pipeline.datasets import Datasets, datasets_there
from pipeline.platform import Platform
from runners.provenance import code_in_image, git_commit, lock_hash
from runners.vertex.dataflow import dataflow_arguments
from runners.vertex.endpoint import rollout_places
from runners.vertex.labels import labels_of
from runners.vertex.learning import search_elsewhere, training_elsewhere
from runners.vertex.places import BucketPlaces


def vertex_platform(config: WorkloadConfig, cloud: EnvironmentConfig, datasets: Datasets | None = None) -> Platform:
    """The platform whose paths are all in the bucket or inside the container image. Without `datasets` the job finds
    its files when it runs.

    Raises:
      SluiceError: when the environment's machines for Trainer, Tuner or endpoint do not fit.
    """
    places = BucketPlaces.of(config.name, cloud)
    registry = places.registry if cloud.registry else None
    return Platform(
        artifact_root=places.artifacts,
        serving_directory=places.serving,
        datasets=datasets or datasets_there(config.data),
        code=code_in_image,
        champion=model_in_production(registry or "", config.name, code_in_image, places.serving),
        reuse=cloud.caching,
        strict=cloud.strict_gates,
        beam_arguments=dataflow_arguments(cloud, places, labels_of(config, cloud)),
        registry_directory=registry,
        rollout=rollout_places(config, cloud),
        training=training_elsewhere(config, cloud),
        search=search_elsewhere(config, cloud) if config.tuner.enabled else None,
        provenance={"git_commit": git_commit(), "lock_hash": lock_hash(stack=IMAGE)},
    )


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
