"""The Dataflow jobs of pipeline jobs: found by the label that each has, and cancelled."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import google.auth
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError

from cloud.google_api import GoogleApi, UnreachableError
from cloud.run_label import RUN_LABEL, run_label
from core.errors import SluiceError
from core.remote_errors import LOGIN

_HOST = "https://dataflow.googleapis.com/v1b3"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_ENDED = ("JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_UPDATED", "JOB_STATE_DRAINED")
# What Google answers for a project in which the API was never enabled, and which has no such jobs.
_DISABLED = ("has not been used in project", "it is disabled")


@dataclass(frozen=True)
class DataflowJob:
    """A job that runs; `run` is the label of the pipeline job that it works for."""

    number: str  # its id, e.g. 2026-11-29_10_00_00-123
    name: str
    run: str


class DataflowJobs:
    """The Dataflow jobs of one region of a project."""

    def __init__(self, project: str, region: str) -> None:
        self._project = project
        self._region = region

    def running(self, runs: Collection[str]) -> list[DataflowJob]:
        """Those that have not ended and work for one of these pipeline jobs, which are named by their ids.

        Raises:
          SluiceError: when they cannot be read.
        """
        wanted = {run_label(run) for run in runs}
        with self._one_sentence("cannot be read"):
            found = [self._read(summary["id"]) for summary in self._active()] if wanted else []
        return [job for job in found if job.run in wanted]

    def cancel(self, jobs: Collection[DataflowJob]) -> None:
        """End jobs; one that has ended by itself meanwhile is left as it is.

        Raises:
          SluiceError: when one may not be cancelled.
        """
        for job in jobs:
            with self._one_sentence(f"cannot be stopped ({job.number})"):
                self._cancel(job)

    def _active(self) -> Iterator[dict[str, Any]]:
        """Summaries, which have no labels."""
        parameters = {"filter": "ACTIVE", "pageSize": 100}
        while True:
            try:
                page = self._api.get(self._jobs, parameters)
            except exceptions.Forbidden as problem:
                if not any(words in str(problem) for words in _DISABLED):
                    raise
                return
            yield from page.get("jobs", [])
            if not page.get("nextPageToken"):
                return
            parameters["pageToken"] = page["nextPageToken"]

    def _read(self, number: str) -> DataflowJob:
        found = self._api.get(f"{self._jobs}/{number}", {"view": "JOB_VIEW_DESCRIPTION"})
        return DataflowJob(number, found.get("name", ""), found.get("labels", {}).get(RUN_LABEL, ""))

    def _cancel(self, job: DataflowJob) -> None:
        try:
            self._api.put(f"{self._jobs}/{job.number}", {"requestedState": "JOB_STATE_CANCELLED"})
        except exceptions.BadRequest:
            if self._api.get(f"{self._jobs}/{job.number}").get("currentState") not in _ENDED:
                raise

    @property
    def _jobs(self) -> str:
        return f"{_HOST}/projects/{self._project}/locations/{self._region}/jobs"

    @cached_property
    def _api(self) -> GoogleApi:
        credentials, _ = google.auth.default(scopes=_SCOPES)
        return GoogleApi(credentials)

    @contextmanager
    def _one_sentence(self, cannot: str) -> Iterator[None]:
        where = f"the Dataflow jobs in {self._region} of {self._project}"
        try:
            yield
        except (DefaultCredentialsError, exceptions.Unauthenticated, exceptions.Unauthorized) as problem:
            sentence = f"{where} {cannot}: the Google Cloud credentials are absent, expired or revoked."
            raise SluiceError(sentence, LOGIN) from problem
        except (exceptions.GoogleAPICallError, UnreachableError) as problem:
            reason = str(getattr(problem, "message", "") or problem).rstrip(". ")
            command = f"gcloud dataflow jobs list --status=active --region={self._region} --project={self._project}"
            raise SluiceError(f"{where} {cannot}: {reason}.", f"What runs:  {command}") from problem


def cancel_dataflow_jobs_of(project: str, region: str, run: str) -> list[str]:
    """Cancel the Dataflow jobs of a pipeline job that is cancelled itself; returns their ids.

    Raises:
      SluiceError: when they cannot be read or cancelled.
    """
    jobs = DataflowJobs(project, region)
    running = jobs.running([run])
    jobs.cancel(running)
    return [each.number for each in running]
