"""An OpenAPI description as the page of the API shows it."""

from __future__ import annotations

from typing import Any

from serving.local.page.operations import Field, Operation, operations_of
from serving.protocol.openapi import with_instances

FEATURES = [
    {"name": "fare", "kind": "float32", "shape": [], "missing": True},
    {"name": "image", "kind": "int64", "shape": [28, 28, 1], "missing": False},
]


def _described() -> dict[str, Any]:
    plain = {"summary": "Predict", "description": "Predict, by the split.", "responses": {"200": {}, "422": {}}}
    for response in plain["responses"].values():  # type: ignore[attr-defined]
        response["description"] = "as FastAPI has it"
    paths = {
        "/v1/models/{model}:predict": {"post": plain},
        "/healthz": {"get": {"summary": "Health", "responses": {"200": {"description": "fine"}}}},
    }
    return with_instances({"paths": paths}, FEATURES)


def test_an_operation_with_a_body_has_the_inputs_of_the_signature_and_its_errors() -> None:
    predict, _ = operations_of(_described())
    assert (predict.method, predict.path, predict.text) == (
        "POST",
        "/v1/models/{model}:predict",
        "Predict, by the split.",
    )
    assert predict.fields == (Field("fare", "number", False), Field("image", "28 × 28 × 1 integer", True))
    assert predict.errors["400"] == "the request does not fit the signature"
    assert "422" not in predict.errors and "200" not in predict.errors


def test_an_operation_without_a_body_has_neither() -> None:
    _, health = operations_of(_described())
    assert health == Operation("GET", "/healthz", "Health", (), {})


def test_before_a_version_is_loaded_there_are_no_inputs() -> None:
    described = with_instances({"paths": {"/p:predict": {"post": {"summary": "Predict", "responses": {}}}}}, [])
    assert operations_of(described)[0].fields == ()
