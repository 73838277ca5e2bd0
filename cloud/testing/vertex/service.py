"""What the services of Vertex AI have in common: a store, operations, and methods found by their names."""

from __future__ import annotations

import importlib
import inspect
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import proto
from google.cloud.aiplatform_v1 import types
from google.longrunning import operations_pb2
from google.protobuf.message import Message

from cloud.testing.routing import template_variables
from cloud.testing.vertex.lineage import Lineage
from cloud.testing.vertex.model_host import ModelHost
from cloud.testing.vertex.operations import Operations
from cloud.testing.vertex.runs import JobExecutor
from cloud.testing.vertex.store import Store

PACKAGE = "google.cloud.aiplatform.v1"


@dataclass
class Backend:
    """What the services share. `has_files` is whether a folder of Cloud Storage holds anything. Deployed models run at
    `host`; without it, `predictor` is given a deployed model and instances, and gives one prediction for each. `save`
    keeps what has changed."""

    store: Store
    operations: Operations
    lineage: Lineage
    executor: JobExecutor
    lock: threading.RLock
    has_files: Callable[[str], bool]
    host: ModelHost | None = None
    predictor: Callable[[Any, list[Any]], list[Any]] | None = None
    save: Callable[[], None] = lambda: None


class Service:
    """A service by its name in the API. Each public method serves the call of its name: `create_endpoint` serves
    `CreateEndpoint`, is given its request and returns its response, both as the client's own types."""

    name: str
    takes_turns: bool = True

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.store = backend.store
        self.operations = backend.operations


@dataclass(frozen=True)
class Binding:
    """How REST reaches a method: a verb, a path and which field the body is (`*` the whole request, "" none)."""

    verb: str
    template: str
    body: str


@dataclass(frozen=True)
class Method:
    """One call of the API, by whatever transport it comes."""

    service: str
    name: str
    request: type[Message]
    bindings: tuple[Binding, ...]
    wrap: Callable[[Message], Any]
    serve: Callable[[Any], Any]
    takes_turns: bool = True

    @property
    def title(self) -> str:
        """`EndpointService.CreateEndpoint`."""
        return f"{self.service.rpartition('.')[2]}.{self.name}"

    @property
    def path(self) -> str:
        """The method's path in gRPC."""
        return f"/{self.service}/{self.name}"

    @property
    def routing_fields(self) -> dict[str, list[str]]:
        """The fields that name what is called, each with the forms that its value may have."""
        forms: dict[str, list[str]] = {}
        for binding in self.bindings:
            for field, form in template_variables(binding.template).items():
                forms.setdefault(field, []).append(form)
        return forms


def methods_of(service: Service) -> Iterator[Method]:
    """Every call that the service serves, with its REST bindings as the client library has them."""
    for name, serve in inspect.getmembers(service, inspect.ismethod):
        if not name.startswith("_"):
            title = "".join(word.capitalize() for word in name.split("_"))
            request: type[proto.Message] = getattr(types, f"{title}Request")
            bindings = tuple(_bindings(service.name, title))
            called = f"{PACKAGE}.{service.name}"
            yield Method(called, title, request.pb(), bindings, request.wrap, serve, service.takes_turns)


def operation_methods(operations: Operations) -> Iterator[Method]:
    """Polling, listing and cancelling operations, which is a service of its own. Clients over REST poll under /ui,
    others under /v1."""
    place = "projects/*/locations/*"
    resources = (place, f"{place}/*/*", f"{place}/*/*/*/*")
    yield _operation_method(
        "GetOperation",
        operations_pb2.GetOperationRequest,
        [f"{{name={each}/operations/*}}" for each in resources],
        lambda request: operations.get(request.name),
    )
    yield _operation_method(
        "ListOperations",
        operations_pb2.ListOperationsRequest,
        [f"{{name={each}}}/operations" for each in resources],
        lambda request: operations.list(request.name),
    )
    yield _operation_method(
        "CancelOperation",
        operations_pb2.CancelOperationRequest,
        [f"{{name={each}/operations/*}}:cancel" for each in resources],
        lambda request: operations.cancel(request.name),
        "post",
    )


def _operation_method(
    name: str, request: Any, paths: list[str], serve: Callable[[Any], Any], verb: str = "get"
) -> Method:
    bindings = tuple(Binding(verb, f"/{version}/{path}", "") for version in ("v1", "ui") for path in paths)
    return Method("google.longrunning.Operations", name, request, bindings, lambda message: message, serve)


@cache
def _rest_transport(service: str) -> type[Any]:
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", service).lower()
    module = importlib.import_module(f"google.cloud.aiplatform_v1.services.{snake}.transports.rest_base")
    found: type[Any] = getattr(module, f"_Base{service}RestTransport")
    return found


def _bindings(service: str, method: str) -> Iterator[Binding]:
    # The generator writes google.api.http into the client's REST transport, the only place where it can be read from.
    described = getattr(_rest_transport(service), f"_Base{method}")
    for each in described._get_http_options():
        yield Binding(each["method"], each["uri"], each.get("body", ""))
