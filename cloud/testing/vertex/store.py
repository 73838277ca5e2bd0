"""Resources by name, and what every collection of them has in common: create, get, list, update, delete."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import proto
from google.api_core import exceptions
from google.protobuf import json_format

from cloud.testing.filters import parse_filter, value_at
from cloud.testing.vertex.behaviours import behaviours
from cloud.testing.vertex.names import Names
from cloud.testing.vertex.validation import invalid_argument

LARGEST_PAGE = 100
SERVER_FIELDS = ("create_time", "update_time", "etag")


class Store:
    """Every resource of one project, by its canonical name. Used under the lock of the API only."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.resources: dict[str, Any] = {}
        self._ids = itertools.count(int(datetime.now(timezone.utc).timestamp() * 1_000_000) * 1000)

    def new_id(self) -> str:
        """A number of 19 digits that no resource has yet, as the service gives them."""
        return str(next(self._ids))

    def below(self, parent: str, collection: str) -> Iterator[Any]:
        """The resources of a collection, oldest first. A `-` in the parent stands for any one segment."""
        pattern = re.escape(f"{parent}/{collection}/").replace("/\\-/", "/[^/]+/") + "[^/]+"
        for name, resource in list(self.resources.items()):
            if re.fullmatch(pattern, name):
                yield resource


@dataclass(frozen=True)
class Collection:
    """The resources of one kind: `Collection(store, "endpoints", types.Endpoint)`.

    `extra` gives values to filter by that are not fields of the resource; `extra_fields` are their names.
    """

    store: Store
    segment: str
    kind: type[proto.Message]
    id_pattern: str = r"[a-z0-9][a-z0-9-]{0,127}"
    extra: Callable[[Any], Mapping[str, Any]] = lambda _: {}
    extra_fields: tuple[str, ...] = ()

    def add(self, parent: str, resource: Any, resource_id: str = "") -> Any:
        """Keeps a resource under a new name, with the fields that the service sets.

        Raises:
            InvalidArgument: the id is malformed.
            AlreadyExists: it is taken.
        """
        if resource_id and not re.fullmatch(self.id_pattern, resource_id):
            raise invalid_argument(
                [(f"{_snake(self.kind.__name__)}_id", f"{resource_id!r} does not match {self.id_pattern}")]
            )
        name = f"{self.store.names.canonical(parent)}/{self.segment}/{resource_id or self.store.new_id()}"
        if name in self.store.resources:
            raise exceptions.AlreadyExists(f"{self.kind.__name__} {name} already exists.")
        resource.name = name
        if "create_time" in self.kind.meta.fields:
            resource.create_time = now()
        return self.keep(resource)

    def keep(self, resource: Any) -> Any:
        """Stores a changed resource with the time of its change and a new etag."""
        fields = self.kind.meta.fields
        if "update_time" in fields:
            resource.update_time = now()
        if "etag" in fields:
            resource.etag = ""
            resource.etag = hashlib.sha256(self.kind.serialize(resource)).hexdigest()[:16]
        self.store.resources[resource.name] = resource
        return resource

    def get(self, name: str) -> Any:
        """A resource.

        Raises:
            NotFound: there is none of that name.
        """
        found = self.store.resources.get(self.store.names.canonical(name))
        if not isinstance(found, self.kind):
            raise exceptions.NotFound(f"The {self.kind.__name__} does not exist: {name}")
        return found

    def delete(self, name: str) -> Any:
        """Forgets a resource, with all that lies below it."""
        found = self.get(name)
        for each in [name for name in self.store.resources if f"{name}/".startswith(f"{found.name}/")]:
            del self.store.resources[each]
        return found

    def list(self, request: Any, answer: type[proto.Message]) -> Any:
        """One page of the collection, as a List call requests it by filter, order and size.

        Raises:
            InvalidArgument: the filter, the order or the page's token cannot be read.
        """
        return self.page(self.store.below(self.store.names.canonical(request.parent), self.segment), request, answer)

    def page(self, resources: Iterator[Any], request: Any, answer: type[proto.Message]) -> Any:
        """The page of `resources` that a List call requests; the answer's first field holds it."""
        fields = type(request).meta.fields
        known = {*self.kind.meta.fields, *self.extra_fields}
        is_wanted = parse_filter(request.filter if "filter" in fields else "", known)
        found = [each for each in resources if is_wanted(self._document(each))]
        for order in reversed((request.order_by if "order_by" in fields else "").split(",")):
            path, _, direction = order.strip().partition(" ")
            if path:
                found.sort(
                    key=lambda each: str(value_at(self._document(each), path) or ""), reverse=direction == "desc"
                )
        size = min(request.page_size or LARGEST_PAGE, LARGEST_PAGE)
        start = _offset(request.page_token)
        values = {next(iter(answer.meta.fields)): found[start : start + size]}
        return answer(**values, next_page_token=str(start + size) if start + size < len(found) else "")

    def update(self, changed: Any, mask: Any, allowed: tuple[str, ...] = ()) -> Any:
        """Merges the fields that `mask` names into the resource of the same name."""
        return self.keep(self.merge(self.get(changed.name), changed, mask, allowed))

    def merge(self, resource: Any, changed: Any, mask: Any, allowed: tuple[str, ...] = ()) -> Any:
        """Merges the fields that `mask` names into `resource`; with `allowed`, no others may be named.

        Raises:
            InvalidArgument: the mask names a field that does not exist or must not change.
            Aborted: the etag that was sent is not that of the resource.
        """
        if "etag" in self.kind.meta.fields and changed.etag and changed.etag != resource.etag:
            raise exceptions.Aborted(
                f"The etag {changed.etag!r} is not that of the current version, {resource.etag!r}."
            )
        paths = list(mask.paths)
        behaviour = behaviours(self.kind.meta.full_name)
        changeable = set(self.kind.meta.fields) - set(SERVER_FIELDS) - {"name"} - behaviour.output_only
        known = allowed or tuple(sorted(changeable))
        wrong = [path for path in paths if path != "*" and path.split(".")[0] not in known]
        if wrong or not paths:
            raise invalid_argument([("update_mask", f"The mask cannot name {path!r}.") for path in wrong or [""]])
        for path in known if paths == ["*"] else paths:
            _merge(self.kind.pb(resource), self.kind.pb(changed), path.split("."))
        return resource

    def _document(self, resource: Any) -> dict[str, Any]:
        # Without the fields that are not set: a filter does not match what is not there.
        document = json_format.MessageToDict(self.kind.pb(resource), preserving_proto_field_name=True)
        return {**document, **self.extra(resource)}


def now() -> datetime:
    """The time as the service stamps it."""
    return datetime.now(timezone.utc)


def _merge(target: Any, source: Any, path: list[str]) -> None:
    """Sets the field at `path` as it is in `source`; a field that is not set there is cleared."""
    first, *rest = path
    inner = target.DESCRIPTOR.fields_by_name[first].message_type
    if rest and inner is not None and not inner.GetOptions().map_entry and inner.file.package != "google.protobuf":
        _merge(getattr(target, first), getattr(source, first), rest)
        return
    target.ClearField(first)
    part = type(source)()
    part.CopyFrom(source)
    for field, _ in part.ListFields():
        if field.name != first:
            part.ClearField(field.name)
    target.MergeFrom(part)


def _offset(token: str) -> int:
    if token and not token.isdigit():
        raise invalid_argument([("page_token", f"{token!r} is not a token of this service.")])
    return int(token or 0)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
