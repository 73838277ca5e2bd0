"""What Vertex AI promises of models, versions and endpoints, over REST and gRPC, locally and with `-m gcp`."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform, storage
from google.cloud.aiplatform_v1 import EndpointServiceClient, types
from google.protobuf import field_mask_pb2

from cloud.client_messages import register_client_messages
from cloud.testing.cloud import LocalCloud
from cloud.testing.vertex.operations import Operations

REGION = "us-central1"
IMAGE = "us-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"


def upload(folder: str, **arguments: Any) -> aiplatform.Model:
    arguments = {"display_name": "sluice-contract", "artifact_uri": folder, **arguments}
    return aiplatform.Model.upload(serving_container_image_uri=IMAGE, **arguments)


class ModelsContract(ABC):
    """Subclasses give `folder`, which holds a model, and inherit each test. Nothing is deployed to a machine."""

    @pytest.fixture
    @abstractmethod
    def folder(self) -> str: ...

    @pytest.fixture
    def model(self, folder: str) -> Iterator[aiplatform.Model]:
        model = upload(folder, labels={"workload": "taxi"}, version_aliases=["candidate"])
        yield model
        model.delete()

    @pytest.fixture
    def endpoint(self, model: aiplatform.Model) -> Iterator[aiplatform.Endpoint]:
        # After the model, so that it goes before the model: what is deployed cannot be deleted.
        endpoint = aiplatform.Endpoint.create(display_name=f"sluice-{uuid.uuid4().hex[:8]}")
        yield endpoint
        endpoint.delete(force=True)

    def test_a_model_is_found_by_name_version_and_alias(self, model: aiplatform.Model, folder: str) -> None:
        assert (model.version_id, model.labels["workload"]) == ("1", "taxi")
        assert sorted(model.version_aliases) == ["candidate", "default"]
        for name in (model.resource_name, f"{model.resource_name}@1", f"{model.resource_name}@candidate"):
            assert aiplatform.Model(name).uri == folder
        with pytest.raises(exceptions.NotFound):
            aiplatform.Model(f"{model.resource_name}@2")

    def test_a_second_version_takes_the_alias_and_leaves_the_default(
        self, model: aiplatform.Model, folder: str
    ) -> None:
        second = upload(
            folder, parent_model=model.resource_name, version_aliases=["candidate"], is_default_version=False
        )
        assert second.version_id == "2"
        assert [each.version_id for each in model.versioning_registry.list_versions()] == ["1", "2"]
        assert aiplatform.Model(f"{model.resource_name}@candidate").version_id == "2"
        assert aiplatform.Model(model.resource_name).version_id == "1"
        model.versioning_registry.add_version_aliases(["default"], version="2")
        assert aiplatform.Model(model.resource_name).version_id == "2"

    def test_models_are_listed_by_labels(self, model: aiplatform.Model) -> None:
        found = [each.resource_name for each in aiplatform.Model.list(filter='labels.workload="taxi"')]
        assert model.resource_name in found
        assert model.resource_name not in [
            each.resource_name for each in aiplatform.Model.list(filter='labels.workload="other"')
        ]

    def test_refuses_a_filter_by_what_no_model_has(self, model: aiplatform.Model) -> None:
        with pytest.raises(exceptions.BadRequest):
            aiplatform.Model.list(filter='lables.workload="taxi"')

    def test_an_endpoint_is_listed_right_after_it_was_created(self, endpoint: aiplatform.Endpoint) -> None:
        found = aiplatform.Endpoint.list(filter=f'display_name="{endpoint.display_name}"')
        assert [each.resource_name for each in found] == [endpoint.resource_name]

    def test_refuses_an_endpoint_without_a_name(self, endpoint: aiplatform.Endpoint) -> None:
        client = endpoint.api_client
        parent = endpoint.resource_name.partition("/endpoints/")[0]
        with pytest.raises(exceptions.BadRequest, match="display_name"):
            client.create_endpoint(parent=parent, endpoint=types.Endpoint(description="no name"))

    def test_an_endpoint_without_traffic_predicts_nothing(self, endpoint: aiplatform.Endpoint) -> None:
        with pytest.raises((exceptions.FailedPrecondition, exceptions.BadRequest, exceptions.NotFound)):
            endpoint.predict(instances=[{"x": 1.0}])


class LocalModelsContract(ModelsContract):
    """What can be asked of the local server alone, because here machines cost nothing."""

    transport: str

    @pytest.fixture
    def folder(self, cloud: LocalCloud) -> str:
        bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(bucket, REGION)
        cloud.storage.write(bucket, "model/saved_model.pb", b"graph")
        aiplatform.init(project=cloud.project, location=REGION, api_transport=self.transport)
        return f"gs://{bucket}/model"

    @pytest.fixture
    def two(self, endpoint: aiplatform.Endpoint, model: aiplatform.Model, folder: str) -> list[str]:
        """The ids of two deployed versions with 90 and 10 percent of the traffic."""
        canary = upload(folder, parent_model=model.resource_name, is_default_version=False)
        endpoint.deploy(model, machine_type="n1-standard-4", traffic_percentage=100)
        endpoint.deploy(canary, machine_type="n1-standard-4", traffic_percentage=10)
        return [each.id for each in endpoint.list_models()]

    def test_traffic_goes_where_it_was_sent(
        self, endpoint: aiplatform.Endpoint, two: list[str], cloud: LocalCloud
    ) -> None:
        assert endpoint.traffic_split == {two[0]: 90, two[1]: 10}
        cloud.vertex.backend.predictor = lambda deployed, instances: [deployed.model_version_id for _ in instances]
        try:
            answers = [endpoint.predict(instances=[{"x": 1.0}]) for _ in range(60)]
        finally:
            cloud.vertex.backend.predictor = None
        assert all(answer.predictions == [answer.model_version_id] for answer in answers)
        counted = [answer.deployed_model_id for answer in answers].count(two[1])
        assert 1 <= counted <= 20

    def test_traffic_moves_step_by_step_and_back(self, endpoint: aiplatform.Endpoint, two: list[str]) -> None:
        for share in (50, 100, 0):
            endpoint.update(traffic_split={two[0]: 100 - share, two[1]: share})
            assert endpoint.traffic_split == {two[0]: 100 - share, two[1]: share}

    @pytest.mark.parametrize(
        ("split", "sentence"), [({"0": 50, "1": 40}, "add up to 100"), ({"0": 50, "1": 40, "7": 10}, "do not exist")]
    )
    def test_refuses_a_split_against_the_rules(
        self, endpoint: aiplatform.Endpoint, two: list[str], split: dict[str, int], sentence: str
    ) -> None:
        names = {**dict(zip("01", two, strict=True)), "7": "7"}
        with pytest.raises(exceptions.BadRequest, match=sentence):
            endpoint.update(traffic_split={names[name]: share for name, share in split.items()})
        assert endpoint.traffic_split == {two[0]: 90, two[1]: 10}

    def test_refuses_to_undeploy_what_has_traffic(self, endpoint: aiplatform.Endpoint, two: list[str]) -> None:
        with pytest.raises(exceptions.BadRequest, match="90 %"):
            endpoint.api_client.undeploy_model(
                endpoint=endpoint.resource_name, deployed_model_id=two[0], traffic_split={two[0]: 90, two[1]: 10}
            )
        endpoint.undeploy(two[0], traffic_split={two[1]: 100})
        assert endpoint.traffic_split == {two[1]: 100}

    def test_refuses_an_alias_that_no_version_can_have(self, model: aiplatform.Model, folder: str) -> None:
        with pytest.raises(exceptions.BadRequest, match="version_aliases"):
            upload(folder, parent_model=model.resource_name, version_aliases=["Not An Alias"])
        assert [each.version_id for each in model.versioning_registry.list_versions()] == ["1"]

    def test_refuses_to_delete_a_model_that_is_served(self, model: aiplatform.Model, two: list[str]) -> None:
        with pytest.raises(exceptions.BadRequest, match="is deployed"):
            model.delete()

    def test_replicas_change_and_machines_do_not(self, endpoint: aiplatform.Endpoint, two: list[str]) -> None:
        wanted = types.DeployedModel(
            id=two[0],
            model=endpoint.list_models()[0].model,
            dedicated_resources={"machine_spec": {"machine_type": "n1-standard-8"}, "min_replica_count": 2},
        )
        for path, refused in (("min_replica_count", False), ("machine_spec.machine_type", True)):
            request = {
                "endpoint": endpoint.resource_name,
                "deployed_model": wanted,
                "update_mask": field_mask_pb2.FieldMask(paths=[f"dedicated_resources.{path}"]),
            }
            if refused:
                with pytest.raises(exceptions.BadRequest, match="machine_type"):
                    endpoint.api_client.mutate_deployed_model(request)
            else:
                endpoint.api_client.mutate_deployed_model(request)
        resources = endpoint.list_models()[0].dedicated_resources
        assert (resources.min_replica_count, resources.machine_spec.machine_type) == (2, "n1-standard-4")

    def test_refuses_a_change_against_an_old_etag(self, endpoint: aiplatform.Endpoint) -> None:
        seen = endpoint.gca_resource
        endpoint.update(description="changed meanwhile")
        mask = field_mask_pb2.FieldMask(paths=["description"])
        stale = types.Endpoint(name=endpoint.resource_name, etag=seen.etag, description="from what I saw")
        with pytest.raises((exceptions.Aborted, exceptions.Conflict), match="etag"):
            endpoint.api_client.update_endpoint(endpoint=stale, update_mask=mask)

    def test_refuses_a_model_from_an_empty_folder(self, folder: str) -> None:
        with pytest.raises(exceptions.BadRequest, match="empty"):
            upload(f"{folder}-absent")

    def test_refuses_to_deploy_a_model_by_its_short_name(self, endpoint: aiplatform.Endpoint) -> None:
        client: EndpointServiceClient = endpoint.api_client
        deployed = types.DeployedModel(model="models/7", dedicated_resources={"min_replica_count": 1})
        with pytest.raises(exceptions.BadRequest) as refused:
            client.deploy_model(endpoint=endpoint.resource_name, deployed_model=deployed)
        assert "deployed_model.model; Message: The resource name 'models/7' is malformed." in str(refused.value)
        assert "dedicated_resources.machine_spec; Message: Required field not set." in str(refused.value)

    def test_a_long_operation_is_polled_until_it_is_done(
        self, endpoint: aiplatform.Endpoint, cloud: LocalCloud
    ) -> None:
        operations: Operations = cloud.vertex.backend.operations
        operations.polls = 1
        try:
            made = aiplatform.Endpoint.create(display_name="slow")
        finally:
            operations.polls = 0
        # google-auth asks for the account's locations in a thread of its own, whenever it gets to it.
        of_vertex = [call for call in cloud.faults.calls if not call.startswith("iamcredentials.")]
        assert of_vertex[-2:] == ["EndpointService.CreateEndpoint", "Operations.GetOperation"]
        made.delete()


class TestLocalModelsByGrpc(LocalModelsContract):
    transport = "grpc"


class TestLocalModelsByRest(LocalModelsContract):
    transport = "rest"


@pytest.mark.gcp
@pytest.mark.parametrize("transport", ["grpc", "rest"])
class TestRealModels(ModelsContract):
    @pytest.fixture
    def folder(self, gcp, transport: str) -> Iterator[str]:
        register_client_messages()
        aiplatform.init(project=gcp.project, location=gcp.region, api_transport=transport)
        blob = (
            storage.Client(project=gcp.project)
            .bucket(gcp.bucket)
            .blob(f"sluice-tests/{uuid.uuid4().hex}/saved_model.pb")
        )
        blob.upload_from_string(b"graph")
        yield f"gs://{gcp.bucket}/{blob.name.rpartition('/')[0]}"
        blob.delete()
