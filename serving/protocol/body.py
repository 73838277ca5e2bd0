"""The body of a request, read up to a limit and never beyond it."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from serving.protocol.errors import RequestError

# What Vertex takes on its shared endpoints.
BODY_LIMIT = 1_500_000
SIGNATURE = "serving_default"
PROTOBUF = "application/x-protobuf"  # a PredictRequest instead of JSON, and a PredictResponse as its answer
# orjson parses by recursion; deeper bodies are no instances of any signature.
_REQUEST_KEYS = {"instances", "parameters", "signature_name"}


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body.

    Raises:
      RequestError: 413 when it is longer than `limit` bytes, 400 when the client went away.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
    except ClientDisconnect as gone:
        raise RequestError(400, "the client went away before its request was read") from gone
    return b"".join(parts)


def instances_of(body: bytes) -> list[Any]:
    """The instances of a request in Vertex' form `{"instances": […], "parameters": …}`.

    Raises:
      RequestError: 400 when the body is not of that form.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise RequestError(400, f"the body is not JSON: {problem}") from problem
    if not isinstance(found, dict) or "instances" not in found:
        raise RequestError(400, 'the body must be an object with a list "instances": {"instances": [{…}]}')
    if unknown := sorted(set(found) - _REQUEST_KEYS):
        raise RequestError(400, f'the body has a key "{unknown[0][:60]}"; known keys: instances, parameters')
    check_signature(found.get("signature_name"))
    if not isinstance(found.get("parameters"), dict | None):
        raise RequestError(400, '"parameters" must be an object')
    instances = found["instances"]
    if not isinstance(instances, list) or not instances:
        raise RequestError(400, '"instances" must be a list of at least one instance')
    return instances


def check_signature(name: Any) -> None:
    """Checks the name of the signature in a request, which may be absent.

    Raises:
      RequestError: 400 when it is another one than the served.
    """
    if name not in (None, "", SIGNATURE):
        raise RequestError(400, f'"signature_name" must be "{SIGNATURE}" or absent')


def _too_large(limit: int) -> RequestError:
    return RequestError(413, f"the body is larger than {limit} bytes, the limit of this endpoint")
