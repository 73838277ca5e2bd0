"""The page of an endpoint at `/`, its API as a page at `/docs`, and the two answers that the page reads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from fastapi import FastAPI, Request
from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined
from starlette.responses import Response

from serving.local.page.operations import operations_of
from serving.local.page.state import form_of, state_of
from serving.local.router import Router
from serving.protocol.errors import JSON, RequestError

# Nothing is loaded from elsewhere, and nothing runs but the files below; `data:` and `blob:` are images.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_TYPES = {"js": "text/javascript", "css": "text/css"}
_SCRIPTS = ("main.js", "calls.js", "state.js", "form.js", "image.js", "answer.js", "elements.js")


def add_page(app: FastAPI, router: Router) -> None:
    """Adds the page. It holds no value of the model: what it shows it asks for, with the token where one is set."""
    name, token = router.settings.name, bool(router.settings.token)

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return _html("page", name=name, token=token)

    @app.get("/page/files/{file}", include_in_schema=False)
    async def page_file(file: str) -> Response:
        content = _files().get(file)
        if content is None:
            raise RequestError(404, f'the page has no file "{file[:100]}"')
        return Response(content, media_type=_TYPES[file.rsplit(".", 1)[1]], headers=_HEADERS)

    @app.get("/page/state", include_in_schema=False)
    async def state(request: Request) -> Response:
        router.check_token(request)
        return Response(orjson.dumps(state_of(router)), media_type=JSON)

    @app.get("/page/form", include_in_schema=False)
    async def form(request: Request) -> Response:
        router.check_token(request)
        return Response(orjson.dumps(form_of(router)), media_type=JSON)

    if not token:

        @app.get("/docs", include_in_schema=False)
        async def docs() -> Response:
            return _html("docs", name=name, token=token, operations=operations_of(app.openapi()))


def _html(template: str, **values: Any) -> Response:
    text = _environment().get_template(f"page/{template}.html.j2").render(**values)
    return Response(text, media_type="text/html", headers=_HEADERS)


@cache
def _files() -> Mapping[str, bytes]:
    """The files that the page loads. Its colours are those of the report."""
    folder = files("serving.local.page") / "assets"
    found = {name: (folder / name).read_bytes() for name in _SCRIPTS}
    return {**found, "page.css": _environment().get_template("page/page.css.j2").render().encode()}


@cache
def _environment() -> Environment:
    folders = {"page": PackageLoader("serving.local.page", "assets"), "report": PackageLoader("report")}
    return Environment(
        loader=PrefixLoader(folders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
