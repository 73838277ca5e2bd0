"""Paths as Google writes them (`/v1/{name=projects/*/locations/*}:cancel`), matched to what answers them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from google.api_core import exceptions

from cloud.testing.messages import Answer, Request

_VARIABLE = re.compile(r"\{([\w.]+)(?:=([^}]*))?\}")

Routed = Callable[[Request, dict[str, str]], Answer]


@lru_cache(maxsize=4096)
def template_pattern(template: str) -> re.Pattern[str]:
    """A pattern with one group for each variable; `*` is one segment of a path, `**` any number of them."""
    pattern, end = "", 0
    for variable in _VARIABLE.finditer(template):
        pattern += _literal(template[end : variable.start()])
        pattern += f"({_literal(variable.group(2) or '*')})"
        end = variable.end()
    return re.compile(pattern + _literal(template[end:]))


def template_variables(template: str) -> dict[str, str]:
    """The variables of a template, each with the pattern of its value: `{"name": "projects/*/locations/*"}`."""
    return {name: value or "*" for name, value in _VARIABLE.findall(template)}


def match(template: str, path: str) -> dict[str, str] | None:
    """The unescaped values of the template's variables when `path` (escaped) fits it, else None."""
    found = template_pattern(template).fullmatch(path)
    if found is None:
        return None
    return {name: unquote(value) for name, value in zip(template_variables(template), found.groups(), strict=True)}


def _literal(text: str) -> str:
    return re.escape(text).replace(r"\*\*", "§").replace(r"\*", "[^/]+?").replace("§", ".+?")


@dataclass(frozen=True)
class Route:
    """What answers `method` on paths that fit `template`."""

    method: str
    template: str
    handler: Routed


class Router:
    """The routes of one service, tried in the order in which they were added."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.routes: list[Route] = []

    def add(self, method: str, template: str, handler: Routed) -> None:
        """Adds a route; the first that fits answers."""
        self.routes.append(Route(method.upper(), template, handler))

    def __call__(self, request: Request) -> Answer:
        """The answer of the first route that fits.

        Raises:
            NotFound: no route fits. Google would answer with 404, too; our message names the local server.
        """
        for route in self.routes:
            if route.method == request.method:
                values = match(route.template, request.path)
                if values is not None:
                    return route.handler(request, values)
        raise exceptions.NotFound(f"The local {self.service} has no {request.method} {request.path}")
