"""Requests and answers of the local servers, apart from any transport, and errors as Google's services phrase them."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.api_core import exceptions
from google.protobuf import json_format

# What old JSON APIs (Cloud Storage among them) give as the reason of a status.
REASONS = {400: "invalid", 401: "authError", 403: "forbidden", 404: "notFound", 409: "conflict", 412: "conditionNotMet"}


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` is as it was sent, so that an escaped slash in a name is still escaped."""

    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    origin: str = "http://localhost"  # scheme and host that the client sees
    caller: str = ""  # the account whose token came with the request

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str], body: bytes, origin: str) -> Request:
        """The request for `target`, a path with a query as it stands in the first line of a request."""
        parts = urlsplit(target)
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method, parts.path, parse_qs(parts.query, keep_blank_values=True), lower, body, origin)

    def argument(self, name: str, default: str = "") -> str:
        """The last value of the query's argument `name`."""
        return self.query.get(name, [default])[-1]

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body is an empty object.

        Raises:
            BadRequest: the body is not a JSON object.
        """
        try:
            document = json.loads(self.body or b"{}")
        except ValueError as error:
            raise exceptions.BadRequest(f"Invalid JSON payload received. {error}") from error
        if not isinstance(document, dict):
            raise exceptions.BadRequest("Invalid JSON payload received. Unknown name: Root element must be a message.")
        return document


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any], status: int = 200) -> Answer:
        """A JSON answer."""
        return cls(status, json.dumps(document).encode(), {"Content-Type": "application/json; charset=UTF-8"})


Handler = Callable[[Request], Answer]


def error_answer(error: exceptions.GoogleAPICallError) -> Answer:
    """The error as Google's REST services send it, both for new clients (`status`) and old ones (`errors`)."""
    code = int(error.code or 500)
    message = error.message
    status = error.grpc_status_code.name if error.grpc_status_code else "UNKNOWN"
    reason = REASONS.get(code, "backendError")
    details = [{"@type": _type_url(each), **json_format.MessageToDict(each)} for each in error.details]
    errors = [{"message": message, "domain": "global", "reason": reason}]
    body = {"code": code, "message": message, "status": status, "errors": errors, "details": details}
    return Answer.of({"error": body}, code)


def answered(handler: Handler, request: Request) -> Answer:
    """What `handler` answers; its refusals become error answers, and so do our own defects (500 with a traceback)."""
    try:
        return handler(request)
    except exceptions.GoogleAPICallError as error:
        return error_answer(error)
    except Exception:
        return error_answer(exceptions.InternalServerError(f"Defect of the local server:\n{traceback.format_exc()}"))


def _type_url(message: Any) -> str:
    return f"type.googleapis.com/{message.DESCRIPTOR.full_name}"
