"""Schedules on Vertex AI that start a pipeline job whenever a cron expression comes due."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import available_timezones

from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types
from google.cloud.aiplatform_v1.services.schedule_service import ScheduleServiceClient
from google.protobuf import field_mask_pb2

from cloud.calls import PATIENCE, Patience, call, ended, errors_in_one_sentence
from cloud.job_settings import JobSettings
from cloud.pipeline_jobs import WORKLOAD_LABEL, Transport, connected, message_of
from cloud.place import Place
from core.errors import SluiceError
from core.text import counted

_ZONES = ("TZ=", "CRON_TZ=")
_BOUNDS = {"minute": (0, 59), "hour": (0, 23), "day of month": (1, 31), "month": (1, 12), "day of week": (0, 7)}
_MOMENT = re.compile(r"(?<![/\d])\d+")
_CHANGED = ("cron", "create_pipeline_job_request", "max_concurrent_active_run_count", "allow_queueing")


@dataclass(frozen=True)
class Schedule:
    """A schedule as Vertex AI reports it."""

    display_name: str
    resource_name: str
    cron: str
    state: str  # active, paused or completed
    next_run: datetime | None
    workload: str


def check_cron(cron: str) -> None:
    """Does nothing for five fields whose numbers are in their ranges, with or without a time zone before them. Of the
    rest Vertex AI decides.

    Raises:
      SluiceError: when it cannot be a cron expression.
    """
    fields = cron.split()
    if fields and fields[0].startswith(_ZONES):
        zone = fields.pop(0).partition("=")[2]
        if zone not in available_timezones():
            raise _no_schedule(cron, f"there is no time zone {zone}")
    if len(fields) != len(_BOUNDS):
        raise _no_schedule(cron, f"it has {counted(len(fields), 'field')} instead of {len(_BOUNDS)}")
    for field, (name, (least, most)) in zip(fields, _BOUNDS.items(), strict=True):
        # The number behind a slash is a step and no moment.
        moments = [int(number) for number in _MOMENT.findall(field)]
        if any(not least <= moment <= most for moment in moments):
            raise _no_schedule(cron, f"its {name} must be between {least} and {most}, and is {field}")


class Schedules:
    """The schedules of one region of a project; one for each display name."""

    def __init__(self, place: Place, transport: Transport = "grpc", patience: Patience = PATIENCE) -> None:
        self.place = place
        self._transport = transport
        self._patience = patience

    def put(self, display_name: str, cron: str, document: Mapping[str, Any], settings: JobSettings) -> Schedule:
        """Make the schedule of that name, or change it to this cron expression and this compiled job.

        No job begins while the one before it runs: it waits.

        Raises:
          SluiceError: when the cron expression cannot be read, or the job is refused.
        """
        request = types.CreatePipelineJobRequest(parent=self.place.parent, pipeline_job=message_of(document, settings))
        wanted = types.Schedule(
            display_name=display_name,
            cron=cron,
            create_pipeline_job_request=request,
            max_concurrent_run_count=1,
            max_concurrent_active_run_count=1,
            allow_queueing=True,
        )
        found = next(self._pages(f'display_name="{display_name}"'), None)
        try:
            return _read(self._create(wanted) if found is None else self._update(found, wanted))
        except SluiceError as problem:
            if isinstance(problem.__cause__, exceptions.BadRequest) and "cron" in str(problem.__cause__):
                raise _no_schedule(cron, problem.headline.rpartition("cron: ")[2].rstrip(").")) from problem
            raise

    def find(self, workload: str = "") -> list[Schedule]:
        """Our schedules, those of one workload or all.

        Raises:
          SluiceError: when they cannot be read.
        """
        found = [_read(each) for each in self._pages("")]
        return [each for each in found if each.workload and workload in ("", each.workload)]

    def delete(self, schedule: Schedule) -> None:
        """Delete a schedule; the jobs that it has started stay.

        Raises:
          SluiceError: when there is none, or it may not be deleted.
        """
        cannot = f"the schedule {schedule.display_name} cannot be deleted"
        request = types.DeleteScheduleRequest(name=schedule.resource_name)
        ended(self._call("delete_schedule", request, cannot), cannot, self.place, self._patience)

    def _create(self, wanted: types.Schedule) -> types.Schedule:
        request = types.CreateScheduleRequest(parent=self.place.parent, schedule=wanted)
        return self._call("create_schedule", request, f"the schedule {wanted.display_name} cannot be made")

    def _update(self, found: types.Schedule, wanted: types.Schedule) -> types.Schedule:
        wanted.name = found.name
        mask = field_mask_pb2.FieldMask(paths=_CHANGED)
        request = types.UpdateScheduleRequest(schedule=wanted, update_mask=mask)
        return self._call("update_schedule", request, f"the schedule {wanted.display_name} cannot be changed")

    def _pages(self, term: str) -> Iterator[types.Schedule]:
        request = types.ListSchedulesRequest(parent=self.place.parent, filter=term, page_size=100)
        while True:
            page = self._call("list_schedules", request, "the schedules cannot be listed")
            yield from page.schedules
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    @cached_property
    def _client(self) -> ScheduleServiceClient:
        with errors_in_one_sentence("Vertex AI cannot be called", self.place):
            return connected(ScheduleServiceClient, self.place, self._transport)

    def _call(self, method: str, request: Any, cannot: str) -> Any:
        return call(getattr(self._client, method), request, cannot, self.place, self._patience)


def _no_schedule(cron: str, reason: str) -> SluiceError:
    return SluiceError(
        f"`{cron}` is no schedule: {reason}.",
        'Like this, every night at three:  --schedule "TZ=Europe/Berlin 0 3 * * *"',
    )


def _read(schedule: types.Schedule) -> Schedule:
    return Schedule(
        display_name=schedule.display_name,
        resource_name=schedule.name,
        cron=schedule.cron,
        state=schedule.state.name.lower(),
        next_run=schedule.next_run_time or None,
        workload=dict(schedule.create_pipeline_job_request.pipeline_job.labels).get(WORKLOAD_LABEL, ""),
    )
