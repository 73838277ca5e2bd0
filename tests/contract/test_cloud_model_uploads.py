"""What is uploaded to Vertex AI Model Registry, with the real client over gRPC and REST, locally and with `-m gcp`."""

from __future__ import annotations

import dataclasses
import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform

from cloud.calls import Patience
from cloud.model_registry import DEPLOYMENT_LABEL, PushedVersion, ServingContainer, files_digest, upload
from cloud.pipeline_jobs import Transport
from cloud.testing.cloud import LocalCloud
from core.errors import ExitCode, SluiceError

REGION = "europe-west4"
IMAGE = f"{REGION}-docker.pkg.dev/my-project/sluice/serving@sha256:{'0' * 64}"
QUICK = Patience(one_try=20, first_wait=0.01, longest_wait=0.02, altogether=20)
UPLOADS = "ModelService.UploadModel"
GRAPH = "registry/taxi/1.1.0-a1/model/saved_model.pb"


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a test uploads to, and a folder of a bucket with the model of each number."""

    project: str
    region: str
    folders: dict[str, str]
    environment: str
    image: str = IMAGE
    transport: Transport = "grpc"

    def pushed(self, number: str, deployment: str) -> PushedVersion:
        return PushedVersion(
            workload="taxi",
            environment=self.environment,
            number=number,
            deployment=deployment,
            artifact_uri=self.folders[number],
            description=f"Model card: {self.folders[number]}_card.md",
            container=ServingContainer(self.image),
            labels={"sluice_gates": "passed"},
        )

    def upload(self, pushed: PushedVersion) -> str:
        return upload(pushed, self.project, self.region, self.transport, QUICK)

    def versions(self) -> list[aiplatform.Model]:
        """Every version that is there, oldest first."""
        model = f"sluice-taxi-{self.environment}"
        registry = aiplatform.models.ModelRegistry(model, location=self.region, project=self.project)
        found = [registry.get_model(each.version_id) for each in registry.list_versions()]
        return sorted(found, key=lambda each: int(each.version_id))


class ModelUploadsContract(ABC):
    """Subclasses give the `target` and inherit each test."""

    @pytest.fixture
    @abstractmethod
    def target(self) -> Target: ...

    @pytest.fixture(autouse=True)
    def cleared(self, target: Target) -> Iterator[None]:
        yield
        model = f"sluice-taxi-{target.environment}"
        try:
            aiplatform.Model(model, project=target.project, location=target.region).delete()
        except exceptions.NotFound:
            return

    def test_the_first_version_makes_the_model(self, target: Target) -> None:
        name = target.upload(target.pushed("1.0.0", "pushed-1"))
        assert name.endswith(f"/locations/{target.region}/models/sluice-taxi-{target.environment}@1")
        [made] = target.versions()
        assert sorted(made.version_aliases) == ["default", "production", "v1-0-0"]
        assert made.labels == {
            "sluice_workload": "taxi",
            "sluice_environment": target.environment,
            "sluice_version": "1-0-0",
            "sluice_deployment": "pushed-1",
            "sluice_gates": "passed",
        }
        assert (made.uri, made.version_description) == (
            target.folders["1.0.0"],
            f"Model card: {target.folders['1.0.0']}_card.md",
        )
        container = made.container_spec
        assert (container.image_uri, container.predict_route, container.health_route) == (
            target.image,
            "/predict",
            "/healthz",
        )
        assert [port.container_port for port in container.ports] == [8080]

    def test_the_second_version_of_the_same_model_takes_its_aliases(self, target: Target) -> None:
        first = target.upload(target.pushed("1.0.0", "pushed-1"))
        second = target.upload(target.pushed("1.1.0", "pushed-2"))
        assert (first.partition("@")[0], second) == (second.partition("@")[0], f"{first.partition('@')[0]}@2")
        assert [sorted(each.version_aliases) for each in target.versions()] == [
            ["v1-0-0"],
            ["default", "production", "v1-1-0"],
        ]

    def test_the_same_push_again_changes_nothing_that_people_changed(self, target: Target) -> None:
        first = target.upload(target.pushed("1.0.0", "pushed-1"))
        second = target.upload(target.pushed("1.1.0", "pushed-2"))
        registry = aiplatform.Model(first, location=target.region, project=target.project).versioning_registry
        registry.add_version_aliases(["production"], version="1")
        assert target.upload(target.pushed("1.1.0", "pushed-2")) == second
        assert [sorted(each.version_aliases) for each in target.versions()] == [
            ["production", "v1-0-0"],
            ["default", "v1-1-0"],
        ]

    def test_a_version_that_is_pushed_once_more_takes_its_aliases_back(self, target: Target) -> None:
        first = target.upload(target.pushed("1.0.0", "pushed-1"))
        target.upload(target.pushed("1.1.0", "pushed-2"))
        assert target.upload(target.pushed("1.0.0", "pushed-3")) == first
        back, other = target.versions()
        assert sorted(back.version_aliases) == ["default", "production", "v1-0-0"]
        assert (back.labels[DEPLOYMENT_LABEL], back.labels["sluice_gates"]) == ("pushed-3", "passed")
        assert list(other.version_aliases) == ["v1-1-0"]


class LocalModelUploadsContract(ModelUploadsContract):
    """What needs a service that fails on purpose."""

    transport: Transport

    @pytest.fixture
    def target(self, cloud: LocalCloud) -> Target:
        aiplatform.init(project=cloud.project, location="us-central1", api_transport=self.transport)
        bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(bucket, REGION)
        for number in ("1.0.0", "1.1.0"):
            cloud.storage.write(bucket, f"registry/taxi/{number}-a1/model/saved_model.pb", b"graph")
        folders = {each: f"gs://{bucket}/registry/taxi/{each}-a1/model" for each in ("1.0.0", "1.1.0", "9.9.9")}
        return Target(cloud.project, REGION, folders, uuid.uuid4().hex[:8], transport=self.transport)

    def test_an_upload_whose_answer_was_lost_is_found(self, target: Target, cloud: LocalCloud) -> None:
        cloud.faults.fail_next(exceptions.ServiceUnavailable("Try again."), UPLOADS, served=True)
        assert target.upload(target.pushed("1.0.0", "pushed-1")).endswith("@1")
        cloud.faults.fail_next(exceptions.ServiceUnavailable("Try again."), UPLOADS, served=True)
        assert target.upload(target.pushed("1.1.0", "pushed-2")).endswith("@2")
        assert [each.version_id for each in target.versions()] == ["1", "2"]

    def test_a_model_that_another_upload_has_made_meanwhile_gets_a_second_version(
        self, target: Target, cloud: LocalCloud
    ) -> None:
        target.upload(target.pushed("1.0.0", "pushed-1"))
        # What the first look would have found a moment before.
        cloud.faults.fail_next(exceptions.NotFound("The Model does not exist."), "ModelService.ListModelVersions")
        assert target.upload(target.pushed("1.1.0", "pushed-2")).endswith("@2")

    def test_a_move_of_aliases_that_was_cut_off_is_made_whole(self, target: Target, cloud: LocalCloud) -> None:
        target.upload(target.pushed("1.0.0", "pushed-1"))
        target.upload(target.pushed("1.1.0", "pushed-2"))
        cloud.faults.fail_next(exceptions.PermissionDenied("Denied."), "ModelService.UpdateModel")
        with pytest.raises(SluiceError):
            target.upload(target.pushed("1.0.0", "pushed-3"))
        target.upload(target.pushed("1.0.0", "pushed-3"))
        back, _ = target.versions()
        assert back.labels[DEPLOYMENT_LABEL] == "pushed-3"
        assert "production" in back.version_aliases

    def test_another_image_makes_another_version(self, target: Target) -> None:
        target.upload(target.pushed("1.0.0", "pushed-1"))
        newer = ServingContainer(IMAGE.replace("0" * 64, "1" * 64))
        pushed = dataclasses.replace(target.pushed("1.0.0", "pushed-1"), container=newer)
        assert target.upload(pushed).endswith("@2")
        older, made = target.versions()
        assert (list(older.version_aliases), made.container_spec.image_uri) == ([], newer.image)

    def test_a_candidate_is_the_version_that_the_push_refers_to_later(self, target: Target, cloud: LocalCloud) -> None:
        target.upload(target.pushed("1.0.0", "pushed-1"))
        pushed = target.pushed("1.1.0", "pushed-2")
        copied = pushed.artifact_uri.replace("registry/taxi/1.1.0-a1/model", "serving/2")
        bucket, _, name = copied.removeprefix("gs://").partition("/")
        cloud.storage.write(bucket, f"{name}/saved_model.pb", cloud.storage.read(bucket, GRAPH)[1])
        files = files_digest(copied)
        assert files == files_digest(pushed.artifact_uri) != ""
        candidate = dataclasses.replace(
            pushed, number="2", artifact_uri=copied, description="Rolled out.", files=files, is_candidate=True
        )
        name = target.upload(candidate)
        assert target.upload(candidate) == name
        assert [sorted(each.version_aliases) for each in target.versions()] == [
            ["default", "production", "v1-0-0"],
            ["v2"],
        ]
        assert target.upload(dataclasses.replace(pushed, files=files)) == name
        older, newer = target.versions()
        assert (list(older.version_aliases), sorted(newer.version_aliases)) == (
            ["v1-0-0"],
            ["default", "production", "v1-1-0", "v2"],
        )
        assert (newer.version_description, newer.labels["sluice_version"]) == (pushed.description, "1-1-0")

    def test_other_files_under_the_same_address_are_another_version(self, target: Target) -> None:
        pushed = target.pushed("1.0.0", "pushed-1")
        assert target.upload(dataclasses.replace(pushed, files="a")).endswith("@1")
        assert target.upload(dataclasses.replace(pushed, files="b", deployment="pushed-2")).endswith("@2")

    def test_an_account_without_the_right_is_refused_in_one_sentence(self, target: Target, cloud: LocalCloud) -> None:
        denied = exceptions.PermissionDenied("Permission 'aiplatform.models.upload' denied on resource.")
        cloud.faults.fail_next(denied, UPLOADS)
        with pytest.raises(SluiceError) as caught:
            target.upload(target.pushed("1.0.0", "pushed-1"))
        assert caught.value.headline == (
            "version 1.0.0 of taxi cannot be uploaded to Vertex AI Model Registry: "
            f"the account lacks the right aiplatform.models.upload in {target.project}."
        )
        assert "--role=roles/aiplatform.user" in caught.value.next_command
        assert caught.value.exit_code == ExitCode.UNUSABLE

    def test_an_image_that_vertex_cannot_read_is_refused_in_its_words(self, target: Target, cloud: LocalCloud) -> None:
        missing = exceptions.FailedPrecondition(f"The image {IMAGE} does not exist or cannot be read.")
        cloud.faults.fail_next(missing, UPLOADS)
        with pytest.raises(SluiceError, match="does not exist or cannot be read"):
            target.upload(target.pushed("1.0.0", "pushed-1"))

    def test_a_version_without_an_image_is_refused_by_the_service(self, target: Target) -> None:
        pushed = dataclasses.replace(target.pushed("1.0.0", "pushed-1"), container=ServingContainer(""))
        with pytest.raises(SluiceError, match="image_uri"):
            target.upload(pushed)

    def test_a_folder_without_a_model_is_refused_and_no_model_is_made(self, target: Target) -> None:
        with pytest.raises(SluiceError, match="is empty or cannot be read"):
            target.upload(target.pushed("9.9.9", "pushed-1"))
        with pytest.raises(exceptions.NotFound):
            target.versions()


class TestModelUploadsByGrpc(LocalModelUploadsContract):
    transport = "grpc"


class TestModelUploadsByRest(LocalModelUploadsContract):
    transport = "rest"


@pytest.mark.gcp
class TestRealModelUploads(ModelUploadsContract):
    @pytest.fixture
    def target(self, gcp) -> Target:
        image = os.environ.get("SLUICE_GCP_SERVING_IMAGE")
        if not image:
            pytest.skip("uploads to real Google Cloud: set SLUICE_GCP_SERVING_IMAGE, an image that serves models")
        from google.cloud import storage

        root = f"sluice-contract/{uuid.uuid4().hex[:8]}"
        folders = {each: f"gs://{gcp.bucket}/{root}/{each}/model" for each in ("1.0.0", "1.1.0")}
        for folder in folders.values():
            blob = storage.Blob.from_string(f"{folder}/saved_model.pb", storage.Client(gcp.project))
            blob.upload_from_string(b"graph")
        return Target(gcp.project, gcp.region, folders, uuid.uuid4().hex[:8], image)
