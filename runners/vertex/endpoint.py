"""The endpoint of a workload on Vertex AI, out of the environment, as the pipeline is given it: one line of text."""

from __future__ import annotations

from cloud.endpoint.options import EndpointOptions
from core.errors import SluiceError
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.workload import WorkloadConfig
from pipeline.platform import RolloutPlaces
from runners.vertex.places import BucketPlaces


def endpoint_place(config: WorkloadConfig, cloud: EnvironmentConfig) -> str | None:
    """`vertex://…`, which `serving.backends.endpoint_at` takes; None when the environment has no endpoint.

    Raises:
      SluiceError: when there is no serving image, or the options do not go together.
    """
    options = endpoint_options(config, cloud)
    return options.place_text() if options else None


def rollout_places(config: WorkloadConfig, cloud: EnvironmentConfig) -> RolloutPlaces | None:
    """Where a job rolls out; None when the environment has no endpoint.

    Raises:
      SluiceError: when there is no serving image, or the options do not go together.
    """
    endpoint = endpoint_place(config, cloud)
    if endpoint is None:
        return None
    return RolloutPlaces(endpoint, BucketPlaces.of(config.name, cloud).output, uploads=cloud.model_registry)


def endpoint_options(config: WorkloadConfig, cloud: EnvironmentConfig) -> EndpointOptions | None:
    """The endpoint of a workload in an environment; None when the environment has none.

    Raises:
      SluiceError: when there is no serving image, or the options do not go together.
    """
    wanted = cloud.endpoint
    if wanted is None:
        return None
    if cloud.serving_image is None:
        raise SluiceError(
            f"the environment {cloud.name} has an `endpoint` and no `serving_image`, the container that answers there.",
            "Name it in the environment's YAML:  `serving_image: REGION-docker.pkg.dev/…`    Or:  `endpoint: null`",
        )
    places = BucketPlaces.of(config.name, cloud)
    options = EndpointOptions(
        project=cloud.project,
        region=cloud.region,
        environment=cloud.name,
        versions=places.serving,
        answers=places.answers,
        serving_image=cloud.serving_image,
        machine_type=wanted.machine_type,
        accelerator_type=wanted.accelerator_type,
        accelerator_count=wanted.accelerator_count,
        min_replicas=wanted.min_replicas,
        max_replicas=wanted.max_replicas,
        cpu_target=wanted.cpu_target_percent,
        accelerator_target=wanted.accelerator_target_percent,
        spot=wanted.spot,
        service_account=wanted.service_account,
        encryption_key=cloud.encryption_key,
        private_projects=",".join(wanted.private_projects),
        private_address=wanted.private_address or "",
        private_candidate_address=wanted.private_candidate_address or "",
        log_table=wanted.log_table or "",
        log_share=wanted.log_share,
        labels=",".join(f"{key}={value}" for key, value in cloud.labels.items()),
        load_minutes=wanted.load_minutes,
    )
    options.check()
    options.endpoint_id(config.name)
    return options
