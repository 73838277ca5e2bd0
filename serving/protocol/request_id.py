"""The id by which a client, the endpoint and its log speak of one request."""

from __future__ import annotations

import re
import uuid

from starlette.requests import Request

HEADER = "X-Request-Id"
_USABLE = re.compile(r"[\x21-\x7e]{1,128}")


def usable_id(given: str) -> str:
    """What a client sent where it can be used, else a new one."""
    return given if _USABLE.fullmatch(given) else uuid.uuid4().hex


def request_id_of(request: Request) -> str:
    """What the client sent, else a new one; it is the same at every call."""
    known = getattr(request.state, "request_id", None)
    if known is None:
        known = request.state.request_id = usable_id(request.headers.get(HEADER, ""))
    return str(known)
