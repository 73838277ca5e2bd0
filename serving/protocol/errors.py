"""Errors as Vertex answers them: `{"error": {"code": 400, "message": …, "status": "INVALID_ARGUMENT"}}`."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serving.protocol.request_id import HEADER, request_id_of

JSON = "application/json"
DEFECT = "the endpoint failed; its log says why"  # the answer to an exception that nobody foresaw
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    405: "INVALID_ARGUMENT",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    431: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
# Whoever was refused for lack of room or of a server may come again; a 401 names what is asked for, by RFC 9110.
ERROR_HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "1"},
}


class RequestError(Exception):
    """A request that is answered with an error; `message` is for the client."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def error_response(code: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """The error as a response."""
    extra = {**ERROR_HEADERS.get(code, {}), **(headers or {})}
    return Response(error_body(code, message), status_code=code, media_type=JSON, headers=extra)


def error_body(code: int, message: str) -> bytes:
    """The body of such a response."""
    return orjson.dumps({"error": {"code": code, "message": message, "status": STATUS.get(code, "UNKNOWN")}})


def exception_handlers() -> dict[Any, Any]:
    """Every error as Vertex answers it, and never a traceback."""

    async def refused(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, RequestError)
        return error_response(problem.code, problem.message, {HEADER: request_id_of(request)})

    async def unrouted(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        message = f"{request.method} {request.url.path}: {problem.detail}"
        return error_response(problem.status_code, message, dict(problem.headers or {}))

    async def defect(request: Request, problem: Exception) -> Response:
        logging.getLogger(__name__).error("%s %s", request.method, request.url.path, exc_info=problem)
        return error_response(500, DEFECT)

    return {RequestError: refused, HTTPException: unrouted, Exception: defect}
