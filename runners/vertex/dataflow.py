"""The arguments by which Beam sends the parts of a job to Dataflow."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.config.environment import EnvironmentConfig
from runners.vertex.places import BucketPlaces


def dataflow_arguments(cloud: EnvironmentConfig, places: BucketPlaces, labels: Mapping[str, str]) -> list[str]:
    """All options of the environment, as Beam's command line takes them."""
    wanted = cloud.dataflow
    given = {
        "project": cloud.project,
        "region": wanted.region or cloud.region,
        "temp_location": f"{places.dataflow}/temp",
        "staging_location": f"{places.dataflow}/staging",
        "worker_machine_type": wanted.machine_type,
        "num_workers": wanted.workers,
        "max_num_workers": wanted.max_workers,
        "autoscaling_algorithm": wanted.autoscaling,
        "disk_size_gb": wanted.disk_gb,
        # The image of the components: it has our code, so that nothing is staged for the workers.
        "sdk_container_image": cloud.image,
        "sdk_location": "container",
        "service_account_email": wanted.service_account or cloud.service_account,
        "subnetwork": wanted.subnetwork,
        "dataflow_kms_key": cloud.encryption_key,
    }
    arguments = [f"--{name}={value}" for name, value in given.items() if value is not None]
    if not wanted.public_addresses:
        arguments.append("--no_use_public_ips")
    labelled = [f"--labels={key}={value}" for key, value in sorted(labels.items())]
    return ["--runner=DataflowRunner", *arguments, *labelled]
