"""Runs a custom job or a tuning job of Vertex AI to its end, however often whoever waits for it is started anew.

TFX's own executor starts a second job when its task is retried, waits for ever for a job that has expired, and fails
when there is no machine. Here a retry finds the job of the attempt before by its labels, every last state ends the wait
with one sentence, and the next choice of machine is tried when there is no capacity or no quota.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud.aiplatform_v1 import types
from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.rpc import code_pb2

from cloud.client_messages import register_client_messages
from cloud.run_label import RUN_LABEL, run_label
from core.errors import ExitCode, SluiceError

# Labels of our jobs beside that of the pipeline job: what the task was to do, and where its outputs go.
TASK_LABEL, OUTPUTS_LABEL = "sluice_task", "sluice_outputs"
# How Vertex AI and Compute Engine word that there is no machine; the job may find one elsewhere.
WITHOUT_CAPACITY = (
    "resources are insufficient",
    "does not have enough resources",
    "resource_exhausted",
    "zone_resource_pool_exhausted",
    "stockout",
    "exceed quota limits",
    "quota exceeded",
)
_State = types.JobState
_WAITING = (_State.JOB_STATE_QUEUED, _State.JOB_STATE_PENDING)
_UNDER_WAY = (
    *_WAITING,
    _State.JOB_STATE_RUNNING,
    _State.JOB_STATE_PAUSED,
    _State.JOB_STATE_UPDATING,
    _State.JOB_STATE_CANCELLING,
)
_PASSING = (exceptions.ServiceUnavailable, exceptions.DeadlineExceeded, exceptions.InternalServerError)
_SENT_AGAIN = 5
# Short jobs, as in a rehearsal, are looked at often; long ones lose at most a fifth of their time.
_FIRST_LOOK, _GROWTH = 1.0, 1.2


@dataclass(frozen=True)
class Kind:
    """A kind of job: the noun in the client's methods and the one in gcloud's commands."""

    noun: str
    command: str

    def call(self, client: JobServiceClient, verb: str) -> Callable[..., Any]:
        """The client's method, e.g. `create_custom_job`; `list` has the plural."""
        method: Callable[..., Any] = getattr(client, f"{verb}_{self.noun}" + ("s" if verb == "list" else ""))
        return method


CUSTOM = Kind("custom_job", "custom-jobs")
TUNING = Kind("hyperparameter_tuning_job", "hp-tuning-jobs")


@dataclass(frozen=True)
class Attempt:
    """A job that could do the work; `machine` names its machine in words."""

    region: str
    machine: str
    job: Any


@dataclass(frozen=True)
class Identity:
    """What the attempts of one task have in common: equal `task`, equal work; equal `outputs`, equal places for it."""

    run: str  # the id of the pipeline job
    task: str
    outputs: str

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which a later attempt finds the job."""
        return {RUN_LABEL: run_label(self.run), TASK_LABEL: self.task, OUTPUTS_LABEL: self.outputs}


def job_client(region: str, transport: str = "grpc") -> JobServiceClient:
    """A client of the region's Vertex AI, by `grpc` or `rest`."""
    if transport == "rest":
        register_client_messages()
    return JobServiceClient(client_options={"api_endpoint": f"{region}-aiplatform.googleapis.com"}, transport=transport)


@dataclass
class JobRunner:
    """Runs one task's job in a project. `longest_wait`: how long a job may wait for its machines;
    `poll_seconds`: the longest time between two looks at it."""

    project: str
    kind: Kind = CUSTOM
    transport: str = "grpc"
    longest_wait: timedelta = timedelta(hours=24)
    poll_seconds: float = 30.0

    def run(self, identity: Identity, attempts: Sequence[Attempt]) -> Any:
        """The job that succeeded: one of an attempt before this one, or a new one on the first machine there is.

        Raises:
          SluiceError: when the job failed, was cancelled or expired, or no machine is to be had.
        """
        client_of = {attempt.region: job_client(attempt.region, self.transport) for attempt in attempts}
        if found := self._of_before(client_of, identity):
            region, job = found
            logging.getLogger(__name__).info("goes on with %s of an attempt before", job.name)
            if (ended := self._ended(client_of[region], job)) is not None:
                return ended
        missing = []
        for attempt in attempts:
            try:
                job = self._created(client_of[attempt.region], attempt, identity)
            except exceptions.TooManyRequests as problem:
                reason: str = problem.message
            except exceptions.GoogleAPICallError as problem:
                raise SluiceError(
                    f"Vertex AI refused the job {attempt.job.display_name} on {attempt.machine}: {problem.message}",
                    "Check the job before it is submitted:  python runners/vertex_runner.py --check",
                    ExitCode.ERROR,
                ) from problem
            else:
                logging.getLogger(__name__).info("%s: %s", attempt.machine, console_address(job))
                if (ended := self._ended(client_of[attempt.region], job)) is not None:
                    return ended
                reason = self._again(client_of[attempt.region], job.name).error.message or "it waited too long"
            logging.getLogger(__name__).warning("no %s: %s", attempt.machine, reason)
            missing.append(f"{attempt.machine} ({reason.rstrip('.')})")
        raise SluiceError(
            f"no machine is to be had for {attempts[0].job.display_name}: {'; '.join(missing)}.",
            "In the environment's file, name others under `fallbacks`, or wait for them:  capacity: flex_start",
            ExitCode.ERROR,
        )

    def _of_before(self, client_of: Mapping[str, JobServiceClient], identity: Identity) -> tuple[str, Any] | None:
        """The job of an attempt before, under way or succeeded, that writes to the same places; one that writes to
        others is cancelled, for its outputs would be looked for in vain. The training goes on from its checkpoint."""
        for region, client in client_of.items():
            for job in self._labelled(client, region, identity):
                same = job.labels.get(OUTPUTS_LABEL) == identity.outputs
                if same and job.state in (*_UNDER_WAY, _State.JOB_STATE_SUCCEEDED):
                    return region, job
                if not same and job.state in _UNDER_WAY:
                    self._cancelled(client, job)
        return None

    def _labelled(self, client: JobServiceClient, region: str, identity: Identity) -> list[Any]:
        request = {
            "parent": f"projects/{self.project}/locations/{region}",
            "filter": f'labels.{TASK_LABEL}="{identity.task}"',
        }
        return list(self.kind.call(client, "list")(request=request, retry=_patience()))

    def _created(self, client: JobServiceClient, attempt: Attempt, identity: Identity) -> Any:
        """A new job. An answer that was lost is not a job that was lost: it is looked for before another is made."""
        job = type(attempt.job)(attempt.job)
        job.labels.update(identity.labels)
        parent = f"projects/{self.project}/locations/{attempt.region}"
        for sent in range(1, _SENT_AGAIN + 1):
            try:
                return self.kind.call(client, "create")(parent=parent, **{self.kind.noun: job})
            except _PASSING:
                if sent == _SENT_AGAIN:
                    raise
                time.sleep(min(self.poll_seconds, 2.0**sent))
                if found := [each for each in self._labelled(client, attempt.region, identity) if _goes(each)]:
                    return found[0]
        raise AssertionError("the loop returns or raises")

    def _ended(self, client: JobServiceClient, job: Any) -> Any | None:
        """The job once it has succeeded; None when it ended for want of a machine.

        Raises:
          SluiceError: when it ended in any other way.
        """
        wait = min(_FIRST_LOOK, self.poll_seconds)
        while job.state in _UNDER_WAY or job.state == _State.JOB_STATE_UNSPECIFIED:
            if job.state in _WAITING and datetime.now(timezone.utc) - job.create_time > self.longest_wait:
                self._cancelled(client, job)
                return None
            time.sleep(wait)
            wait = min(wait * _GROWTH, self.poll_seconds)
            job = self._again(client, job.name)
        if job.state in (_State.JOB_STATE_SUCCEEDED, _State.JOB_STATE_PARTIALLY_SUCCEEDED):
            return job
        if _is_without_capacity(job):
            return None
        region = job.name.split("/")[3]
        log = f"gcloud ai {self.kind.command} stream-logs {job.name} --region={region}"
        raise SluiceError(_sentence(job), f"Its log:  {log}", ExitCode.ERROR)

    def _again(self, client: JobServiceClient, name: str) -> Any:
        return self.kind.call(client, "get")(name=name, retry=_patience())

    def _cancelled(self, client: JobServiceClient, job: Any) -> None:
        """Returns when the job has ended."""
        self.kind.call(client, "cancel")(name=job.name, retry=_patience())
        while self._again(client, job.name).state in _UNDER_WAY:
            time.sleep(self.poll_seconds)


def cancel_jobs_of(project: str, region: str, run: str, transport: str = "grpc") -> list[str]:
    """Cancels the custom and tuning jobs of a pipeline job that is cancelled itself: no task waits for them any more.

    Returns their names.
    """
    client = job_client(region, transport)
    request = {"parent": f"projects/{project}/locations/{region}", "filter": f'labels.{RUN_LABEL}="{run_label(run)}"'}
    cancelled = []
    for kind in (CUSTOM, TUNING):
        for job in kind.call(client, "list")(request=request, retry=_patience()):
            if job.state in _UNDER_WAY:
                kind.call(client, "cancel")(name=job.name, retry=_patience())
                cancelled.append(job.name)
    return cancelled


def console_address(job: Any) -> str:
    """Where a person sees the job."""
    _, project, _, region, _, number = job.name.split("/")
    return f"https://console.cloud.google.com/ai/platform/locations/{region}/training/{number}?project={project}"


def _patience() -> Retry:
    """For calls that may be sent again without harm: minutes of outage are waited for."""
    return Retry(predicate=if_exception_type(*_PASSING), initial=1.0, maximum=60.0, timeout=1200.0)


def _goes(job: Any) -> bool:
    return job.state in _UNDER_WAY


def _is_without_capacity(job: Any) -> bool:
    """Whether a job ended because there was no machine for it."""
    if job.state == _State.JOB_STATE_EXPIRED:
        return not job.start_time
    words = job.error.message.lower()
    failed = job.state == _State.JOB_STATE_FAILED
    return failed and (job.error.code == code_pb2.RESOURCE_EXHAUSTED or any(each in words for each in WITHOUT_CAPACITY))


def _sentence(job: Any) -> str:
    how = {
        _State.JOB_STATE_FAILED: "failed",
        _State.JOB_STATE_CANCELLED: "was cancelled",
        _State.JOB_STATE_EXPIRED: "expired: it took longer than it may",
    }.get(job.state, f"ended as {job.state.name}")
    reason = job.error.message.strip().rstrip(".")
    return f"{job.display_name} ({job.name}) {how}" + (f": {reason}." if reason else ".")
