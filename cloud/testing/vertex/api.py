"""Calls of Vertex AI apart from their transport: checked, counted, served one at a time but for predictions."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from typing import Any

import proto
from google.api_core import exceptions
from google.protobuf.message import Message

from cloud.testing.faults import Faults
from cloud.testing.vertex.service import Backend, Method, Service, methods_of, operation_methods
from cloud.testing.vertex.validation import check, clear_output_only


class VertexApi:
    """The methods of all services, over one backend. `others` are calls of other APIs that come over gRPC."""

    def __init__(
        self, backend: Backend, services: Iterable[type[Service]], faults: Faults, others: Iterable[Method] = ()
    ) -> None:
        self.backend = backend
        self.faults = faults
        found = [method for service in services for method in methods_of(service(backend))]
        self.methods = [*found, *operation_methods(backend.operations), *others]

    def call(self, method: Method, request: Message) -> Message:
        """The method's response.

        Raises:
            GoogleAPICallError: the request is refused, by its form or by what stands.
        """
        self.faults.enter(method.title)
        _check_routing(method, request)
        check(request)
        clear_output_only(request, kept=list(method.routing_fields))
        with self.backend.lock if method.takes_turns else contextlib.nullcontext():
            answer = _copy(method.serve(method.wrap(request)))
            if method.takes_turns and not method.name.startswith(("Get", "List", "Query")):
                self.backend.save()
        self.faults.leave(method.title)
        return answer


def _check_routing(method: Method, request: Message) -> None:
    """The names that say what is called must have one of the forms that the API's paths have.

    Raises:
        InvalidArgument: one has not.
    """
    for field, forms in method.routing_fields.items():
        value: Any = request
        for name in field.split("."):
            value = getattr(value, name)
        if not any(re.fullmatch(form.replace("**", ".+").replace("*", "[^/]+"), value) for form in forms):
            raise exceptions.InvalidArgument(f"Invalid resource field value in the request: {field}={value!r}.")


def _copy(answer: Any) -> Message:
    """The plain message, apart from what the store keeps."""
    message: Message = type(answer).pb(answer) if isinstance(answer, proto.Message) else answer
    copied = type(message)()
    copied.CopyFrom(message)
    return copied
