"""Pipeline jobs on Vertex AI: submit, find, cancel and delete, through the region's own client."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from functools import cached_property
from typing import Any, Literal

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.cloud.aiplatform_v1 import types
from google.cloud.aiplatform_v1.services.pipeline_service import PipelineServiceClient
from google.protobuf import json_format

from cloud.calls import PATIENCE, Noticed, Patience, call, ended, errors_in_one_sentence
from cloud.client_messages import register_client_messages
from cloud.job_runs import cancel_jobs_of
from cloud.job_settings import JobSettings
from cloud.place import Place
from cloud.task_runs import TaskRun, task_runs_of
from core.errors import SluiceError

Transport = Literal["grpc", "rest"]

# The labels by which our jobs are found again. Without a dash: filters take none in a key.
WORKLOAD_LABEL = "sluice_workload"
ENVIRONMENT_LABEL = "sluice_environment"
_SUBMISSION_LABEL = "sluice_submission"

_JOB_ID = re.compile(r"[a-z][a-z0-9-]{0,127}")
_FAILURE_POLICY = {True: "PIPELINE_FAILURE_POLICY_FAIL_FAST", False: "PIPELINE_FAILURE_POLICY_FAIL_SLOW"}


class JobState(Enum):
    """What became of a job; every state of Vertex AI is one of these."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


_STATES: Mapping[str, JobState] = {
    "PIPELINE_STATE_UNSPECIFIED": JobState.WAITING,
    "PIPELINE_STATE_QUEUED": JobState.WAITING,
    "PIPELINE_STATE_PENDING": JobState.WAITING,
    "PIPELINE_STATE_RUNNING": JobState.RUNNING,
    "PIPELINE_STATE_PAUSED": JobState.PAUSED,
    "PIPELINE_STATE_CANCELLING": JobState.CANCELLING,
    "PIPELINE_STATE_SUCCEEDED": JobState.SUCCEEDED,
    "PIPELINE_STATE_FAILED": JobState.FAILED,
    "PIPELINE_STATE_CANCELLED": JobState.CANCELLED,
}


@dataclass(frozen=True)
class PipelineJob:
    """A job as Vertex AI reports it."""

    name: str  # its id, e.g. taxi-dev-20261129-120000
    place: Place
    state: JobState
    created: datetime
    started: datetime | None
    ended: datetime | None
    labels: Mapping[str, str]
    root: str  # the pipeline's root, below which the jobs of a workload write: gs://…
    project_number: str
    tasks: tuple[TaskRun, ...]
    error: str = ""
    schedule: str = ""  # the schedule that made it; empty: a person

    @property
    def workload(self) -> str:
        """The workload that it runs; empty for a job that is not ours."""
        return self.labels.get(WORKLOAD_LABEL, "")

    @property
    def folder(self) -> str:
        """Where its tasks write their outputs, each in a folder of its own."""
        return f"{self.root.rstrip('/')}/{self.project_number}/{self.name}"

    @property
    def link(self) -> str:
        """Where it is shown."""
        return self.place.job_page(self.name)

    def log_link(self, task: TaskRun) -> str:
        """The log of a task's container."""
        return self.place.log_page(self.name, task.name, task.custom_job)


class PipelineJobs:
    """The pipeline jobs of one region of a project.

    Credentials are looked for at the first call. `outage` is called whenever a call has to wait for the service.
    """

    def __init__(
        self,
        place: Place,
        transport: Transport = "grpc",
        patience: Patience = PATIENCE,
        outage: Noticed | None = None,
    ) -> None:
        self.place = place
        self._transport = transport
        self._patience = patience
        self._outage = outage

    def submit(self, document: Mapping[str, Any], name: str, settings: JobSettings) -> PipelineJob:
        """Start a compiled job (`vertex-job.json`) under the id `name`. Vertex AI checks its tasks first.

        Raises:
          SluiceError: when it is refused, or when there is a job of that name that this call has not made.
        """
        cannot = f"the job {name} cannot be submitted"
        job = message_of(document, settings)
        # Tells the job of a try whose answer was lost from one of somebody else.
        job.labels[_SUBMISSION_LABEL] = submission = secrets.token_hex(8)
        request = types.CreatePipelineJobRequest(parent=self.place.parent, pipeline_job=job, pipeline_job_id=name)
        try:
            made = self._call("create_pipeline_job", request, cannot)
        except SluiceError as problem:
            if not isinstance(problem.__cause__, exceptions.Conflict):
                raise
            found = self._get(name)
            if found.labels.get(_SUBMISSION_LABEL) != submission:
                raise name_in_use(name, self.place) from problem
            made = found
        return self._read(made)

    def get(self, name: str) -> PipelineJob:
        """The job of that id as it stands.

        Raises:
          SluiceError: when there is none, or it cannot be read.
        """
        return self._read(self._get(name))

    def specification(self, name: str) -> dict[str, Any]:
        """What was compiled for the job of that id, as plain values.

        Raises:
          SluiceError: when there is none, or it cannot be read.
        """
        plain: dict[str, Any] = json_format.MessageToDict(types.PipelineJob.pb(self._get(name)).pipeline_spec)
        return plain

    def find(self, workload: str = "", labels: Mapping[str, str] | None = None) -> list[PipelineJob]:
        """Our jobs, the newest first, without their tasks: those of one workload, those with these labels.

        Raises:
          SluiceError: when they cannot be read.
        """
        wanted = {**(labels or {}), **({WORKLOAD_LABEL: workload} if workload else {})}
        terms = [f'labels.{key}="{value}"' for key, value in wanted.items()] or [f"labels.{WORKLOAD_LABEL}:*"]
        request = types.ListPipelineJobsRequest(
            parent=self.place.parent, filter=" AND ".join(terms), order_by="create_time desc", page_size=100
        )
        return [self._read(each) for each in self._pages(request)]

    def cancel(self, name: str, elsewhere: Iterable[str] = ()) -> None:
        """Ask for the end of a job and of the custom and tuning jobs that its tasks wait for, here and in the regions
        `elsewhere`; they are stopped some time later.

        Raises:
          SluiceError: when there is none, or it may not be cancelled.
        """
        request = types.CancelPipelineJobRequest(name=self._full(name))
        self._call("cancel_pipeline_job", request, f"the job {name} cannot be cancelled")
        with errors_in_one_sentence(f"the machines of the job {name} cannot be stopped", self.place):
            for region in dict.fromkeys((self.place.region, *elsewhere)):
                cancel_jobs_of(self.place.project, region, name, self._transport)

    def delete(self, name: str) -> None:
        """Delete a job that has ended. Its artifacts stay in the bucket.

        Raises:
          SluiceError: when there is none, or it runs.
        """
        cannot = f"the job {name} cannot be deleted"
        request = types.DeletePipelineJobRequest(name=self._full(name))
        ended(self._call("delete_pipeline_job", request, cannot), cannot, self.place, self._patience)

    @cached_property
    def _client(self) -> PipelineServiceClient:
        with errors_in_one_sentence("Vertex AI cannot be called", self.place):
            return connected(PipelineServiceClient, self.place, self._transport)

    def _get(self, name: str) -> types.PipelineJob:
        request = types.GetPipelineJobRequest(name=self._full(name))
        return self._call("get_pipeline_job", request, f"the job {name} cannot be read")

    def _pages(self, request: types.ListPipelineJobsRequest) -> Iterator[types.PipelineJob]:
        while True:
            page = self._call("list_pipeline_jobs", request, "the jobs cannot be listed")
            yield from page.pipeline_jobs
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _call(self, method: str, request: Any, cannot: str) -> Any:
        return call(getattr(self._client, method), request, cannot, self.place, self._patience, self._outage)

    def _full(self, name: str) -> str:
        return f"{self.place.parent}/pipelineJobs/{name}"

    def _read(self, job: types.PipelineJob) -> PipelineJob:
        return PipelineJob(
            name=job.name.rpartition("/")[2],
            place=self.place,
            state=_STATES[job.state.name],
            created=job.create_time or datetime.now(timezone.utc),
            started=job.start_time or None,
            ended=job.end_time or None,
            labels=dict(job.labels),
            root=job.runtime_config.gcs_output_directory,
            project_number=job.name.split("/")[1],
            tasks=task_runs_of(job),
            error=job.error.message,
            schedule=job.schedule_name,
        )


def is_job_id(text: str) -> bool:
    """Whether a job can have this id."""
    return _JOB_ID.fullmatch(text) is not None


def connected(client: Any, place: Place, transport: Transport) -> Any:
    """One of Google's generated clients, for the host of the region."""
    if transport == "rest":
        register_client_messages()
    return client(transport=transport, client_options=ClientOptions(api_endpoint=place.host))


def message_of(document: Mapping[str, Any], settings: JobSettings) -> types.PipelineJob:
    """The message of a compiled job and its settings.

    Raises:
      SluiceError: when the document is no compiled job.
    """
    job = types.PipelineJob()
    try:
        json_format.ParseDict(
            {key: document[key] for key in ("pipelineSpec", "runtimeConfig")}, types.PipelineJob.pb(job)
        )
    except (KeyError, json_format.ParseError) as problem:
        sentence = f"this is no compiled pipeline job: {problem}."
        raise SluiceError(sentence, "Compile it:  python runners/vertex_runner.py --check") from problem
    job.display_name = settings.display_name
    job.labels = dict(settings.labels)
    job.runtime_config.failure_policy = _FAILURE_POLICY[settings.fail_fast]
    for key, value in settings.parameters.items():
        job.runtime_config.parameter_values[key] = value
    job.preflight_validations = True
    if settings.service_account:
        job.service_account = settings.service_account
    if settings.network:
        job.network = settings.network
    if settings.encryption_key:
        job.encryption_spec.kms_key_name = settings.encryption_key
    return job


def sent_with(document: Mapping[str, Any], settings: JobSettings) -> dict[str, Any]:
    """What is sent beside the compiled specification, under the names of the API.

    Raises:
      SluiceError: when the document is no compiled job.
    """
    job = types.PipelineJob.pb(message_of(document, settings))
    return {key: value for key, value in json_format.MessageToDict(job).items() if key != "pipelineSpec"}


def name_in_use(name: str, place: Place) -> SluiceError:
    """The error of a job whose id another one has."""
    follow = place.follow_command(name)
    return SluiceError(
        f"there is a job {name} in {place} already; another --job-name is free.", f"Follow it:  {follow}"
    )
