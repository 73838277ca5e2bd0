"""The form of a request is checked against what Google says of its messages."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types

from cloud.client_messages import client_messages
from cloud.testing.vertex.behaviours import behaviours
from cloud.testing.vertex.validation import check, clear_output_only, invalid_argument

PARENT = "projects/p/locations/us-central1"


def pb(message: Any) -> Any:
    return type(message).pb(message)


def violations(message: Any) -> list[tuple[str, str]]:
    with pytest.raises(exceptions.InvalidArgument) as refused:
        check(pb(message))
    (detail,) = refused.value.details
    return [(each.field, each.description) for each in detail.field_violations]


def test_every_missing_field_is_named_at_once() -> None:
    assert violations(types.CreateHyperparameterTuningJobRequest(hyperparameter_tuning_job={})) == [
        ("parent", "Required field not set."),
        ("hyperparameter_tuning_job.display_name", "Required field not set."),
        ("hyperparameter_tuning_job.study_spec", "Required field not set."),
        ("hyperparameter_tuning_job.trial_job_spec", "Required field not set."),
    ]


def test_fields_are_found_in_lists_and_maps() -> None:
    job = types.CustomJob(display_name="x", job_spec={"worker_pool_specs": [{}, {"container_spec": {"env": [{}]}}]})
    found = dict(violations(types.CreateCustomJobRequest(parent=PARENT, custom_job=job)))
    assert set(found) == {
        "custom_job.job_spec.worker_pool_specs[1].container_spec.image_uri",
        "custom_job.job_spec.worker_pool_specs[1].container_spec.env[0].name",
        "custom_job.job_spec.worker_pool_specs[1].container_spec.env[0].value",
    }


def test_an_update_need_not_hold_what_its_mask_does_not_name() -> None:
    check(pb(types.UpdateEndpointRequest(endpoint={"name": "x"}, update_mask={"paths": ["description"]})))
    missing = violations(types.UpdateEndpointRequest(endpoint={"name": "x"}))
    assert missing == [("update_mask", "Required field not set.")]


def test_a_number_of_zero_may_be_meant() -> None:
    parameter = {"parameter_id": "x", "double_value_spec": {"min_value": 0.0, "max_value": 1.0}}
    check(pb(types.StudySpec(metrics=[{"metric_id": "auc", "goal": "MAXIMIZE"}], parameters=[parameter])))


def test_refuses_fields_that_a_newer_client_knows() -> None:
    message = types.Endpoint.pb().FromString(
        types.Endpoint.serialize(types.Endpoint(display_name="x")) + b"\xfa\x7f\x01x"
    )
    with pytest.raises(exceptions.InvalidArgument, match="unknown to this version"):
        check(message)


@pytest.mark.parametrize(
    ("field", "value"),
    [("model", "7"), ("model", "projects/p/models/7"), ("model", f"{PARENT}/models/7@"), ("service_account", "me")],
)
def test_refuses_names_of_another_form(field: str, value: str) -> None:
    deployed = types.DeployedModel(**{"model": f"{PARENT}/models/7@prod", field: value})
    ((path, text),) = violations(types.DeployModelRequest(endpoint=f"{PARENT}/endpoints/1", deployed_model=deployed))
    assert (path, "malformed" in text) == (f"deployed_model.{field}", True)


def test_what_only_the_service_may_set_is_ignored() -> None:
    endpoint = types.Endpoint(
        name=f"{PARENT}/endpoints/1", display_name="x", deployed_models=[{"id": "1", "model": "m"}], create_time={}
    )
    request = pb(types.UpdateEndpointRequest(endpoint=endpoint))
    clear_output_only(request, kept=["endpoint.name"])
    assert (request.endpoint.name, request.endpoint.display_name) == (f"{PARENT}/endpoints/1", "x")
    assert not request.endpoint.deployed_models and not request.endpoint.HasField("create_time")


def test_the_client_documents_the_behaviour_of_its_fields() -> None:
    # aiplatform 1.165.1 has 1,000 and 642; far fewer would mean that its generator writes otherwise now.
    found = [behaviours(name) for name in client_messages()]
    assert sum(len(each.required) for each in found) > 800
    assert sum(len(each.output_only) for each in found) > 500
    assert behaviours("google.cloud.aiplatform.v1.PipelineJob").output_only >= {"state", "job_detail", "create_time"}
    assert behaviours("google.rpc.Status") == behaviours("no.such.Message")


def test_a_refusal_lists_all_that_is_wrong() -> None:
    assert invalid_argument([("a", "x"), ("b", "y")]).message == (
        "List of found errors:\t1.Field: a; Message: x\t2.Field: b; Message: y"
    )
