"""A job on Vertex AI rolls its version out to the endpoint of the environment: rehearsed, with real containers."""

from __future__ import annotations

import posixpath
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import google.auth
import pytest
from google.cloud import aiplatform
from google.cloud.aiplatform_v1 import types

from cloud.bucket_registry import BucketRegistry
from cloud.endpoint.backend import VertexEndpoint
from cloud.model_registry import CANDIDATE_LABEL, DEPLOYMENT_LABEL, model_id_of
from cloud.testing.cloud import LocalCloud
from pipeline.config.load import load_environment, load_workload
from runners.vertex.endpoint import endpoint_options
from serving.backends import endpoint_at
from serving.rollout.record import Phase
from serving.rollout.stores import store_at
from tests.e2e.test_vertex_rehearsal import Rehearsed, rehearse
from tests.samples.folders import ROOT
from tests.samples.local_runs import QUICK

pytestmark = pytest.mark.e2e
ENDPOINT = """
serving_image: europe-west4-docker.pkg.dev/my-project-dev/sluice/serving:v1
endpoint:
  service_account: serving@my-project-dev.iam.gserviceaccount.com
rollout:
  canary_percents: [10]
model_registry: true
"""
ANOTHER = ("--set", "train.seed=8")


class Site:
    """Rehearsals whose endpoint goes from one to the next, and what can be seen of it in between."""

    def __init__(self, folder: Path) -> None:
        self._output = folder / "out"
        self._file = folder / "serving.yaml"
        text = (ROOT / "configs/environments/dev.yaml").read_text().replace("rollout: null", "")
        self._file.write_text(text + ENDPOINT)
        self.environment = load_environment(str(self._file))

    def run(self, job: str, *arguments: str) -> Rehearsed:
        return rehearse(self._output, *QUICK, *arguments, "--environment", str(self._file), "--job-name", job)

    @contextmanager
    def cloud(self) -> Iterator[LocalCloud]:
        """As the last rehearsal left it."""
        folder = self._output / "taxi/rehearsal/cloud"
        with LocalCloud(self.environment.project, folder, serves=True) as cloud, cloud.applied():
            yield cloud

    @property
    def records(self) -> str:
        return f"gs://{self.environment.bucket}/sluice"

    def endpoint(self) -> VertexEndpoint:
        options = endpoint_options(load_workload("taxi"), self.environment)
        assert options is not None
        found = endpoint_at(options.place_text(), "taxi")
        assert isinstance(found, VertexEndpoint)
        return found

    def stages(self) -> dict[str, str]:
        """By the number of the push, as our registry has it."""
        found = self._registry().versions("taxi")
        return {each.labels["deployment"].removeprefix("pushed-"): each.labels["stage"] for each in found}

    def in_production(self) -> str:
        """The number of the push that our registry calls production."""
        return self._registry().find("taxi", "production").labels["deployment"].removeprefix("pushed-")

    def aliased(self, alias: str) -> str:
        """The number of the push that this alias stands for in Vertex AI Model Registry."""
        name = f"{model_id_of('taxi', self.environment.name)}@{alias}"
        place = {"project": self.environment.project, "location": self.environment.region}
        # Those of this local cloud: aiplatform keeps the first ones that a process had.
        found = aiplatform.Model(name, credentials=google.auth.default()[0], **place)
        return str(found.labels[DEPLOYMENT_LABEL]).removeprefix("pushed-")

    def _registry(self) -> BucketRegistry:
        return BucketRegistry(f"{self.environment.bucket}/sluice/taxi/registry")

    def command(self, cloud: LocalCloud, name: str) -> subprocess.CompletedProcess[str]:
        given = ["-m", "serving.rollout", name, "--output-dir", self.records, "--workload", "taxi"]
        variables = cloud.child_environment()
        command = [sys.executable, *given]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT, env=variables)


def gates(record: dict[str, Any]) -> dict[str, str]:
    return {each["gate"]: each["verdict"] for each in record["gates"]}


def serve_files_of(cloud: LocalCloud, candidate: str, version: str) -> None:
    """The containers of `candidate`, which start with the next local cloud, run the files of `version`."""
    backend = cloud.vertex.backend
    title = f"pushed-{candidate}"
    [uploaded] = [
        each
        for each in backend.store.resources.values()
        if isinstance(each, types.Model) and title == each.labels.get(CANDIDATE_LABEL)
    ]
    uploaded.artifact_uri = posixpath.join(posixpath.dirname(uploaded.artifact_uri), version)
    backend.save()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("vertex_rollout"))


def test_a_first_version_gets_all_traffic(site: Site) -> None:
    first = site.run("first")
    assert first.exit_code == 0, first.printed
    record = first.record("first")
    version = record["pushed_version"]
    assert (record["outcome"], record["rollout"]["step"], gates(record)["rollout"]) == ("pushed", "done", "pass")
    steps = [(each["step"], each["outcome"]) for each in record["rollout"]["steps"]]
    assert steps == [("staging", "passed"), ("smoke", "passed"), ("production", "passed")]
    with site.cloud():
        assert dict(site.endpoint().state().traffic) == {version: 100}
        assert site.in_production() == site.aliased("production") == version


def test_a_second_version_waits_for_a_person_where_no_requests_come(site: Site) -> None:
    second = site.run("second", *ANOTHER)
    assert second.exit_code == 4, second.printed
    record = second.record("second")
    candidate = record["pushed_version"]
    assert (record["outcome"], record["exit_code"], gates(record)["rollout"]) == ("undecided", 4, "inconclusive")
    assert "UNDECIDED" in second.printed
    resume = f"python -m serving.rollout resume --output-dir {site.records} --workload taxi"
    assert resume in second.printed
    with site.cloud() as cloud:
        version = site.in_production()
        assert dict(site.endpoint().state().traffic) == {version: 90, candidate: 10}
        assert site.command(cloud, "status").returncode == 4
        assert site.stages() == {version: "production", candidate: "canary"}


def test_a_job_whose_candidate_answers_golden_requests_otherwise_is_refused_and_nothing_of_it_has_traffic(
    site: Site,
) -> None:
    """Vertex AI runs the files of another version in its container; a job that goes on with the canary finds it."""
    with site.cloud() as cloud:
        version, candidate = sorted(site.endpoint().state().traffic, key=int)
        serve_files_of(cloud, candidate, version)
    refused = site.run("refused", *ANOTHER)
    assert refused.exit_code == 2, refused.printed
    assert "REFUSED" in refused.printed
    record = refused.record("refused")
    assert (record["outcome"], record["exit_code"], record["rollout"]["step"]) == ("refused", 2, "rolled back")
    assert "was answered otherwise than the exported model did" in record["reason"]
    [verdict] = [each for each in record["gates"] if each["gate"] == "rollout"]
    [finding] = [each for each in verdict["findings"] if each["severity"] == "block"]
    assert (verdict["verdict"], finding["reason"]) == ("fail", record["reason"])
    with site.cloud() as cloud:
        endpoint = site.endpoint()
        assert dict(endpoint.state().traffic) == {version: 100}
        assert [each.version for each in endpoint.deployed()] == [version]
        report = cloud.storage.read(site.environment.bucket, "sluice/taxi/runs/refused/report.html")[1].decode()
        assert "was answered otherwise than the exported model did" in report
        assert site.stages() == {version: "production", candidate: "rolled-back"}
        assert site.in_production() == version
        assert site.aliased("production") == version
        serve_files_of(cloud, candidate, candidate)


def test_rolled_out_again_a_person_approves_it_and_it_is_in_production_in_both_registries(site: Site) -> None:
    again = site.run("again", *ANOTHER)
    assert again.exit_code == 4, again.printed
    candidate = again.record("again")["pushed_version"]
    with site.cloud() as cloud:
        approved = site.command(cloud, "approve")
        assert approved.returncode == 0, approved.stderr + approved.stdout
        rollout = store_at(site.records, "taxi").current()
        assert rollout is not None
        assert rollout.phase is Phase.DONE
        endpoint = site.endpoint()
        assert dict(endpoint.state().traffic) == {candidate: 100}
        assert [each.version for each in endpoint.deployed()] == [candidate]
        assert site.in_production() == candidate
        assert site.aliased("production") == site.aliased("default") == candidate
