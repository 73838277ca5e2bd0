"""Service Usage: which APIs a project has enabled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from google.api_core import exceptions

from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router, match

MOST_NAMES = 30
SERVICE = "{project=projects/*}/services/{service}"


@dataclass
class ServiceUsage:
    """Every API is enabled but for those in `disabled` (`dataflow.googleapis.com`)."""

    disabled: set[str] = field(default_factory=set)

    def router(self) -> Router:
        """What `serviceusage.googleapis.com` answers."""
        router = Router("Service Usage")
        router.add("GET", "/v1/{parent=projects/*}/services:batchGet", self._batch_get)
        router.add("GET", "/v1/{name=projects/*/services/*}", lambda _, values: Answer.of(self._state(values["name"])))
        return router

    def _batch_get(self, request: Request, _: dict[str, str]) -> Answer:
        names = request.query.get("names", [])
        if not 1 <= len(names) <= MOST_NAMES:
            raise exceptions.InvalidArgument(f"names: between 1 and {MOST_NAMES} services can be requested at once.")
        return Answer.of({"services": [self._state(name) for name in names]})

    def _state(self, name: str) -> dict[str, Any]:
        found = match(SERVICE, name)
        if found is None:
            raise exceptions.InvalidArgument(f"names: {name!r} is not of the form projects/*/services/*.")
        service = found["service"]
        state = "DISABLED" if service in self.disabled else "ENABLED"
        return {"name": name, "parent": found["project"], "config": {"name": service}, "state": state}
