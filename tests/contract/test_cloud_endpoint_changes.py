"""How the endpoint on Vertex AI is made and changed: options, lost answers, other people, quotas. Nothing is served."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import EndpointServiceClient, types

from cloud.calls import Patience
from cloud.endpoint.backend import VertexEndpoint
from cloud.endpoint.options import EndpointOptions
from cloud.pipeline_jobs import Transport
from cloud.testing.cloud import LocalCloud
from core.errors import ExitCode, SluiceError
from serving.backends import endpoint_at
from serving.contract import (
    DeployError,
    EndpointChangedError,
    EndpointDownError,
    EndpointState,
    HasTrafficError,
    InvalidTrafficError,
    ModelVersion,
    PredictionRefusedError,
    UnknownVersionError,
)

REGION = "europe-west4"
IMAGE = f"{REGION}-docker.pkg.dev/my-project/sluice/serving@sha256:{'0' * 64}"
QUICK = Patience(one_try=20, first_wait=0.01, longest_wait=0.02, altogether=20)
STABLE, CANARY = ModelVersion("1", "taxi", "1"), ModelVersion("2", "taxi", "2")
AWAY = exceptions.ServiceUnavailable("Try again.")


@pytest.fixture
def options(cloud: LocalCloud) -> EndpointOptions:
    bucket = f"bucket-{uuid.uuid4().hex[:8]}"
    cloud.storage.create_bucket(bucket, REGION)
    for version in ("1", "2"):
        cloud.storage.write(bucket, f"serving/taxi/{version}/saved_model.pb", f"graph {version}".encode())
    return EndpointOptions(
        project=cloud.project,
        region=REGION,
        environment=uuid.uuid4().hex[:8],
        versions=f"gs://{bucket}/serving/taxi",
        serving_image=IMAGE,
    )


def endpoint_with(options: EndpointOptions, transport: Transport = "grpc", **changes: Any) -> VertexEndpoint:
    return VertexEndpoint(options.model_copy(update=changes), "taxi", transport, QUICK)


def both_deployed(endpoint: VertexEndpoint) -> EndpointState:
    """Two versions, the first with all traffic."""
    endpoint.deploy(STABLE)
    endpoint.set_traffic({"1": 100}, endpoint.state().etag)
    endpoint.deploy(CANARY)
    return endpoint.state()


def endpoints_of(options: EndpointOptions) -> list[types.Endpoint]:
    """As Vertex AI has them: the first endpoint and that of the candidates."""
    client = EndpointServiceClient(client_options={"api_endpoint": options.place.host})
    named = options.endpoint_id("taxi")
    return [client.get_endpoint(name=f"{options.place.parent}/endpoints/{named}{end}") for end in ("", "-candidate")]


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_an_endpoint_that_nobody_made_is_empty_until_the_first_version_is_deployed(
    options: EndpointOptions, transport: Transport
) -> None:
    endpoint = endpoint_with(options, transport)
    assert (endpoint.state().deployed, endpoint.state().traffic) == ((), {})
    with pytest.raises(EndpointDownError, match="nothing was deployed yet"):
        endpoint.predict([{}])
    with pytest.raises(UnknownVersionError, match="deployed: none"):
        endpoint.set_traffic({"1": 100}, endpoint.state().etag)
    assert endpoint.deploy(STABLE).ready
    assert endpoint.set_traffic({"1": 100}, endpoint.state().etag).traffic == {"1": 100}


def test_machines_replicas_and_the_log_are_those_of_the_options(options: EndpointOptions) -> None:
    endpoint_with(
        options,
        machine_type="g2-standard-8",
        accelerator_type="NVIDIA_L4",
        accelerator_count=1,
        min_replicas=2,
        max_replicas=5,
        cpu_target=70,
        spot=True,
        service_account="serving@my-project.iam.gserviceaccount.com",
        log_table="bq://my-project.serving.taxi",
        log_share=0.25,
        labels="team=rides",
    ).deploy(STABLE)
    main, candidates = endpoints_of(options)
    [deployed], [copy] = main.deployed_models, candidates.deployed_models
    resources = deployed.dedicated_resources
    assert (resources.machine_spec.machine_type, resources.machine_spec.accelerator_type.name) == (
        "g2-standard-8",
        "NVIDIA_L4",
    )
    assert (resources.min_replica_count, resources.max_replica_count, resources.spot) == (2, 5, True)
    targets = {each.metric_name.rpartition("online/")[2]: each.target for each in resources.autoscaling_metric_specs}
    assert targets == {"cpu/utilization": 70, "accelerator/duty_cycle": 60}
    assert deployed.service_account == "serving@my-project.iam.gserviceaccount.com"
    log = main.predict_request_response_logging_config
    assert (log.enabled, log.sampling_rate, log.bigquery_destination.output_uri) == (
        True,
        0.25,
        "bq://my-project.serving.taxi",
    )
    assert main.dedicated_endpoint_enabled and main.labels["team"] == "rides"
    # A copy is one machine, and golden requests are not logged as served ones.
    assert (copy.dedicated_resources.min_replica_count, copy.dedicated_resources.max_replica_count) == (1, 1)
    assert not candidates.predict_request_response_logging_config.enabled


def test_another_share_of_the_log_is_taken_over_by_the_next_deployment(options: EndpointOptions) -> None:
    table = "bq://my-project.serving.taxi"
    endpoint_with(options, log_table=table).deploy(STABLE)
    for changes, expected in (({"log_table": table, "log_share": 0.5}, (True, 0.5)), ({}, (False, 0.0))):
        endpoint_with(options, **changes).deploy(CANARY if expected[0] else ModelVersion("3", "taxi", "1"))
        log = endpoints_of(options)[0].predict_request_response_logging_config
        assert (log.enabled, log.sampling_rate) == expected


def test_a_private_endpoint_is_reached_at_its_own_address_alone(options: EndpointOptions) -> None:
    endpoint = endpoint_with(options, private_projects="my-network-project")
    endpoint.deploy(STABLE)
    main, _ = endpoints_of(options)
    assert main.private_service_connect_config.project_allowlist == ["my-network-project"]
    assert not main.dedicated_endpoint_enabled
    with pytest.raises(EndpointDownError, match="its address in this network is not known"):
        endpoint.predict([{}])


def test_the_version_is_one_of_the_workloads_model_with_its_push_and_its_number(options: EndpointOptions) -> None:
    both_deployed(endpoint_with(options))
    main, _ = endpoints_of(options)
    assert [each.model_version_id for each in main.deployed_models] == ["1", "2"]
    assert {each.model.rpartition("/")[2] for each in main.deployed_models} == {f"sluice-taxi-{options.environment}"}
    assert [each.display_name for each in main.deployed_models] == ["taxi@1", "taxi@2"]


@pytest.mark.parametrize(
    "method", ["CreateEndpoint", "DeployModel", "UpdateEndpoint", "UndeployModel", "UploadModel", "GetEndpoint"]
)
def test_a_call_whose_answer_was_lost_is_not_made_twice(
    options: EndpointOptions, cloud: LocalCloud, method: str
) -> None:
    endpoint = endpoint_with(options)
    cloud.faults.fail_next(AWAY, f"*.{method}", served=True)
    state = both_deployed(endpoint)
    state = endpoint.set_traffic({"1": 90, "2": 10}, state.etag)
    assert (state.traffic, state.previous) == ({"1": 90, "2": 10}, {"1": 100})
    state = endpoint.rollback(state.etag)
    assert [each.deployed_id for each in endpoint.undeploy("2").deployed] == ["1"]
    main, candidates = endpoints_of(options)
    assert ([each.id for each in main.deployed_models], list(candidates.deployed_models)) == (["1"], [])
    cloud.faults.forget()


def test_a_copy_goes_once_its_model_has_all_traffic_and_the_one_before_is_removed(options: EndpointOptions) -> None:
    endpoint = endpoint_with(options)
    state = both_deployed(endpoint)
    assert [each.id for each in endpoints_of(options)[1].deployed_models] == ["1", "2"]
    endpoint.set_traffic({"2": 100}, state.etag)
    endpoint.undeploy("1")
    main, candidates = endpoints_of(options)
    assert [each.id for each in main.deployed_models] == ["2"]
    assert not candidates.deployed_models
    # Machines are paid for one model again; the next canary needs no copy of the stable version.
    with pytest.raises(UnknownVersionError):
        endpoint.predict([{}], deployed_id="1")


def test_a_model_that_shares_the_traffic_without_a_copy_is_not_asked_by_its_id(options: EndpointOptions) -> None:
    endpoint = endpoint_with(options)
    state = both_deployed(endpoint)
    endpoint.undeploy("3")
    endpoint.set_traffic({"1": 90, "2": 10}, state.etag)
    with pytest.raises(PredictionRefusedError, match="90 % of the traffic and no copy") as refused:
        endpoint.predict([{}], deployed_id="1")
    assert refused.value.code == 409


def test_an_error_of_the_model_is_an_answer_and_not_tried_again(options: EndpointOptions, cloud: LocalCloud) -> None:
    def failing(deployed: Any, instances: list[Any]) -> list[Any]:
        asked.append(deployed.id)
        if len(asked) == 2:
            raise exceptions.InternalServerError("the model failed")
        return instances

    asked: list[str] = []
    endpoint = endpoint_with(options)
    endpoint.deploy(STABLE)
    cloud.vertex.backend.predictor = failing
    try:
        assert list(endpoint.predict([1.0], deployed_id="1").predictions) == [1.0]
        with pytest.raises(PredictionRefusedError, match="the model failed"):
            endpoint.predict([1.0], deployed_id="1")
    finally:
        cloud.vertex.backend.predictor = None
    assert asked == ["1", "1"]


def test_a_copy_that_somebody_else_undeployed_is_asked_for_no_more(options: EndpointOptions, cloud: LocalCloud) -> None:
    endpoint, other = endpoint_with(options), endpoint_with(options)
    both_deployed(endpoint)
    cloud.vertex.backend.predictor = lambda _, instances: instances
    try:
        assert endpoint.predict([1.0], deployed_id="2").deployed_id == "2"
        other.undeploy("2")
        with pytest.raises(UnknownVersionError):
            endpoint.predict([1.0], deployed_id="2")
    finally:
        cloud.vertex.backend.predictor = None


def test_of_two_rollouts_at_once_one_changes_the_traffic(options: EndpointOptions) -> None:
    etag = both_deployed(endpoint_with(options)).etag
    splits = [{"1": 90, "2": 10}, {"2": 100}]
    ends: list[object] = []
    together = threading.Barrier(len(splits))

    def change(split: dict[str, int]) -> None:
        endpoint = endpoint_with(options)
        endpoint.state()
        together.wait()
        try:
            ends.append(endpoint.set_traffic(split, etag).traffic)
        except EndpointChangedError as refused:
            ends.append(refused)

    threads = [threading.Thread(target=change, args=(split,)) for split in splits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [won] = [each for each in ends if isinstance(each, dict)]
    assert len([each for each in ends if isinstance(each, EndpointChangedError)]) == 1
    assert endpoint_with(options).state().traffic == won


def test_a_change_between_the_look_and_the_update_is_refused(options: EndpointOptions, cloud: LocalCloud) -> None:
    endpoint = endpoint_with(options)
    state = both_deployed(endpoint)
    cloud.faults.fail_next(exceptions.Aborted("The etag 'a' is not that of the current version."), "*.UpdateEndpoint")
    with pytest.raises(EndpointChangedError, match="was changed meanwhile"):
        endpoint.set_traffic({"2": 100}, state.etag)
    assert endpoint.state().traffic == {"1": 100}


def test_traffic_that_somebody_gave_meanwhile_keeps_a_model(options: EndpointOptions, cloud: LocalCloud) -> None:
    endpoint = endpoint_with(options)
    both_deployed(endpoint)
    refusal = exceptions.FailedPrecondition("DeployedModel 2 still has 10 % of the traffic.")
    cloud.faults.fail_next(refusal, "*.UndeployModel")
    with pytest.raises(HasTrafficError, match="10 %"):
        endpoint.undeploy("2")
    assert endpoint.state().find("2") is not None


@pytest.mark.parametrize("which", [0, 1])
def test_a_quota_that_is_exhausted_is_one_sentence_and_nothing_stays(
    options: EndpointOptions, cloud: LocalCloud, which: int
) -> None:
    endpoint = endpoint_with(options)
    both_deployed(endpoint)
    endpoint.undeploy("2")
    quota = "CustomModelServingCPUsPerProjectPerRegion"
    cloud.faults.fail_next(
        exceptions.ResourceExhausted(f"The following quotas are exceeded: {quota}"), "*.DeployModel", after=which
    )
    with pytest.raises(SluiceError) as caught:
        endpoint.deploy(CANARY)
    assert not isinstance(caught.value, DeployError)
    assert quota in caught.value.headline and "\n" not in caught.value.headline
    assert caught.value.exit_code == ExitCode.UNUSABLE
    main, candidates = endpoints_of(options)
    assert ([each.id for each in main.deployed_models], dict(main.traffic_split)) == (["1"], {"1": 100})
    assert not candidates.deployed_models
    assert endpoint.deploy(CANARY).ready


def test_a_prebuilt_image_of_vertex_is_refused_before_anything_is_made(options: EndpointOptions) -> None:
    with pytest.raises(SluiceError, match="end in January 2027"):
        endpoint_with(options, serving_image="europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest")


def test_no_requests_are_copied_and_the_end_of_copies_is_no_change(options: EndpointOptions) -> None:
    endpoint = endpoint_with(options)
    state = both_deployed(endpoint)
    assert not endpoint.mirrors
    assert endpoint.mirror(0, "2", state.etag).etag == state.etag
    with pytest.raises(InvalidTrafficError, match="copies no requests"):
        endpoint.mirror(10, "2", state.etag)


def test_a_place_in_words_leads_to_the_same_endpoint(options: EndpointOptions) -> None:
    both_deployed(endpoint_with(options))
    assert endpoint_at(options.place_text(), "taxi").state().traffic == {"1": 100}
