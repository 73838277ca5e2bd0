"""What Vertex AI says of an endpoint, in the words of the contract."""

from __future__ import annotations

from google.cloud.aiplatform_v1 import types

from cloud.endpoint.deployment import PREVIOUS_LABEL, state_of
from serving.contract import DeployedModel


def test_the_state_has_the_oldest_model_first_and_the_way_back() -> None:
    models = [
        types.DeployedModel(id="12", display_name="taxi@102", create_time="2026-11-02T00:00:00Z"),
        types.DeployedModel(id="11", display_name="taxi@101", create_time="2026-11-01T00:00:00Z"),
    ]
    labels = {PREVIOUS_LABEL: "11-100"}
    split = {"11": 100, "12": 0}
    state = state_of(types.Endpoint(etag="a", deployed_models=models, traffic_split=split, labels=labels))
    assert state.deployed == (DeployedModel("11", "taxi", "101", True), DeployedModel("12", "taxi", "102", True))
    assert (state.etag, state.traffic, state.previous) == ("a", {"11": 100}, {"11": 100})


def test_a_model_that_was_deployed_by_hand_has_its_own_name() -> None:
    by_hand = types.DeployedModel(id="9", display_name="an experiment", model_version_id="3")
    [found] = state_of(types.Endpoint(deployed_models=[by_hand])).deployed
    assert (found.model, found.version) == ("an experiment", "3")
