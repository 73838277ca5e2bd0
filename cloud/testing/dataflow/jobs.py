"""The jobs of a local Dataflow: each runs its staged pipeline in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from apache_beam.runners.dataflow.internal.clients.dataflow import dataflow_v1b3_messages as messages

from cloud.testing.dataflow.validation import pipeline_options

States = messages.Job.CurrentStateValueValuesEnum
ENDED = (States.JOB_STATE_DONE, States.JOB_STATE_FAILED, States.JOB_STATE_CANCELLED)
_LAST_LINES = 30


@dataclass
class DataflowJob:
    """A job as Dataflow shows it, and the process that runs it."""

    job: Any
    process: subprocess.Popen[str] | None = None
    errors: list[tuple[str, str]] = field(default_factory=list)  # time and text


class DataflowJobs:
    """Every job by its id. May be used from any thread."""

    def __init__(self, environment: Callable[[], Mapping[str, str]]) -> None:
        self._environment = environment
        self._lock = threading.RLock()
        self._jobs: dict[str, DataflowJob] = {}

    def submitted(self) -> list[Any]:
        """The jobs as they arrived, oldest first."""
        with self._lock:
            return [each.job for each in self._jobs.values()]

    def start(self, job: Any, project: str, location: str) -> Any:
        """Gives the job an id and starts it."""
        kept = self.keep(job, project, location)
        threading.Thread(target=self._run, args=[self._jobs[kept.id]], daemon=True).start()
        return kept

    def keep(self, job: Any, project: str, location: str) -> Any:
        """Gives the job an id; it runs, in name alone, until it is cancelled."""
        with self._lock:
            job.id = f"{datetime.now(timezone.utc):%Y-%m-%d_%H_%M_%S}-{len(self._jobs) + 1}"
            job.projectId, job.location = project, location
            job.createTime = job.currentStateTime = _now()
            job.currentState = States.JOB_STATE_RUNNING
            self._jobs[job.id] = DataflowJob(job)
        return job

    def find(self, job_id: str) -> DataflowJob | None:
        """The job with this id."""
        with self._lock:
            return self._jobs.get(job_id)

    def cancel(self, job_id: str) -> None:
        """Ends a job that runs; one that has ended stays as it is."""
        with self._lock:
            running = self._jobs[job_id]
            self._end(running, States.JOB_STATE_CANCELLED)
            if running.process is not None:
                running.process.kill()

    def stop(self) -> None:
        """Ends every job."""
        for job_id in list(self._jobs):
            self.cancel(job_id)

    def _run(self, running: DataflowJob) -> None:
        options = pipeline_options(running.job)
        command = [sys.executable, "-m", "cloud.testing.dataflow.worker", options["pipelineUrl"], json.dumps(options)]
        with self._lock:
            if running.job.currentState in ENDED:
                return
            running.process = subprocess.Popen(
                command, env=dict(self._environment()), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        output, _ = running.process.communicate()
        with self._lock:
            if running.process.returncode != 0:
                running.errors.append((_now(), "\n".join(output.splitlines()[-_LAST_LINES:])))
            succeeded = running.process.returncode == 0
            self._end(running, States.JOB_STATE_DONE if succeeded else States.JOB_STATE_FAILED)

    def _end(self, running: DataflowJob, state: Any) -> None:
        if running.job.currentState not in ENDED:
            running.job.currentState = state
            running.job.currentStateTime = _now()


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
