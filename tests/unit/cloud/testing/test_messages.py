"""Errors are answered as Google's services phrase them, and our own defects say where they are."""

from __future__ import annotations

import json

import pytest
from google.api_core import exceptions

from cloud.testing.messages import Answer, Request, answered
from cloud.testing.vertex.validation import invalid_argument


def test_a_refusal_carries_its_fields() -> None:
    def refuse(_: Request) -> Answer:
        raise invalid_argument([("endpoint.display_name", "Required field not set.")])

    answer = answered(refuse, Request("POST", "/"))
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["details"][0]["fieldViolations"] == [
        {"field": "endpoint.display_name", "description": "Required field not set."}
    ]


def test_a_defect_of_ours_is_an_error_500_with_its_traceback() -> None:
    answer = answered(lambda _: Answer(200 // 0), Request("GET", "/"))
    assert answer.status == 500
    assert "ZeroDivisionError" in json.loads(answer.body)["error"]["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_refuses_a_body_that_is_no_json_object(body: bytes) -> None:
    with pytest.raises(exceptions.BadRequest, match="Invalid JSON payload"):
        Request("POST", "/", body=body).json()
