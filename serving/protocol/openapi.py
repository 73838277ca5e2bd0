"""The OpenAPI page's description of a request, made from the signature of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_TYPES = {"bool": "boolean", "string": "string", "float32": "number", "float64": "number"}
_ERRORS = {
    "400": "the request does not fit the signature",
    "401": "the token is missing",
    "413": "the body is too large",
    "429": "too many requests wait",
    "503": "the version does not answer",
}


def with_instances(page: dict[str, Any], features: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The page with bodies and errors at every path of predictions; `features` as a worker reports them."""
    properties = {each["name"]: _schema(each) for each in features}
    required = [each["name"] for each in features if not each["missing"]]
    instance = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    request = {
        "type": "object",
        "required": ["instances"],
        "properties": {
            "instances": {"type": "array", "minItems": 1, "items": instance},
            "parameters": {"type": "object"},
        },
    }
    content = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Request"}}}}
    page.setdefault("components", {}).setdefault("schemas", {})["Request"] = request
    for path, methods in page["paths"].items():
        if path.endswith((":predict", ":rawPredict")):
            methods["post"]["requestBody"] = content
            methods["post"]["responses"].update({code: {"description": text} for code, text in _ERRORS.items()})
    return page


def _schema(feature: Mapping[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _TYPES.get(feature["kind"], "integer"), "format": feature["kind"]}
    for size in reversed(feature["shape"]):
        schema = {"type": "array", "minItems": size, "maxItems": size, "items": schema}
    return {"anyOf": [schema, {"type": "null"}]} if feature["missing"] else schema
