"""Listing a bucket by prefix and delimiter, page by page."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from google.api_core import exceptions

from cloud.testing.messages import Request
from cloud.testing.storage.objects import StoredObject
from cloud.testing.storage.resources import number

LARGEST_PAGE = 1000

# Options that change the result and are not served here: refused, for an answer without them would be a wrong one.
NOT_SERVED = ("matchGlob", "filter", "softDeleted", "versions")


@dataclass(frozen=True)
class Query:
    """The parameters of a client's request. `after` is where the previous page ended."""

    prefix: str = ""
    delimiter: str = ""
    start: str = ""
    end: str = ""
    after: str = ""
    page_size: int = LARGEST_PAGE
    folders_as_objects: bool = False

    @classmethod
    def of(cls, request: Request) -> Query:
        """The query of an `objects.list` request.

        Raises:
            MethodNotImplemented: it has an option that the local server does not serve.
        """
        for name in NOT_SERVED:
            if request.argument(name) not in ("", "false"):
                raise exceptions.MethodNotImplemented(f"The local Cloud Storage does not serve {name}.")
        return cls(
            prefix=request.argument("prefix"),
            delimiter=request.argument("delimiter"),
            start=request.argument("startOffset"),
            end=request.argument("endOffset"),
            after=base64.urlsafe_b64decode(request.argument("pageToken")).decode(),
            page_size=min(number(request, "maxResults") or LARGEST_PAGE, LARGEST_PAGE),
            folders_as_objects=request.argument("includeTrailingDelimiter") == "true",
        )


@dataclass(frozen=True)
class Page:
    """Objects and, below the delimiter, common prefixes; `token` is empty on the last page."""

    objects: list[StoredObject]
    prefixes: list[str]
    token: str


def page(objects: Iterable[StoredObject], query: Query) -> Page:
    """The page of `objects` (in order) that `query` requests. Objects and prefixes both count against its size."""
    found: list[StoredObject] = []
    prefixes: list[str] = []
    last = ""
    for item in objects:
        entry = _entry(item.name, query)
        if entry is None or (query.after and entry <= query.after) or (prefixes and entry == prefixes[-1]):
            continue
        if len(found) + len(prefixes) == query.page_size:
            return Page(found, prefixes, base64.urlsafe_b64encode(last.encode()).decode())
        last = entry
        if entry != item.name or _is_folder(item.name, query):
            prefixes.append(entry)
        if entry == item.name and (query.folders_as_objects or not _is_folder(item.name, query)):
            found.append(item)
    return Page(found, prefixes, "")


def _entry(name: str, query: Query) -> str | None:
    """The name itself, the common prefix that stands for it, or None when it is not requested."""
    if not name.startswith(query.prefix) or name < query.start or (query.end and name >= query.end):
        return None
    end = name.find(query.delimiter, len(query.prefix)) if query.delimiter else -1
    return name if end < 0 else name[: end + len(query.delimiter)]


def _is_folder(name: str, query: Query) -> bool:
    """Whether the name is itself a common prefix: it ends with its only delimiter after the query's prefix."""
    return bool(query.delimiter) and name[len(query.prefix) :].find(query.delimiter) >= 0
