"""A person finishes a rollout at an endpoint on Vertex AI: `production` moves at once, in our registry in the bucket
and in Vertex AI Model Registry."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from google.api_core import exceptions
from google.cloud import aiplatform

from cloud.bucket_folder import BucketFolder
from cloud.bucket_registry import BucketRegistry
from cloud.bucket_rollouts import BucketStore
from cloud.endpoint.backend import VertexEndpoint
from cloud.endpoint.options import EndpointOptions
from cloud.registered_models import upload_registered
from cloud.testing.cloud import LocalCloud
from registry.contract import Numbered, Submission
from serving.contract import ModelVersion
from serving.rollout.command import main
from serving.rollout.order import Registered, RolloutOrder
from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Phase, Rollout
from serving.version_folder import copy_folder
from tests.contract.test_cloud_rollout import IMAGE, QUICK, REGION
from tests.samples.registrations import submission

DENIED = exceptions.PermissionDenied("Permission 'aiplatform.models.upload' denied on resource.")


class Site:
    """Push 1 is registered as 1.0.0 and has all traffic; push 2, registered as 1.0.1, has 10 % and waits for a person.

    Both are uploaded: the first one as what is in production."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self._bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(self._bucket, REGION)
        self.options = EndpointOptions(
            project=cloud.project,
            region=REGION,
            environment=self._bucket,
            versions=f"gs://{self._bucket}/serving",
            serving_image=IMAGE,
            labels="team=rides",
        )
        self.registry = BucketRegistry(f"{self._bucket}/registry")
        self.store = BucketStore(f"gs://{self._bucket}/sluice", "taxi")
        self.endpoint = VertexEndpoint(self.options, "taxi", patience=QUICK)
        for number, weights in (("1", b"first"), ("2", b"second")):
            given = submission(folder / number, weights)
            copy_folder(str(given.saved_model), f"{self.options.versions}/{number}")
            self.registry.register(_described(given))
            self.endpoint.deploy(ModelVersion(number, "taxi", number))
        self.registry.deployed("taxi", "1.0.0", "pushed-1")
        upload_registered(self.options.place_text(), self.registry.find("taxi", "1.0.0"), "pushed-1")
        self.endpoint.set_traffic({"1": 90, "2": 10}, self.endpoint.state().etag)
        self.store.save(self._waiting())

    def type(self, name: str) -> Result:
        return CliRunner().invoke(main, [name, "--output-dir", self.store.output, "--workload", "taxi"])

    def uploaded(self, number: str) -> aiplatform.Model:
        name = f"sluice-taxi-{self.options.environment}@{number}"
        return aiplatform.Model(name, project=self.options.project, location=REGION)

    def aliases(self) -> list[list[str]]:
        return [sorted(self.uploaded(number).version_aliases) for number in ("1", "2")]

    def stages(self) -> dict[str, str]:
        return {each.version: each.labels.get("stage", "") for each in self.registry.versions("taxi")}

    def _waiting(self) -> Rollout:
        plan = RolloutPlan(warm_minutes=0.0, approve="manual")
        registered = Registered(self.registry.place, "taxi", "1.0.1")
        saved_model = f"{self.options.versions}/2"
        order = RolloutOrder(self.options.place_text(), saved_model, plan, registered, uploads=True)
        return Rollout("00001-2", ModelVersion("2", "taxi", "2"), "1", Phase.APPROVAL, order=order)


def _described(given: Submission) -> Submission:
    """With the files beside the model that an upload reads."""

    def describe(folder: Path, numbered: Numbered) -> None:
        given.describe(folder, numbered)
        finding: dict[str, Any] = {"check": "auc", "waiver": {"reason": "known"}}
        gates = [{"gate": "evaluator", "findings": [finding] if numbered.version == "1.0.1" else []}]
        (folder / "gates.json").write_text(json.dumps(gates))
        (folder / "environment.json").write_text(json.dumps({"git_commit": "0123456789abcdef-dirty"}))

    return dataclasses.replace(given, describe=describe)


@pytest.fixture
def site(cloud: LocalCloud, tmp_path: Path) -> Iterator[Site]:
    cloud.vertex.backend.predictor = lambda _, instances: [{"tip": 0.25} for _ in instances]
    yield Site(cloud, tmp_path)
    cloud.faults.forget()
    cloud.vertex.backend.predictor = None


def test_an_approved_version_is_in_production_in_both_registries_at_once(site: Site) -> None:
    assert site.aliases() == [["default", "production", "v1", "v1-0-0"], ["v2"]]
    approved = site.type("approve")
    assert approved.exit_code == 0, approved.output
    assert dict(site.endpoint.state().traffic) == {"2": 100}
    assert site.stages() == {"1.0.0": "archived", "1.0.1": "production"}
    assert site.registry.find("taxi", "production").version == "1.0.1"
    assert site.aliases() == [["v1", "v1-0-0"], ["default", "production", "v1-0-1", "v2"]]
    labels = site.uploaded("2").labels
    assert (labels["sluice_deployment"], labels["sluice_version"], labels["team"]) == ("pushed-2", "1-0-1", "rides")
    assert (labels["sluice_gates"], labels["sluice_commit"]) == ("passed-with-waivers", "0123456789ab-dirty")
    assert f"{site.registry.place}/taxi/1.0.1-" in site.uploaded("2").version_description


@pytest.mark.parametrize("decision", ["reject", "rollback"])
def test_a_version_that_a_person_takes_back_is_so_in_our_registry_and_production_stays_in_both(
    site: Site, decision: str
) -> None:
    before = site.aliases()
    done = site.type(decision)
    assert done.exit_code == 0, done.output
    assert dict(site.endpoint.state().traffic) == {"1": 100}
    assert site.stages() == {"1.0.0": "production", "1.0.1": "rolled-back"}
    assert site.registry.find("taxi", "production").version == "1.0.0"
    assert site.aliases() == before


def test_an_upload_that_fails_undoes_nothing_and_is_made_up_for_by_one_command(site: Site, cloud: LocalCloud) -> None:
    before = site.aliases()
    cloud.faults.fail_next(DENIED, "ModelService.MergeVersionAliases")
    approved = site.type("approve")
    assert approved.exit_code == 0, approved.output
    assert "version 1.0.1 of taxi has all traffic, but version 1.0.1 of taxi cannot be uploaded" in approved.output
    assert f"python -m serving.rollout record --output-dir {site.store.output} --workload taxi" in approved.output
    assert site.stages() == {"1.0.0": "archived", "1.0.1": "production"}
    assert site.aliases() == before
    recorded = site.type("record")
    assert recorded.exit_code == 0, recorded.output
    assert "production" in site.aliases()[1]


def test_a_version_that_was_altered_since_is_in_production_nowhere_and_a_sentence_says_so(site: Site) -> None:
    before = site.aliases()
    BucketFolder(site.registry.find("taxi", "1.0.1").location).delete(["gates.json"])
    approved = site.type("approve")
    assert approved.exit_code == 0, approved.output
    assert "does not say that the stage of taxi 1.0.1 is production" in approved.output
    assert "version 1.0.1 of taxi has all traffic, but" in approved.output
    assert "gates.json" in approved.output
    assert dict(site.endpoint.state().traffic) == {"2": 100}
    assert site.aliases() == before
    assert site.type("record").exit_code == 3


def test_what_people_changed_since_stays_when_it_is_recorded_again(site: Site) -> None:
    assert site.type("approve").exit_code == 0
    site.uploaded("1").versioning_registry.add_version_aliases(["production"], "1")
    changed = site.aliases()
    assert "production" in changed[0]
    assert site.type("record").exit_code == 0
    assert site.aliases() == changed
