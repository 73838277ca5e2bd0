"""The custom jobs of Vertex AI in which models are trained and searched, typed and checked before they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format

from cloud.machines import Capacity, check_machine
from core.errors import SluiceError

LONGEST_FLEX_START_HOURS = 7 * 24
# Without it a container's output reaches Cloud Logging in blocks, the last one never when it is killed.
VARIABLES: Mapping[str, str] = {"PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class MachineChoice:
    """A machine in a region."""

    machine_type: str
    accelerator_type: str | None
    accelerator_count: int
    region: str

    def __str__(self) -> str:
        carried = f" with {self.accelerator_count} {self.accelerator_type}" if self.accelerator_type else ""
        return f"{self.machine_type}{carried} in {self.region}"


@dataclass(frozen=True)
class Workers:
    """The machines of a job: `choices` are tried in their order until one can be had; `count` of it work together."""

    choices: Sequence[MachineChoice]
    count: int = 1
    disk_gb: int = 100
    capacity: Capacity = "standard"
    longest_wait_hours: float = 24.0
    timeout_hours: float = 24.0
    restart_on_worker_restart: bool = True


@dataclass(frozen=True)
class JobPlace:
    """What the jobs of an environment have in common."""

    project: str
    image: str
    service_account: str | None = None
    network: str | None = None
    encryption_key: str | None = None
    tensorboard: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


def check_workers(workers: Workers, place: JobPlace) -> None:
    """Does nothing for machines that can be had, with the rest of the environment.

    Raises:
      SluiceError: with the first thing that does not fit.
    """
    first = workers.choices[0]
    for choice in workers.choices:
        check_machine(
            choice.machine_type, choice.accelerator_type, choice.accelerator_count, choice.region, workers.capacity
        )
        bound = "encryption key" if place.encryption_key else "TensorBoard" if place.tensorboard else ""
        if bound and choice.region != first.region:
            raise SluiceError(
                f"the {bound} of the environment is in {first.region}, and a fallback names {choice.region}.",
                "Take the region out of the fallback in the environment's file.",
            )
    if workers.capacity == "flex_start" and workers.timeout_hours > LONGEST_FLEX_START_HOURS:
        raise SluiceError(
            f"a job by flex start runs at most {LONGEST_FLEX_START_HOURS} hours, not {workers.timeout_hours:g}.",
            f"In the environment's file:  timeout_hours: {LONGEST_FLEX_START_HOURS}",
        )
    if place.tensorboard and not place.service_account:
        raise SluiceError(
            "a job writes to a TensorBoard instance only with a service account of your own, and none is named.",
            "Name one:  --service-account NAME@PROJECT.iam.gserviceaccount.com",
        )


def custom_job(name: str, choice: MachineChoice, workers: Workers, place: JobPlace) -> types.CustomJob:
    """The job on this choice of machine; its command is the executor's to add.

    The first worker pool has one machine, the chief's; a second one has the others.
    """
    machine = types.MachineSpec(machine_type=choice.machine_type)
    if choice.accelerator_type:
        machine.accelerator_type = types.AcceleratorType[choice.accelerator_type]
        machine.accelerator_count = choice.accelerator_count
    variables = [types.EnvVar(name=each, value=value) for each, value in VARIABLES.items()]
    pool = types.WorkerPoolSpec(
        machine_spec=machine,
        replica_count=1,
        disk_spec=types.DiskSpec(boot_disk_size_gb=workers.disk_gb),
        container_spec=types.ContainerSpec(image_uri=place.image, env=variables),
    )
    pools = [pool]
    if workers.count > 1:
        others = types.WorkerPoolSpec(pool)
        others.replica_count = workers.count - 1
        pools.append(others)
    specification = types.CustomJobSpec(worker_pool_specs=pools, scheduling=_scheduling(workers))
    for each in ("service_account", "network", "tensorboard"):
        if value := getattr(place, each):
            setattr(specification, each, value)
    job = types.CustomJob(display_name=name, job_spec=specification, labels=dict(place.labels))
    if place.encryption_key:
        job.encryption_spec = types.EncryptionSpec(kms_key_name=place.encryption_key)
    return job


def plain(message: Any) -> dict[str, Any]:
    """A message of the API as plain values, named as in the API; `parsed` is the inverse."""
    return json_format.MessageToDict(type(message).pb(message), preserving_proto_field_name=True)


def parsed(values: Mapping[str, Any]) -> types.CustomJob:
    """The job that plain values describe.

    Raises:
      SluiceError: when they hold a field or a value that the API does not have.
    """
    job = types.CustomJob()
    try:
        json_format.ParseDict(values, types.CustomJob.pb(job))
    except json_format.ParseError as problem:
        raise SluiceError(f"the custom job of the compiled pipeline is not one of Vertex AI's: {problem}") from problem
    return job


def on_machine(job: types.CustomJob, machine: Mapping[str, Any]) -> types.CustomJob:
    """A copy of the job on another machine, which plain values describe."""
    other = types.CustomJob(job)
    for pool in other.job_spec.worker_pool_specs:
        pool.machine_spec = types.MachineSpec(machine)
    return other


def choice_of(job: types.CustomJob, region: str) -> MachineChoice:
    """The machine of a job."""
    machine = job.job_spec.worker_pool_specs[0].machine_spec
    accelerator = machine.accelerator_type.name if machine.accelerator_count else None
    return MachineChoice(machine.machine_type, accelerator, machine.accelerator_count, region)


def writes_logs_to(job: types.CustomJob, folder: str) -> None:
    """Sets the folder below which the job's TensorBoard instance looks for event files."""
    job.job_spec.base_output_directory = types.GcsDestination(output_uri_prefix=folder)


def _scheduling(workers: Workers) -> types.Scheduling:
    scheduling = types.Scheduling(
        timeout=timedelta(hours=workers.timeout_hours),
        strategy=types.Scheduling.Strategy[workers.capacity.upper()],
        restart_job_on_worker_restart=workers.restart_on_worker_restart,
    )
    if workers.capacity == "flex_start":
        scheduling.max_wait_duration = timedelta(hours=workers.longest_wait_hours)
    return scheduling
