"""Predictions by the split of the traffic, answered ahead of the routes of FastAPI, which take longer to find the
function for a path than the function takes. All other requests go there."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from serving.local.router import Router
from serving.protocol.errors import RequestError, exception_handlers


class FastPath:
    """The application for a server: `app` with a short way to its router."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._router: Router = app.state.router
        self._on_error = exception_handlers()
        name = re.escape(self._router.settings.name)
        parents = "models|projects/[^/]+/locations/[^/]+/endpoints"
        self._predictions = re.compile(f"/v1/(?:{parents})/{name}:predict")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if not self._is_prediction(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    def _is_prediction(self, scope: Scope) -> Any:
        if scope["type"] != "http" or scope["method"] != "POST":
            return False
        return self._predictions.fullmatch(scope["path"])

    async def _answer(self, request: Request) -> Any:
        try:
            return await self._router.predict(request)
        except RequestError as refused:
            return await self._on_error[RequestError](request, refused)
        except Exception as problem:
            return await self._on_error[Exception](request, problem)
