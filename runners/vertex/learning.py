"""The machines of Trainer and Tuner, from the environment's configuration, as the pipeline's platform has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx.extensions.google_cloud_ai_platform import constants
from tfx.extensions.google_cloud_ai_platform.trainer.executor import TRAINING_ARGS_KEY
from tfx.extensions.google_cloud_ai_platform.tuner.executor import TUNING_ARGS_KEY

from cloud.training_jobs import JobPlace, MachineChoice, Workers, check_workers, custom_job, plain
from core.errors import SluiceError
from pipeline.config.environment import EnvironmentConfig, WorkersConfig
from pipeline.config.workload import WorkloadConfig
from pipeline.platform import Elsewhere
from runners.vertex.cancel import FALLBACKS_KEY
from runners.vertex.executors import LONGEST_WAIT_KEY, TrainerInACustomJob, TunerInACustomJob
from runners.vertex.labels import labels_of
from runners.vertex.vizier import PARALLEL_TRIALS_KEY, TunerByVizier, algorithm_of


def training_elsewhere(config: WorkloadConfig, cloud: EnvironmentConfig) -> Elsewhere:
    """The Trainer in a custom job.

    Raises:
      SluiceError: when the environment's machines do not fit, or have no GPU where the workload asks for one.
    """
    workers = workers_of(cloud, "training", cloud.training)
    without = [str(each) for each in workers.choices if not each.accelerator_type]
    if config.train.accelerator == "gpu" and without:
        raise SluiceError(
            f"`train.accelerator` of {config.name} is gpu, and {without[0]} has none.",
            "Train without:  --set train.accelerator=auto    With one:  --accelerator-type NVIDIA_L4",
        )
    return Elsewhere(TrainerInACustomJob, _settings(TRAINING_ARGS_KEY, "trainer", workers, config, cloud))


def search_elsewhere(config: WorkloadConfig, cloud: EnvironmentConfig) -> Elsewhere:
    """The Tuner in a custom job with a machine for each parallel trial, or by Vizier.

    Raises:
      SluiceError: when the environment's machines do not fit, or Vizier cannot do this search.
    """
    tuning = cloud.tuning
    if tuning.service == "workers":
        workers = workers_of(cloud, "tuning.machines", tuning.machines, tuning.parallel_trials)
        return Elsewhere(TunerInACustomJob, _settings(TUNING_ARGS_KEY, "tuner", workers, config, cloud))
    algorithm_of(config.tuner.algorithm)
    workers = workers_of(cloud, "tuning.machines", tuning.machines)
    settings = _settings(TUNING_ARGS_KEY, "tuner", workers, config, cloud)
    return Elsewhere(TunerByVizier, {**settings, PARALLEL_TRIALS_KEY: tuning.parallel_trials})


def workers_of(cloud: EnvironmentConfig, section: str, machines: WorkersConfig, count: int = 1) -> Workers:
    """The machines of a section of the environment, checked.

    Raises:
      SluiceError: when they do not fit.
    """
    named = MachineChoice(machines.machine_type, machines.accelerator_type, machines.accelerator_count, cloud.region)
    fallbacks = [
        MachineChoice(each.machine_type, each.accelerator_type, each.accelerator_count, each.region or cloud.region)
        for each in machines.fallbacks
    ]
    workers = Workers(
        choices=[named, *fallbacks],
        count=count,
        disk_gb=machines.disk_gb,
        capacity=machines.capacity,
        longest_wait_hours=machines.longest_wait_hours,
        timeout_hours=machines.timeout_hours,
        restart_on_worker_restart=machines.restart_on_worker_restart,
    )
    try:
        check_workers(workers, place_of(cloud, cloud.labels))
    except SluiceError as problem:
        sentence = f"`{section}` of the environment {cloud.name}: {problem.headline}"
        raise SluiceError(sentence, problem.next_command) from problem
    return workers


def place_of(cloud: EnvironmentConfig, labels: Mapping[str, str]) -> JobPlace:
    """What the environment's jobs have in common."""
    instance = cloud.tensorboard
    if instance and "/" not in instance:
        instance = f"projects/{cloud.project}/locations/{cloud.region}/tensorboards/{instance}"
    return JobPlace(
        project=cloud.project,
        image=cloud.image,
        service_account=cloud.service_account,
        network=cloud.network,
        encryption_key=cloud.encryption_key,
        tensorboard=instance,
        labels=labels,
    )


def _settings(
    key: str, task: str, workers: Workers, config: WorkloadConfig, cloud: EnvironmentConfig
) -> Mapping[str, Any]:
    """What the executor finds in `custom_config`: the job under TFX's own keys, and what TFX does not know."""
    place, name = place_of(cloud, labels_of(config, cloud)), f"{config.name}-{task}"
    first, *fallbacks = ((each.region, plain(custom_job(name, each, workers, place))) for each in workers.choices)
    return {
        constants.ENABLE_VERTEX_KEY: True,
        constants.VERTEX_REGION_KEY: first[0],
        key: {"project": place.project, **first[1]},
        FALLBACKS_KEY: [
            {"region": region, "machine_spec": job["job_spec"]["worker_pool_specs"][0]["machine_spec"]}
            for region, job in fallbacks
        ],
        LONGEST_WAIT_KEY: workers.longest_wait_hours,
    }
