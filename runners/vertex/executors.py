"""What the tasks of Trainer and Tuner do on Vertex AI: they hand their work to a job with machines of its own.

TFX makes the job from the component's inputs and outputs; `cloud/job_runs.py` runs it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.extensions.google_cloud_ai_platform import constants, training_clients
from tfx.extensions.google_cloud_ai_platform.trainer.executor import TRAINING_ARGS_KEY
from tfx.extensions.google_cloud_ai_platform.tuner.executor import TUNING_ARGS_KEY
from tfx.types import Artifact
from tfx.utils import json_utils, name_utils

from cloud.job_runs import CUSTOM, Attempt, Identity, JobRunner
from cloud.training_jobs import choice_of, on_machine, parsed, writes_logs_to
from core.errors import SluiceError
from models.training.config import LearningSettings
from pipeline.components import trainer, tuner
from runners.vertex.cancel import FALLBACKS_KEY

# Beside TFX's own keys in `custom_config`.
LONGEST_WAIT_KEY = "vertex_longest_wait_hours"

Artifacts = dict[str, list[Artifact]]


@dataclass(frozen=True)
class Execution:
    """What a task was given."""

    inputs: Artifacts
    outputs: Artifacts
    properties: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The component's `custom_config`."""
        found: dict[str, Any] = json_utils.loads(self.properties["custom_config"])
        return found

    @property
    def task_folder(self) -> str:
        """The folder of the task's outputs, as Vertex AI Pipelines names it: `<root>/<number>/<run>/<task>_<id>`."""
        return next(iter(self.outputs.values()))[0].uri.rstrip("/").rpartition("/")[0]

    def identity(self, executor: str) -> Identity:
        """The same for every attempt at the task in one run of the pipeline."""
        run_folder = self.task_folder.rpartition("/")[0]
        run = run_folder.rpartition("/")[2]
        inputs = {key: [artifact.uri for artifact in each] for key, each in self.inputs.items()}
        outputs = {key: [artifact.uri for artifact in each] for key, each in self.outputs.items()}
        return Identity(run, _hash(run_folder, executor, inputs, self.properties), _hash(outputs))

    def check_in_bucket(self) -> None:
        """Does nothing when the job, which runs on another machine, finds everything that it reads and writes.

        Raises:
          SluiceError: when a path is a local folder.
        """
        uris = [artifact.uri for each in (*self.inputs.values(), *self.outputs.values()) for artifact in each]
        for path in (*uris, LearningSettings.from_custom_config(self.config).durable_dir):
            if not path.startswith("gs://"):
                raise SluiceError(
                    f"a job of Vertex AI cannot read or write {path}, which is a folder of another machine.",
                    "Run where everything lies in a bucket:  python runners/vertex_runner.py --bucket BUCKET",
                )


class _InACustomJob(BaseExecutor):
    """Runs `inner` in a custom job that `custom_config` describes under `key`, and waits for its end."""

    inner: type[BaseExecutor]
    key: str
    poll_seconds = 30.0
    transport = "grpc"

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Called by TFX.

        Raises:
          SluiceError: when the job did not succeed, or a path is not in a bucket.
        """
        execution = Execution(input_dict, output_dict, exec_properties)
        execution.check_in_bucket()
        config, name = execution.config, name_utils.get_full_name(self.inner)
        wait = timedelta(hours=config[LONGEST_WAIT_KEY])
        runner = JobRunner(config[self.key]["project"], CUSTOM, self.transport, wait, self.poll_seconds)
        runner.run(execution.identity(name), attempts_of(execution, self.key, self.inner))


class TrainerInACustomJob(_InACustomJob):
    """TFX's Trainer, on machines of its own."""

    inner = trainer.TrainerExecutor
    key = TRAINING_ARGS_KEY


class TunerInACustomJob(_InACustomJob):
    """Our Tuner, on machines of its own: the first searches and runs trials, the others run trials."""

    inner = tuner.Executor
    key = TUNING_ARGS_KEY


def attempts_of(execution: Execution, key: str, inner: type[BaseExecutor]) -> list[Attempt]:
    """The job on its first choice of machine and on each fallback."""
    config = execution.config
    region = config[constants.VERTEX_REGION_KEY]
    described = {name: value for name, value in config[key].items() if name != "project"}
    path = name_utils.get_full_name(inner)
    # The command of TFX's entry point is made inside its client, which changes its arguments: hence the copy.
    made = training_clients.get_job_client(enable_vertex=True, vertex_region=region).create_training_job(
        execution.inputs, execution.outputs, execution.properties, path, json.loads(json.dumps(described)), None, None
    )
    # An encryption without a key, which TFX always adds, is refused by the service.
    job = parsed({name: value for name, value in made.items() if value})
    if job.job_spec.tensorboard:
        # Each execution's own, for Vertex AI shows whatever it finds there.
        writes_logs_to(job, execution.task_folder)
    return attempts_on(job, config)


def attempts_on(job: Any, config: Mapping[str, Any]) -> list[Attempt]:
    """The job as it is, and on the machine of each fallback."""
    fallbacks = [(each["region"], on_machine(job, each["machine_spec"])) for each in config[FALLBACKS_KEY]]
    every = [(config[constants.VERTEX_REGION_KEY], job), *fallbacks]
    return [Attempt(region, str(choice_of(each, region)), each) for region, each in every]


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
