"""Vertex AI over REST: paths and JSON to messages and back, by the bindings that the API has."""

from __future__ import annotations

from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.api_core import exceptions
from google.protobuf import json_format, struct_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router
from cloud.testing.vertex.api import VertexApi
from cloud.testing.vertex.service import Binding, Method

# Parameters of every Google API, which are no fields of a request.
SYSTEM = ("alt", "key", "prettyPrint", "fields", "access_token", "quotaUser")


def rest_router(api: VertexApi) -> Router:
    """What `{region}-aiplatform.googleapis.com` answers to REST."""
    router = Router("Vertex AI")
    # A verb after a colon is part of the last segment for a template without one: those with a verb come first.
    pairs = [(method, binding) for method in api.methods for binding in method.bindings]
    for method, binding in sorted(pairs, key=lambda pair: ":" not in pair[1].template):
        _add(router, api, method, binding)
    return router


def _add(router: Router, api: VertexApi, method: Method, binding: Binding) -> None:
    def raw_handler(request: Request, values: dict[str, str]) -> Answer:
        body = HttpBody(content_type=request.headers.get("content-type", ""), data=request.body)
        answer = api.call(method, method.request(**values, http_body=body))
        return Answer(200, answer.data, {"Content-Type": answer.content_type, **_headers(answer)})

    def handler(request: Request, values: dict[str, str]) -> Answer:
        message = api.call(method, _message(method, binding, request, values))
        as_numbers = "enum-encoding=int" in request.argument("$alt")
        return Answer.of(json_format.MessageToDict(message, use_integers_for_enums=as_numbers))

    is_raw = "http_body" in method.request.DESCRIPTOR.fields_by_name
    router.add(binding.verb, binding.template, raw_handler if is_raw else handler)


def _headers(answer: Any) -> dict[str, str]:
    """Those that a raw answer carries as an extension."""
    headers = struct_pb2.Struct()
    for each in answer.extensions:
        each.Unpack(headers)
    return {name: str(value) for name, value in headers.items()}


def _message(method: Method, binding: Binding, request: Request, values: dict[str, str]) -> Any:
    """The request's message out of the path's variables, the body and the query.

    Raises:
        InvalidArgument: a field is unknown, or a value is not of its type.
    """
    document: dict[str, Any] = request.json() if binding.body == "*" else {}
    if binding.body not in ("", "*"):
        document[binding.body] = request.json()
    for path, value in values.items():
        _put(document, path.split("."), value)
    descriptor = method.request.DESCRIPTOR
    for name, given in request.query.items():
        if not name.startswith("$") and name not in SYSTEM:
            _put(document, *_argument(descriptor, name.split("."), given))
    try:
        return json_format.ParseDict(document, method.request())
    except json_format.ParseError as error:
        raise exceptions.InvalidArgument(f"Invalid JSON payload received. {error}") from error


def _put(document: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        document = document.setdefault(name, {})
    document[path[-1]] = value


def _argument(descriptor: Descriptor, path: list[str], given: list[str]) -> tuple[list[str], Any]:
    """The path of a query's argument in the descriptor's spelling, and its value as JSON has it."""
    field = _field(descriptor, path[0])
    if len(path) > 1 and field.message_type is not None:
        inner, value = _argument(field.message_type, path[1:], given)
        return [field.name, *inner], value
    if field.label == FieldDescriptor.LABEL_REPEATED:
        return [field.name], given
    return [field.name], given[-1].lower() == "true" if field.type == FieldDescriptor.TYPE_BOOL else given[-1]


def _field(descriptor: Descriptor, name: str) -> FieldDescriptor:
    for field in descriptor.fields:
        if name in (field.name, field.json_name):
            return field
    raise exceptions.InvalidArgument(
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
    )
