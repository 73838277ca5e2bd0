"""Compiles a workload for an environment: pipeline, exit handler, and what TFX leaves out of the specification."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from google.protobuf import json_format

from core.errors import ExitCode, SluiceError
from pipeline.config.environment import EnvironmentConfig, TaskConfig
from pipeline.config.workload import WorkloadConfig
from pipeline.datasets import Datasets, not_of_this_machine
from pipeline.pipeline import create_pipeline
from runners.component_names import NEVER_REUSED
from runners.vertex.exit_handler import exit_handler_of
from runners.vertex.job import broken_references, compile_job, read_job
from runners.vertex.mends import Spec, set_caching, set_container_environment, set_machines, set_retries
from runners.vertex.platform import vertex_platform
from runners.vertex.preconditions import check_job_places

# They depend on what is in the registry and in the serving folder when they run.
_OF_THE_OUTSIDE_WORLD = ("Champion", "Registrar", "Pusher", *NEVER_REUSED)

# The version at the endpoint and its copy come at the same time; an earlier rollout may have to be undone before.
_LOADS = 3


def compile_workload(config: WorkloadConfig, cloud: EnvironmentConfig, datasets: Datasets, folder: Path) -> Path:
    """Write `vertex-job.json` into `folder`, whole or not at all, and return its path.

    Raises:
      SluiceError: when the compiled job would fail by what it refers to.
    """
    config = _as_there(config)
    platform = vertex_platform(config, cloud, datasets)
    never = [*_OF_THE_OUTSIDE_WORLD, *_of_unknown_content(datasets)]

    def complete(spec: Spec) -> None:
        set_retries(spec, cloud.retries)
        set_machines(spec, lambda task: _machine_of(task, config, cloud))
        set_caching(spec, cloud.caching, never)
        # On Vertex AI the project that libraries find by themselves is one of Google's.
        set_container_environment(spec, {"GOOGLE_CLOUD_PROJECT": cloud.project, "PYTHONUNBUFFERED": "1"})

    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        handler = exit_handler_of(config, cloud, platform.provenance)
        fresh = compile_job(create_pipeline(config, platform), cloud.image, Path(scratch), handler, complete)
        document, spec = read_job(fresh)
        check_job_places(json_format.MessageToDict(document.pipeline_spec))
        if broken := broken_references(spec):
            raise SluiceError(f"the compiled job would fail: {broken[0]}.", exit_code=ExitCode.ERROR)
        return fresh.replace(folder / fresh.name)


def _as_there(config: WorkloadConfig) -> WorkloadConfig:
    """Of several places of the data, those that another machine may have."""
    if isinstance(config.data.source, str):
        return config
    source = list(not_of_this_machine(config.data.source))
    return config.model_copy(update={"data": config.data.model_copy(update={"source": source})})


def _machine_of(task: str, config: WorkloadConfig, cloud: EnvironmentConfig) -> TaskConfig:
    """The container of a task. Those of Trainer and Tuner wait for the machines that do the work, one choice after the
    other, that of the Rollout for requests, and are not to give up before, unless `tasks` says when."""
    wanted = cloud.tasks.get(task, cloud.task)
    has_its_own = task in cloud.tasks and "timeout_minutes" in wanted.model_fields_set
    waits = 0 if has_its_own else math.ceil(_waits(task, config, cloud))
    return wanted.model_copy(update={"timeout_minutes": max(wanted.timeout_minutes, waits)})


def _waits(task: str, config: WorkloadConfig, cloud: EnvironmentConfig) -> float:
    """How many minutes a task may wait for others; 0 when it waits for none."""
    if task in ("Trainer", "Tuner"):
        workers = cloud.training if task == "Trainer" else cloud.tuning.machines
        return 60 * (workers.longest_wait_hours + workers.timeout_hours) * (1 + len(workers.fallbacks))
    rollout = config.serving.rollout
    if task == "Rollout" and rollout is not None and cloud.endpoint is not None:
        watched = rollout.deadline_minutes * len(rollout.canary_percents)
        return watched + rollout.warm_minutes + _LOADS * cloud.endpoint.load_minutes
    return 0.0


def _of_unknown_content(datasets: Datasets) -> list[str]:
    """The ingests whose files were not hashed: a result of an earlier run could be of older files."""
    by_node = {
        "ExampleGen": datasets.current,
        "ServingExamples": datasets.serving_log,
        "PreviousExamples": datasets.previous_span,
    }
    return [node for node, dataset in by_node.items() if dataset is not None and not dataset.fingerprint]
