"""The REST calls of Dataflow that Beam's DataflowRunner makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from apitools.base.py import encoding
from google.api_core import exceptions

from cloud.testing.access import Access
from cloud.testing.dataflow.jobs import ENDED, DataflowJob, DataflowJobs
from cloud.testing.dataflow.validation import parse_job
from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router

_JOBS = "/v1b3/projects/{project}/locations/{location}/jobs"
_FILTERS: dict[str, Callable[[Any], bool]] = {
    "UNKNOWN": lambda _: True,
    "ALL": lambda _: True,
    "ACTIVE": lambda job: job.currentState not in ENDED,
    "TERMINATED": lambda job: job.currentState in ENDED,
}
# What a list has of each job, by the description of the service: no labels, no environment.
_SUMMARY = ("id", "projectId", "location", "name", "type", "currentState", "currentStateTime", "createTime")
_PAGE = 100


class DataflowApi:
    """Answers for `dataflow.googleapis.com`."""

    def __init__(self, jobs: DataflowJobs, access: Access) -> None:
        self._jobs = jobs
        self._access = access

    def router(self) -> Router:
        """Its routes."""
        router = Router("Dataflow")
        router.add("POST", _JOBS, self._create)
        router.add("GET", _JOBS, self._list)
        router.add("GET", f"{_JOBS}/{{job}}", self._get)
        router.add("PUT", f"{_JOBS}/{{job}}", self._update)
        router.add("GET", f"{_JOBS}/{{job}}/messages", self._messages)
        router.add("GET", f"{_JOBS}/{{job}}/metrics", self._metrics)
        return router

    def _create(self, request: Request, values: dict[str, str]) -> Answer:
        self._access.require("dataflow.jobs.create", f"projects/{values['project']}", request.caller)
        return _answer(self._jobs.start(parse_job(request.body), values["project"], values["location"]))

    def _list(self, request: Request, values: dict[str, str]) -> Answer:
        self._access.require("dataflow.jobs.list", f"projects/{values['project']}", request.caller)
        here = (values["project"], values["location"])
        every = [job for job in self._jobs.submitted() if (job.projectId, job.location) == here]
        wanted = request.argument("filter", "ALL")
        if wanted not in _FILTERS:
            raise exceptions.BadRequest(f"Invalid value at 'filter': \"{wanted}\"")
        return Answer.of(_page([job for job in every if _FILTERS[wanted](job)], request))

    def _get(self, request: Request, values: dict[str, str]) -> Answer:
        job = self._found(request, values).job
        return Answer.of(_summary(job)) if request.argument("view") == "JOB_VIEW_SUMMARY" else _answer(job)

    def _update(self, request: Request, values: dict[str, str]) -> Answer:
        found = self._found(request, values)
        wanted = request.json().get("requestedState")
        if found.job.currentState in ENDED:
            raise exceptions.BadRequest(f"Could not modify workflow; {found.job.id} is in a terminal state.")
        if wanted != "JOB_STATE_CANCELLED":
            raise exceptions.BadRequest(f"The local Dataflow can only cancel a job, and {wanted} was requested.")
        self._jobs.cancel(found.job.id)
        return _answer(found.job)

    def _messages(self, request: Request, values: dict[str, str]) -> Answer:
        found = self._found(request, values)
        importance = "JOB_MESSAGE_ERROR"
        listed = [
            {"id": str(number), "time": time, "messageText": text, "messageImportance": importance}
            for number, (time, text) in enumerate(found.errors)
        ]
        return Answer.of({"jobMessages": listed})

    def _metrics(self, request: Request, values: dict[str, str]) -> Answer:
        found = self._found(request, values)
        return Answer.of({"metricTime": found.job.currentStateTime, "metrics": []})

    def _found(self, request: Request, values: dict[str, str]) -> DataflowJob:
        self._access.require("dataflow.jobs.get", f"projects/{values['project']}", request.caller)
        found = self._jobs.find(values["job"])
        if found is None or (found.job.projectId, found.job.location) != (values["project"], values["location"]):
            raise exceptions.NotFound(f"({values['job']}): Information about job could not be found in our system.")
        return found


def _page(jobs: list[Any], request: Request) -> dict[str, Any]:
    """The jobs of a list from where the token of the page before says."""
    first = int(request.argument("pageToken", "0"))
    end = first + min(int(request.argument("pageSize", str(_PAGE))), _PAGE)
    page: dict[str, Any] = {"jobs": [_summary(job) for job in jobs[first:end]]}
    return {**page, "nextPageToken": str(end)} if end < len(jobs) else page


def _summary(job: Any) -> dict[str, Any]:
    whole = json.loads(encoding.MessageToJson(job))
    return {name: whole[name] for name in _SUMMARY if name in whole}


def _answer(job: Any) -> Answer:
    return Answer(200, encoding.MessageToJson(job).encode(), {"Content-Type": "application/json; charset=UTF-8"})
