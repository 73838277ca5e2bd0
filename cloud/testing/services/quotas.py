"""Cloud Quotas (limits) and Cloud Monitoring (usage), the two that a quota check needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.api_core import exceptions

from cloud.testing.access import Access
from cloud.testing.filters import parse_filter
from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router

USAGE = "serviceruntime.googleapis.com/quota/allocation/usage"


@dataclass(frozen=True)
class Quota:
    """One quota of Vertex AI: its id, its metric (without the service), and by region its limit and what is used."""

    quota_id: str
    metric: str
    limits: Mapping[str, int]
    used: Mapping[str, int] = field(default_factory=dict)
    service: str = "aiplatform.googleapis.com"


@dataclass
class Quotas:
    """A project's quotas by id. A new project has none for accelerators, that is: 0."""

    access: Access
    quotas: dict[str, Quota] = field(default_factory=dict)

    def add(self, quota: Quota) -> None:
        """Sets a quota, in place of one of the same id."""
        self.quotas[quota.quota_id] = quota

    def limits_router(self) -> Router:
        """What `cloudquotas.googleapis.com` answers."""
        router = Router("Cloud Quotas")
        parent = "projects/*/locations/global/services/*"
        router.add("GET", f"/v1/{{parent={parent}}}/quotaInfos", self._list)
        router.add("GET", f"/v1/{{parent={parent}}}/quotaInfos/{{id}}", self._get)
        return router

    def usage_router(self) -> Router:
        """What `monitoring.googleapis.com` answers about quotas."""
        router = Router("Cloud Monitoring")
        router.add("GET", "/v3/{name=projects/*}/timeSeries", self._time_series)
        return router

    def _list(self, request: Request, values: dict[str, str]) -> Answer:
        self.access.require("cloudquotas.quotas.get", values["parent"], request.caller)
        service = values["parent"].rpartition("/")[2]
        found = [_info(values["parent"], each) for each in self.quotas.values() if each.service == service]
        return Answer.of({"quotaInfos": found})

    def _get(self, request: Request, values: dict[str, str]) -> Answer:
        self.access.require("cloudquotas.quotas.get", values["parent"], request.caller)
        found = self.quotas.get(values["id"])
        if found is None or found.service != values["parent"].rpartition("/")[2]:
            raise exceptions.NotFound(f"Quota info {values['id']} was not found.")
        return Answer.of(_info(values["parent"], found))

    def _time_series(self, request: Request, values: dict[str, str]) -> Answer:
        self.access.require("monitoring.timeSeries.list", values["name"], request.caller)
        for name in ("filter", "interval.endTime"):
            if not request.argument(name):
                raise exceptions.InvalidArgument(f"Field {name} had an invalid value: it is required.")
        is_wanted = parse_filter(request.argument("filter"))
        end = request.argument("interval.endTime")
        project = values["name"].rpartition("/")[2]
        every = [each for quota in self.quotas.values() for each in _series(quota, project, end)]
        return Answer.of({"timeSeries": [each for each in every if is_wanted(each)]})


def _info(parent: str, quota: Quota) -> dict[str, Any]:
    dimensions = [
        {"dimensions": {"region": region}, "details": {"value": str(limit)}, "applicableLocations": [region]}
        for region, limit in quota.limits.items()
    ]
    return {
        "name": f"{parent}/quotaInfos/{quota.quota_id}",
        "quotaId": quota.quota_id,
        "metric": f"{quota.service}/{quota.metric}",
        "service": quota.service,
        "containerType": "PROJECT",
        "dimensions": ["region"],
        "dimensionsInfos": dimensions,
    }


def _series(quota: Quota, project: str, end: str) -> list[dict[str, Any]]:
    """A series for each region with a point, as a quota that was never used has none."""
    labels = {"quota_metric": f"{quota.service}/{quota.metric}"}
    interval = {"startTime": end, "endTime": end}
    return [
        {
            "metric": {"type": USAGE, "labels": labels},
            "resource": {
                "type": "consumer_quota",
                "labels": {"project_id": project, "service": quota.service, "location": region},
            },
            "metricKind": "GAUGE",
            "valueType": "INT64",
            "points": [{"interval": interval, "value": {"int64Value": str(used)}}],
        }
        for region, used in quota.used.items()
    ]
