"""Small pipeline jobs for tests of the rehearsal, and what became of them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import google.auth
from google.cloud import aiplatform, storage
from google.cloud.aiplatform import initializer

from cloud.task_runs import TaskRun, task_runs_of
from cloud.testing.cloud import LocalCloud
from tests.samples.folders import ROOT

REGION, PROJECT, BUCKET = "europe-west4", "rehearsed", "rehearsed-bucket"
CONTAINER = str(ROOT / "tests/samples/rehearsed_container.py")
SCHEMA = {"artifactType": {"instanceSchema": "title: tests.Blessing\ntype: object\n"}}


@contextmanager
def sdk_led_to(cloud: LocalCloud, bucket: str) -> Iterator[None]:
    """A block in which this process's SDK talks to `cloud`; afterwards it is as before. It keeps its credentials, and
    those of one local cloud are not valid in another."""
    settings = vars(initializer.global_config)
    before = dict(settings)
    with cloud.applied():
        credentials, _ = google.auth.default()
        aiplatform.init(
            project=PROJECT,
            location=REGION,
            credentials=credentials,
            staging_bucket=f"gs://{bucket}",
            api_transport="grpc",
        )
        try:
            yield
        finally:
            settings.clear()
            settings.update(before)


class Tasks:
    """A specification in the making; task names are made unique, so that calls can be counted."""

    def __init__(self, version: str = "2.1.0") -> None:
        self.version = version
        self.tag = uuid.uuid4().hex[:6]
        self.tasks: dict[str, Any] = {}
        self.components: dict[str, Any] = {}
        self.executors: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {}

    def add(
        self,
        name: str,
        orders: Mapping[str, Any] | None = None,
        takes: tuple[str, ...] = (),
        after: tuple[str, ...] = (),
        constants: Mapping[str, Any] | None = None,
        returns: tuple[str, ...] = (),
        **task: Any,
    ) -> None:
        """A container whose output `blessing` the tasks in `takes` produce for it, under their own names."""
        given = {key: {"runtimeValue": {"constant": value}} for key, value in (constants or {}).items()}
        inputs = {"parameters": given | task.pop("parameters", {})}
        inputs["artifacts"] = {
            each: {"taskOutputArtifact": {"producerTask": each, "outputArtifactKey": "blessing"}} for each in takes
        }
        self.tasks[name] = {
            "taskInfo": {"name": name},
            "componentRef": {"name": name},
            "dependentTasks": [*takes, *after],
            "inputs": inputs,
            **task,
        }
        self.components[name] = {
            "executorLabel": name,
            "inputDefinitions": {
                "artifacts": dict.fromkeys(takes, SCHEMA),
                "parameters": {key: {"parameterType": "STRING"} for key in inputs["parameters"]},
            },
            "outputDefinitions": {
                "artifacts": {"blessing": SCHEMA},
                "parameters": {key: {"parameterType": "STRING"} for key in returns},
            },
        }
        container = {
            "image": "image",
            "command": ["python", CONTAINER],
            "args": [self.of(name), "{{$}}", json.dumps(orders or {})],
            "env": [{"name": "SET_BY_THE_JOB", "value": "yes"}],
        }
        self.executors[name] = {"container": container}

    def of(self, name: str) -> str:
        """The name under which a task's calls are counted."""
        return f"{self.tag}-{name}"

    def calls(self, name: str) -> list[dict[str, Any]]:
        """What each call of a task was given."""
        blobs = storage.Client().list_blobs(BUCKET, prefix=f"calls/{self.of(name)}/")
        return [json.loads(blob.download_as_bytes()) for blob in blobs]

    def document(self) -> dict[str, Any]:
        return {
            "pipelineInfo": {"name": f"pipeline-{self.tag}"},
            "root": {"dag": {"tasks": self.tasks}, "inputDefinitions": {"parameters": self.parameters}},
            "components": self.components,
            "deploymentSpec": {"executors": self.executors},
            "schemaVersion": self.version,
            "sdkVersion": "tfx-1.16.0",
        }

    def submit(self, folder: Path, name: str = "", **arguments: Any) -> aiplatform.PipelineJob:
        template = folder / f"{self.tag}.json"
        template.write_text(json.dumps(self.document()))
        job = aiplatform.PipelineJob(
            display_name="rehearsed",
            template_path=str(template),
            pipeline_root=f"gs://{BUCKET}/pipeline",
            job_id=name or f"job-{uuid.uuid4().hex[:10]}",
            **arguments,
        )
        job.submit()
        return job


def ended(name: str, seconds: float = 60.0) -> tuple[str, dict[str, TaskRun]]:
    """Waits for the end of a job: its state, its tasks by name."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = aiplatform.PipelineJob.get(name).gca_resource
        if job.end_time:
            return job.state.name.removeprefix("PIPELINE_STATE_"), {each.name: each for each in task_runs_of(job)}
        time.sleep(0.1)
    raise TimeoutError(f"{name} has not ended: {job}")


def states(tasks: Mapping[str, TaskRun]) -> dict[str, str]:
    return {name: each.state.value for name, each in tasks.items()}


def with_exit_handler(made: Tasks) -> None:
    """The tasks so far become a component of their own, and a task `exit` ends the job."""
    made.components["tfx-dag"] = {"dag": {"tasks": made.tasks}}
    made.tasks = {"tfx-dag": {"taskInfo": {"name": "tfx-dag"}, "componentRef": {"name": "tfx-dag"}}}
    strategy = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    status = {"status": {"taskFinalStatus": {"producerTask": "tfx-dag"}}}
    made.add("exit", after=("tfx-dag",), triggerPolicy=strategy, parameters=status)
