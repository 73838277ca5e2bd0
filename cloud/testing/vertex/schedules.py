"""Schedules, which make pipeline jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.protobuf import empty_pb2

from cloud.testing.vertex.api import VertexApi
from cloud.testing.vertex.cron import next_run
from cloud.testing.vertex.names import last, place_of
from cloud.testing.vertex.pipelines import specification_violations
from cloud.testing.vertex.service import Backend, Service
from cloud.testing.vertex.store import Collection, now
from cloud.testing.vertex.validation import NOT_SET, Violation, invalid_argument


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
            raise invalid_argument(violations)
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
        # A copy first: a change that is refused leaves the schedule as it was.
        changed = types.Schedule(self.schedules.get(request.schedule.name))
        self.schedules.merge(changed, request.schedule, request.update_mask)
        violations = list(_schedule_violations(changed))
        if violations:
            raise invalid_argument(violations)
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


def run_schedule(api: VertexApi, name: str) -> str:
    """Lets a schedule make a job at once, for here nobody waits for the hour; the job's name."""
    schedule = api.backend.store.resources[api.backend.store.names.canonical(name)]
    request = types.CreatePipelineJobRequest(schedule.create_pipeline_job_request)
    request.parent = request.parent or place_of(schedule.name)
    request.pipeline_job_id = (
        f"{request.pipeline_job_id or 'scheduled'}-{last(schedule.name)}-{schedule.next_run_time:%Y%m%d%H%M%S}"
    )
    create = next(method for method in api.methods if method.title == "PipelineService.CreatePipelineJob")
    made = api.call(create, type(request).pb(request))
    with api.backend.lock:
        job = api.backend.store.resources[made.name]
        job.schedule_name = schedule.name
        schedule.started_run_count += 1
        schedule.last_scheduled_run_response = types.Schedule.RunResponse(scheduled_run_time=now(), run_response="OK")
        schedule.next_run_time = next_run(schedule.cron, after=schedule.next_run_time)
    return str(made.name)


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
