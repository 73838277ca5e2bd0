"""A job on Vertex AI rolls its version out to the endpoint of the environment: rehearsed, with real containers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cloud.endpoint.backend import VertexEndpoint
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
"""


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

    def command(self, cloud: LocalCloud, name: str) -> subprocess.CompletedProcess[str]:
        given = ["-m", "serving.rollout", name, "--output-dir", self.records, "--workload", "taxi"]
        variables = cloud.child_environment()
        command = [sys.executable, *given]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT, env=variables)


def gates(record: dict[str, Any]) -> dict[str, str]:
    return {each["gate"]: each["verdict"] for each in record["gates"]}


def test_a_job_rolls_out_and_without_requests_a_second_version_waits_for_a_person(tmp_path: Path) -> None:
    site = Site(tmp_path)
    first = site.run("first")
    assert first.exit_code == 0, first.printed
    record = first.record("first")
    version = record["pushed_version"]
    assert (record["outcome"], record["rollout"]["step"], gates(record)["rollout"]) == ("pushed", "done", "pass")
    steps = [(each["step"], each["outcome"]) for each in record["rollout"]["steps"]]
    assert steps == [("staging", "passed"), ("smoke", "passed"), ("production", "passed")]

    second = site.run("second", "--set", "train.seed=8")
    assert second.exit_code == 4, second.printed
    record = second.record("second")
    candidate = record["pushed_version"]
    assert (record["outcome"], record["exit_code"], gates(record)["rollout"]) == ("undecided", 4, "inconclusive")
    assert "UNDECIDED" in second.printed
    resume = f"python -m serving.rollout resume --output-dir {site.records} --workload taxi"
    assert resume in second.printed
    with site.cloud() as cloud:
        assert dict(site.endpoint().state().traffic) == {version: 90, candidate: 10}
        assert site.command(cloud, "status").returncode == 4
        approved = site.command(cloud, "approve")
        assert approved.returncode == 0, approved.stderr + approved.stdout
        rollout = store_at(site.records, "taxi").current()
        assert rollout is not None
        assert rollout.phase is Phase.DONE
        endpoint = site.endpoint()
        assert dict(endpoint.state().traffic) == {candidate: 100}
        assert [each.version for each in endpoint.deployed()] == [candidate]
