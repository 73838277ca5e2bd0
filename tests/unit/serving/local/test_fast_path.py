"""Predictions by the split go straight to the router; all else goes the way of the application, errors too."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from serving.local.fast_path import FastPath
from serving.local.router import RouterSettings
from serving.protocol.errors import RequestError, exception_handlers


class _Router:
    """Answers by what the body says."""

    settings = RouterSettings("a.b")

    async def predict(self, request: Request) -> Response:
        body = await request.body()
        if body == b"refuse":
            raise RequestError(429, "too many")
        if body == b"fail":
            raise ValueError("a defect")
        return Response(b"straight")


def _asked(method: str, path: str, body: bytes = b"") -> httpx.Response:
    app = FastAPI(exception_handlers=exception_handlers())
    app.state.router = _Router()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def any_other(path: str) -> Response:
        return Response(f"by the application: {path}")

    async def run() -> httpx.Response:
        transport: Any = httpx.ASGITransport(FastPath(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, content=body)

    return asyncio.run(run())


@pytest.mark.parametrize("parent", ["/v1/models", "/v1/projects/p/locations/us-central1/endpoints"])
def test_predictions_go_straight(parent: str) -> None:
    assert _asked("POST", f"{parent}/a.b:predict").text == "straight"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/a.b:predict"),
        ("POST", "/v1/models/aXb:predict"),
        ("POST", "/v1/models/a.b/versions/1:predict"),
        ("POST", "/v1/projects/p/locations/l/endpoints/a.b:rawPredict"),
        ("POST", "/x/v1/models/a.b:predict"),
        ("POST", "/v1/models/a.b:predict/"),
    ],
)
def test_all_else_goes_the_way_of_the_application(method: str, path: str) -> None:
    assert _asked(method, path).text == f"by the application: {path[1:]}"


def test_errors_are_those_of_the_application(caplog: pytest.LogCaptureFixture) -> None:
    refused = _asked("POST", "/v1/models/a.b:predict", b"refuse")
    assert (refused.status_code, refused.json()["error"]["message"]) == (429, "too many")
    failed = _asked("POST", "/v1/models/a.b:predict", b"fail")
    assert (failed.status_code, failed.json()["error"]["status"]) == (500, "INTERNAL")
    assert "a defect" in caplog.text and "defect" not in failed.text
