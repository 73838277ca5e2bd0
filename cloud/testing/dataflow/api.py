"""The REST calls of Dataflow that Beam's DataflowRunner makes."""

from __future__ import annotations

import json
from typing import Any

from apitools.base.py import encoding
from google.api_core import exceptions

from cloud.testing.access import Access
from cloud.testing.dataflow.jobs import DataflowJob, DataflowJobs
from cloud.testing.dataflow.validation import parse_job
from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router

_JOBS = "/v1b3/projects/{project}/locations/{location}/jobs"


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
        wanted = (values["project"], values["location"])
        found = [job for job in self._jobs.submitted() if (job.projectId, job.location) == wanted]
        return Answer.of({"jobs": [json.loads(encoding.MessageToJson(job)) for job in found]})

    def _get(self, request: Request, values: dict[str, str]) -> Answer:
        return _answer(self._found(request, values).job)

    def _update(self, request: Request, values: dict[str, str]) -> Answer:
        found = self._found(request, values)
        wanted = request.json().get("requestedState")
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


def _answer(job: Any) -> Answer:
    return Answer(200, encoding.MessageToJson(job).encode(), {"Content-Type": "application/json; charset=UTF-8"})
