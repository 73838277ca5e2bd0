"""Where an endpoint answers over HTTP: a dedicated one at its own host and nowhere else."""

from __future__ import annotations

import re

from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types

from cloud.testing.messages import Answer, Handler, Request
from cloud.testing.vertex.service import Backend
from cloud.testing.vertex.store import Collection

_PREDICTION = re.compile(r"/v1/(?P<endpoint>projects/[^/]+/locations/[^/]+/endpoints/[^/:]+):(?:raw)?[pP]redict")


def prediction_hosts(vertex: Handler, backend: Backend) -> tuple[Handler, Handler]:
    """What answers at the region's host, and what at the hosts of dedicated endpoints."""
    endpoints = Collection(backend.store, "endpoints", types.Endpoint)

    def dedicated_to(request: Request) -> str | None:
        """The own host of the endpoint that shall predict, empty when it has none; None for other calls."""
        found = _PREDICTION.fullmatch(request.path)
        if found is None:
            return None
        with backend.lock:
            return str(endpoints.get(found["endpoint"]).dedicated_endpoint_dns)

    def shared(request: Request) -> Answer:
        if own := dedicated_to(request):
            message = "Dedicated Endpoint cannot be accessed through the shared Vertex AI domain."
            raise exceptions.FailedPrecondition(f"{message} Please access it by its dedicated DNS name {own!r}.")
        return vertex(request)

    def dedicated(request: Request) -> Answer:
        host = request.headers.get("host", "").partition(":")[0]
        if dedicated_to(request) != host:
            raise exceptions.NotFound(f"No endpoint of this path answers at {host}.")
        return vertex(request)

    return shared, dedicated
