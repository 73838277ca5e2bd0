"""`vertex_runner.py --rehearse`: executes the compiled job on this machine, and ends with what that cannot show."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloud.pipeline_jobs import PipelineJobs
from cloud.place import Place
from cloud.testing.rehearsal.folder import RehearsalFolder
from pipeline.config.workload import WorkloadConfig
from runners.console.console import RunConsole
from runners.local.log_redirect import output_redirected_to
from runners.results.run_folder import exclusive, from_here
from runners.vertex.image_contents import copy_code
from runners.vertex.job_outcome import STOPPED
from runners.vertex.rehearsal_data import in_bucket
from runners.vertex.run import Prepared, Request

if TYPE_CHECKING:
    from cloud.testing.cloud import LocalCloud

UNKNOWN = (
    "whether Vertex AI accepts the job (its checks go beyond the public descriptors)",
    "whether accounts have the rights that they need (IAM)",
    "quotas, capacity and how long machines take to start",
    "what the container image holds; tasks ran the code of this checkout with the libraries of this environment",
    "the machines: memory, GPUs, workers of Dataflow (Beam ran in memory here), several trials at a time",
    "what requests show of a version: none came to the endpoint, and a rollout waited for none",
    "the waits before retries, which were a hundredth of those of the job",
)
_WATCHED_MINUTES, _WINDOW_SECONDS = 0.05, 1.0
_LONGEST_LOOK = 0.5  # seconds between two looks at a job that runs here


@dataclass(frozen=True)
class RehearsalPlace(Place):
    """The region's local stand-in: what is shown of a job are the logs of its containers."""

    folder: RehearsalFolder
    command: str

    @property
    def title(self) -> str:
        """What runs a job here."""
        return f"rehearsal on this machine, as in {self}"

    @property
    def page_title(self) -> str:
        """What `job_page` leads to."""
        return "logs"

    @property
    def when_left(self) -> str:
        """What becomes of a job that nobody follows."""
        return "stops here, and the same name takes it up again"

    def job_page(self, job: str) -> str:
        """The folder of its logs."""
        return str(self.folder.logs / job)

    def log_page(self, job: str, task: str, custom_job: str) -> str:
        """The log of a task's container: of its last attempt."""
        del custom_job
        attempts = sorted(self.folder.logs.joinpath(job).glob(f"{task}[.]*log"), key=lambda each: each.stat().st_mtime)
        return str(attempts[-1]) if attempts else self.job_page(job)

    def follow_command(self, job: str) -> str:
        """The command that takes a job up again: the one that was typed, with its name."""
        named = f" --job-name {job}"
        return f"{self.command.replace(named, '')}{named}"


def rehearse(request: Request) -> int:
    """Execute the workload of a request as it would be submitted; returns the exit code of a local run.

    Raises:
      SluiceError: when something is wrong before the job begins.
    """
    prepared = Prepared.of(request)
    with exclusive(request.output_dir / prepared.config.name, "rehearsal"):
        folder = request.output_dir.absolute() / prepared.config.name / "rehearsal"
        with output_redirected_to(folder / "rehearsal.log") as stream, RunConsole(stream) as console:
            return _Rehearsal(prepared, folder, console).carry_out()


class _Rehearsal:
    def __init__(self, prepared: Prepared, folder: Path, console: RunConsole) -> None:
        self._config = _without_waiting(prepared.config)
        environment = prepared.environment
        # Nobody has made the instance here, and a run without it is the same.
        self._environment = environment.model_copy(update={"tensorboard": None})
        self._name = prepared.name
        self._folder = folder
        self._console = console
        command = prepared.request.command
        self._place = RehearsalPlace(environment.project, environment.region, RehearsalFolder(folder), command)

    def carry_out(self) -> int:
        from runners.vertex.follow import follow

        began = time.monotonic()
        with self._cloud() as cloud, cloud.applied():
            jobs = PipelineJobs(self._place)
            if self._is_there(jobs):
                self._console.last_words("TAKEN UP", f"{self._name} of an earlier rehearsal")
            else:
                self._submit(jobs, cloud)
            code = follow(self._place, self._name, self._console, sleep=_short_sleep)
            self._copy_results(cloud)
        if code != STOPPED:
            self._end(time.monotonic() - began)
        return code

    @contextmanager
    def _cloud(self) -> Iterator[LocalCloud]:
        """The local cloud with the environment's bucket, and containers that have what the image has."""
        from cloud.testing.rehearsal.executor import rehearsing  # libraries that print a lot

        self._console.working_on("starting")
        code = copy_code(self._folder / "code")
        environment = {**os.environ, "PYTHONPATH": str(code)}
        serves = self._environment.endpoint is not None
        with rehearsing(self._place.folder, self._environment.project, environment, serves=serves) as cloud:
            if self._environment.bucket not in [each.name for each in cloud.storage.buckets()]:
                cloud.storage.create_bucket(self._environment.bucket, self._environment.region)
            yield cloud

    def _is_there(self, jobs: PipelineJobs) -> bool:
        return self._name in [each.name for each in jobs.find(self._config.name)]

    def _submit(self, jobs: PipelineJobs, cloud: LocalCloud) -> None:
        from pipeline.datasets import datasets_as_seen
        from runners.vertex.compilation import compile_workload
        from runners.vertex.platform import job_settings
        from runners.vertex.preconditions import check_preconditions

        self._console.working_on("compiling")
        folder = f"data/{self._config.name}"
        data = in_bucket(self._config.data, cloud.storage, self._environment.bucket, folder)
        config = self._config.model_copy(update={"data": data})
        check_preconditions(config, self._environment)
        datasets = datasets_as_seen(
            config.data, config.split, config.prediction, network=True, slices=config.evaluator.slices
        )
        job = compile_workload(config, self._environment, datasets, self._folder)
        document = json.loads(job.read_text(encoding="utf-8"))
        jobs.submit(document, self._name, job_settings(config, self._environment))

    def _copy_results(self, cloud: LocalCloud) -> None:
        """Copies what the exit handler has written from the bucket to a folder of the job's name."""
        prefix = f"sluice/{self._config.name}/runs/{self._name}/"
        target = self._folder / self._name
        for each in cloud.storage.objects(self._environment.bucket):
            if each.name.startswith(prefix) and not each.name.endswith("/"):  # TensorFlow's folders
                _, content = cloud.storage.read(self._environment.bucket, each.name)
                file = target / each.name.removeprefix(prefix)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        if (target / "report.html").exists():
            self._console.last_words("copied to:", from_here(target / "report.html"), "dim")

    def _end(self, seconds: float) -> None:
        self._console.last_words("rehearsed", f"in {seconds:.0f} s. It cannot show:", "dim")
        for each in UNKNOWN:
            self._console.last_words("  -", each, "dim")


def _short_sleep(seconds: float) -> None:
    time.sleep(min(seconds, _LONGEST_LOOK))


def _without_waiting(config: WorkloadConfig) -> WorkloadConfig:
    """Nobody sends requests to an endpoint here, so a watch ends undecided however long it lasts."""
    rollout = config.serving.rollout
    if rollout is None:
        return config
    short = {
        "deadline_minutes": min(rollout.deadline_minutes, _WATCHED_MINUTES),
        "window_seconds": min(rollout.window_seconds, _WINDOW_SECONDS),
        "warm_minutes": 0.0,
    }
    serving = config.serving.model_copy(update={"rollout": rollout.model_copy(update=short)})
    return config.model_copy(update={"serving": serving})
