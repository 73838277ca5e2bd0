"""The arguments by which Beam sends the parts of a job to Dataflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloud.run_label import RUN_LABEL, run_label
from pipeline.config.environment import EnvironmentConfig
from runners.vertex.places import BucketPlaces

# The id of the pipeline job, which Vertex AI puts in when a task starts.
_RUN = "{{$.pipeline_job_name}}"
_RUNNER, _REGION, _LABELS = "--runner=DataflowRunner", "--region=", "--labels="


def dataflow_arguments(cloud: EnvironmentConfig, places: BucketPlaces, labels: Mapping[str, str]) -> list[str]:
    """All options of the environment, as Beam's command line takes them; the label of the run is added to `labels`."""
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
    labelled = [f"{_LABELS}{key}={value}" for key, value in sorted({**labels, RUN_LABEL: _RUN}.items())]
    return [_RUNNER, *arguments, *labelled]


def with_run_label(arguments: Sequence[str]) -> list[str]:
    """The arguments of a task's container, in which the id of the pipeline job has become the value of a label."""
    start = f"{_LABELS}{RUN_LABEL}="
    return [f"{start}{run_label(each.removeprefix(start))}" if each.startswith(start) else each for each in arguments]


def regions_of_dataflow(spec: Mapping[str, Any]) -> list[str]:
    """Where the tasks of a compiled specification send their Beam parts, each region once."""
    executors = spec.get("deploymentSpec", {}).get("executors", {}).values()
    given = [each.get("container", {}).get("args", []) for each in executors]
    regions = [
        word.removeprefix(_REGION) for args in given if _RUNNER in args for word in args if word.startswith(_REGION)
    ]
    return list(dict.fromkeys(regions))
