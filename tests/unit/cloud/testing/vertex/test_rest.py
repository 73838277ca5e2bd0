"""REST reads paths, bodies and queries as the API's bindings say, and refuses what no message has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloud.testing.faults import Faults
from cloud.testing.messages import Handler, Request, answered
from cloud.testing.storage.objects import ObjectStore
from cloud.testing.vertex.names import Names
from cloud.testing.vertex.rest import rest_router
from cloud.testing.vertex.server import vertex_api

PLACE = "/v1/projects/p/locations/us-central1"


@pytest.fixture
def router() -> Handler:
    return rest_router(vertex_api(Names("p", "123"), ObjectStore(), Faults()))


def call(router: Handler, method: str, target: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    request = Request.of(method, target, {}, json.dumps(body).encode() if body is not None else b"", "http://x")
    answer = answered(router, request)
    return answer.status, json.loads(answer.body)


def test_a_resource_is_made_changed_listed_and_deleted(router: Handler) -> None:
    status, operation = call(router, "POST", f"{PLACE}/endpoints?endpointId=one", {"displayName": "One"})
    assert (status, operation["done"], operation["response"]["displayName"]) == (200, True, "One")
    name = operation["response"]["name"]
    assert name == "projects/123/locations/us-central1/endpoints/one"
    changed = call(
        router, "PATCH", f"/v1/{name}?updateMask=description,labels", {"description": "d", "labels": {"a": "b"}}
    )
    assert (changed[0], changed[1]["displayName"], changed[1]["labels"]) == (200, "One", {"a": "b"})
    for number in range(3):
        call(router, "POST", f"{PLACE}/endpoints", {"displayName": f"Other {number}"})
    status, page = call(router, "GET", f"{PLACE}/endpoints?pageSize=3&orderBy=display_name%20desc")
    assert [each["displayName"] for each in page["endpoints"]] == ["Other 2", "Other 1", "Other 0"]
    status, page = call(
        router, "GET", f"{PLACE}/endpoints?pageSize=3&orderBy=display_name%20desc&pageToken={page['nextPageToken']}"
    )
    assert [each["displayName"] for each in page["endpoints"]] == ["One"]
    assert "nextPageToken" not in page
    status, deleted = call(router, "DELETE", f"/v1/{name}")
    assert call(router, "GET", f"/ui/{deleted['name']}")[1]["done"]
    assert call(router, "GET", f"/v1/{name}")[0] == 404


@pytest.mark.parametrize(
    ("target", "body", "sentence"),
    [
        ("/endpoints", {"displayNmae": "x"}, 'no field named "displayNmae"'),
        ("/endpoints", {"displayName": 7}, "displayName"),
        ("/endpoints?endpointIdd=x", {"displayName": "x"}, 'Unknown name "endpointIdd"'),
        ("/endpoints?endpointId=_x", {"displayName": "x"}, "endpoint_id"),
        (
            "/customJobs",
            {"displayName": "x", "jobSpec": {"workerPoolSpecs": [{"replicaCount": "many"}]}},
            "replicaCount",
        ),
        ("/endpoints", {}, "endpoint.display_name; Message: Required field not set."),
        ("/endpoints", {"displayName": "x", "encryptionSpec": {"kmsKeyName": "key"}}, "kms_key_name"),
    ],
)
def test_refuses_what_the_message_does_not_have(
    router: Handler, target: str, body: dict[str, Any], sentence: str
) -> None:
    status, answer = call(router, "POST", f"{PLACE}{target}", body)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert sentence in answer["error"]["message"]


def test_refuses_a_name_of_an_enum_that_does_not_exist(router: Handler) -> None:
    machine = {"machineType": "n1-standard-4", "acceleratorType": "NVIDIA_L5", "acceleratorCount": 1}
    body = {"displayName": "x", "jobSpec": {"workerPoolSpecs": [{"machineSpec": machine}]}}
    status, answer = call(router, "POST", f"{PLACE}/customJobs", body)
    assert status == 400
    assert "NVIDIA_L5" in answer["error"]["message"]
    assert "workerPoolSpecs[0].machineSpec.acceleratorType" in answer["error"]["message"]


def test_a_filter_that_cannot_be_read_is_refused(router: Handler) -> None:
    assert call(router, "GET", f"{PLACE}/models?filter=display_name%3D")[0] == 400


def test_enums_are_numbers_for_those_who_ask(router: Handler) -> None:
    workers = [
        {"machineSpec": {"machineType": "n1-standard-4"}, "replicaCount": "1", "containerSpec": {"imageUri": "i"}}
    ]
    body = {"displayName": "x", "jobSpec": {"workerPoolSpecs": workers}}
    assert call(router, "POST", f"{PLACE}/customJobs", body)[1]["state"] == "JOB_STATE_PENDING"
    answer = call(router, "POST", f"{PLACE}/customJobs?%24alt=json%3Benum-encoding%3Dint", body)[1]
    assert answer["state"] == 2
