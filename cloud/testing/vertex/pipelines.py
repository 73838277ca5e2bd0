"""Pipeline jobs, and the schedules that make them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.protobuf import empty_pb2, json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from cloud.testing.vertex.cron import next_run
from cloud.testing.vertex.job_collection import JobCollection
from cloud.testing.vertex.service import Backend, Service
from cloud.testing.vertex.store import Collection, now
from cloud.testing.vertex.validation import NOT_SET, Violation, refusal

JOB_ID = r"[a-z][a-z0-9-]{0,127}"
LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class PipelineService(Service):
    """`pipelineJobs`."""

    name = "PipelineService"

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.collection = JobCollection(backend, "pipelineJobs", types.PipelineJob, JOB_ID)

    def create_pipeline_job(self, request: Any) -> Any:
        """Checks the compiled specification as far as it is public, and starts the job."""
        violations = list(specification_violations(request.pipeline_job))
        if violations:
            raise refusal(violations)
        return self.collection.create(request.parent, request.pipeline_job, request.pipeline_job_id)

    def get_pipeline_job(self, request: Any) -> Any:
        """A job; asking moves it on."""
        return self.collection.poll(request.name)

    def list_pipeline_jobs(self, request: Any) -> Any:
        """A page of jobs."""
        return self.collection.jobs.list(request, types.ListPipelineJobsResponse)

    def cancel_pipeline_job(self, request: Any) -> Any:
        """Asks for an end; the job says `CANCELLED` later."""
        self.collection.cancel(request.name)
        return empty_pb2.Empty()

    def delete_pipeline_job(self, request: Any) -> Any:
        """Deletes a job that has ended."""
        return self.collection.delete(request.name)


class ScheduleService(Service):
    """`schedules`, of pipeline jobs."""

    name = "ScheduleService"

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.schedules = Collection(backend.store, "schedules", types.Schedule)

    def create_schedule(self, request: Any) -> Any:
        """Keeps an active schedule with the time of its first run."""
        schedule = request.schedule
        violations = list(_schedule_violations(schedule))
        if violations:
            raise refusal(violations)
        schedule.state = types.Schedule.State.ACTIVE
        schedule.start_time = schedule.start_time or now()
        schedule.next_run_time = next_run(schedule.cron, after=max(schedule.start_time, now()))
        return self.schedules.add(request.parent, schedule)

    def get_schedule(self, request: Any) -> Any:
        """A schedule."""
        return self.schedules.get(request.name)

    def list_schedules(self, request: Any) -> Any:
        """A page of schedules."""
        return self.schedules.list(request, types.ListSchedulesResponse)

    def update_schedule(self, request: Any) -> Any:
        """Changes the fields that the mask names, and with the cron expression the next run."""
        changed = self.schedules.update(request.schedule, request.update_mask)
        violations = list(_schedule_violations(changed))
        if violations:
            raise refusal(violations)
        changed.next_run_time = next_run(changed.cron, after=now())
        return self.schedules.keep(changed)

    def pause_schedule(self, request: Any) -> Any:
        """No further runs until it is resumed."""
        schedule = self.schedules.get(request.name)
        schedule.state = types.Schedule.State.PAUSED
        schedule.last_pause_time = now()
        self.schedules.keep(schedule)
        return empty_pb2.Empty()

    def resume_schedule(self, request: Any) -> Any:
        """Runs again, from the next time on."""
        schedule = self.schedules.get(request.name)
        schedule.state = types.Schedule.State.ACTIVE
        schedule.last_resume_time = now()
        schedule.next_run_time = next_run(schedule.cron, after=now())
        self.schedules.keep(schedule)
        return empty_pb2.Empty()

    def delete_schedule(self, request: Any) -> Any:
        """Deletes a schedule; the jobs that it has made stay."""
        found = self.schedules.delete(request.name)
        return self.operations.start(found.name, None, types.DeleteOperationMetadata)


def specification_violations(job: Any) -> Iterator[Violation]:
    """What is wrong with a pipeline job: no specification, one that does not parse, a parameter it does not have."""
    if not job.pipeline_spec and not job.template_uri:
        yield "pipeline_job.pipeline_spec", NOT_SET
        return
    for key, value in job.labels.items():
        if not LABEL.fullmatch(key) or (value and not re.fullmatch(r"[a-z0-9_-]{0,63}", value)):
            yield f"pipeline_job.labels[{key!r}]", "Keys and values are lower case, at most 63 characters."
    if not job.runtime_config.gcs_output_directory.startswith("gs://"):
        yield "pipeline_job.runtime_config.gcs_output_directory", "A folder of Cloud Storage (gs://…) is required."
    specification = json_format.MessageToDict(type(job).pb(job).pipeline_spec)
    if specification:
        yield from _parsed(specification, set(job.runtime_config.parameter_values))


def _parsed(specification: Mapping[str, Any], parameters: set[str]) -> Iterator[Violation]:
    try:
        parsed = json_format.ParseDict(specification, pipeline_spec_pb2.PipelineSpec())
    except json_format.ParseError as error:
        yield "pipeline_job.pipeline_spec", f"It does not parse: {error}"
        return
    for field in ("pipeline_info", "root"):
        if not parsed.HasField(field):
            yield f"pipeline_job.pipeline_spec.{field}", NOT_SET
    known = set(parsed.root.input_definitions.parameters)
    for name in sorted(parameters - known):
        yield f"pipeline_job.runtime_config.parameter_values[{name!r}]", "The pipeline has no such parameter."


def _schedule_violations(schedule: Any) -> Iterator[Violation]:
    try:
        next_run(schedule.cron, after=now())
    except ValueError as error:
        yield "schedule.cron", str(error)
    if schedule.max_concurrent_run_count < 1:
        yield "schedule.max_concurrent_run_count", "It must be at least 1."
    if "create_pipeline_job_request" not in schedule:
        yield "schedule.create_pipeline_job_request", NOT_SET
        return
    for field, text in specification_violations(schedule.create_pipeline_job_request.pipeline_job):
        yield f"schedule.create_pipeline_job_request.{field}", text
