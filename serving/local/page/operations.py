"""The operations of an OpenAPI description in the order and the words of a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Field:
    """One input of an instance."""

    name: str
    kind: str
    required: bool


@dataclass(frozen=True)
class Operation:
    """One path and method. `fields` are those of an instance, where it takes a body."""

    method: str
    path: str
    text: str
    fields: tuple[Field, ...]
    errors: Mapping[str, str]


def operations_of(description: Mapping[str, Any]) -> list[Operation]:
    """Every operation, in the order of the paths."""
    schemas = description.get("components", {}).get("schemas", {})
    fields = _fields(schemas.get("Request", {}))
    return [
        _operation(method, path, plain, fields)
        for path, methods in description["paths"].items()
        for method, plain in methods.items()
    ]


def _operation(method: str, path: str, plain: Mapping[str, Any], fields: tuple[Field, ...]) -> Operation:
    takes_body = "requestBody" in plain
    text = plain.get("description") or plain.get("summary", "")
    errors = {code: each["description"] for code, each in plain["responses"].items() if code.startswith(("4", "5"))}
    # What FastAPI adds for parameters of the path; none of them can be wrong in this way.
    errors.pop("422", None)
    return Operation(method.upper(), path, text, fields if takes_body else (), errors if takes_body else {})


def _fields(request: Mapping[str, Any]) -> tuple[Field, ...]:
    instance = request.get("properties", {}).get("instances", {}).get("items", {})
    required = instance.get("required", ())
    return tuple(
        Field(name, _kind(schema), name in required) for name, schema in instance.get("properties", {}).items()
    )


def _kind(schema: Mapping[str, Any]) -> str:
    """`number`, or `28 × 28 × 1 integer`."""
    plain = schema.get("anyOf", [schema])[0]
    sizes = []
    while plain["type"] == "array":
        sizes.append(str(plain["maxItems"]))
        plain = plain["items"]
    return " ".join([" × ".join(sizes), plain["type"]]).strip()
