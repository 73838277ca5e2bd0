"""The endpoint on Vertex AI behind the contract: Google's real clients against the local Vertex AI, which serves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import aiplatform
from google.cloud.aiplatform_v1 import types
from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

from cloud.bucket_folder import BucketFolder
from cloud.calls import Patience
from cloud.endpoint.backend import VertexEndpoint
from cloud.endpoint.options import CANDIDATE_SUFFIX, EndpointOptions
from cloud.model_registry import model_id_of
from cloud.testing.cloud import LocalCloud
from tests.contract.conftest import RealCloud
from tests.contract.test_endpoint import BASES, BROKEN, CANARY, SPARE, STABLE, EndpointContract
from tests.samples.folders import ROOT
from tests.samples.served_models import RIDE, WORKLOAD, export_ride_model

REGION = "europe-west4"
IMAGE = f"{REGION}-docker.pkg.dev/my-project/sluice/serving@sha256:{'0' * 64}"
QUICK = Patience(one_try=60, first_wait=0.05, longest_wait=0.2, altogether=60)


@pytest.fixture(scope="module")
def serving_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud that serves, with the versions of the contract in a bucket."""
    with LocalCloud(serves=True) as cloud, cloud.applied():
        cloud.storage.create_bucket("bucket", REGION)
        for path, content in _contract_versions(tmp_path_factory.mktemp("versions")):
            cloud.storage.write("bucket", f"serving/rides/{path}", content)
        yield cloud


def _contract_versions(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of the versions of the contract, by their paths in a folder of versions."""
    for each in (STABLE, CANARY, SPARE):
        export_ride_model(folder / each.version, BASES[each.deployed_id])
    (folder / BROKEN.version).mkdir()
    (folder / BROKEN.version / "saved_model.pb").write_bytes(b"no graph")
    for file in folder.rglob("*"):
        if file.is_file():
            yield str(file.relative_to(folder)), file.read_bytes()


def _in_the_first_state(endpoint: VertexEndpoint) -> VertexEndpoint:
    for each in (STABLE, CANARY):
        endpoint.deploy(each)
    endpoint.set_traffic({"11": 100}, endpoint.state().etag)
    for deployed_id in {each.deployed_id for each in endpoint.deployed()} - {"11", "12"}:
        endpoint.undeploy(deployed_id)
    return endpoint


class TestVertexEndpoint(EndpointContract):
    @pytest.fixture(scope="class")
    def options(self, serving_cloud: LocalCloud) -> EndpointOptions:
        return EndpointOptions(
            project=serving_cloud.project,
            region=REGION,
            environment="prod",
            versions="gs://bucket/serving/rides",
            serving_image=IMAGE,
        )

    @pytest.fixture
    def endpoint(self, options: EndpointOptions) -> VertexEndpoint:
        return _in_the_first_state(VertexEndpoint(options, WORKLOAD, patience=QUICK))

    def test_the_same_answers_come_by_grpc_and_raw(self, endpoint: VertexEndpoint, serving_cloud: LocalCloud) -> None:
        aiplatform.init(project=serving_cloud.project, location=REGION)
        found = aiplatform.Endpoint("sluice-rides-prod")
        by_http = found.predict([RIDE], use_dedicated_endpoint=True)
        raw = found.raw_predict(b'{"instances": [{"hour": 8}]}', {"Content-Type": "application/json"})
        with PredictionServiceClient(client_options={"api_endpoint": f"{REGION}-aiplatform.googleapis.com"}) as client:
            by_grpc = client.predict(endpoint=found.resource_name, instances=[RIDE])
        assert by_http.predictions == [endpoint.predict([RIDE]).predictions[0]]
        assert raw.json()["predictions"] == by_http.predictions
        assert [each["label"] for each in by_grpc.predictions] == ["no tip"]
        assert raw.headers["X-Vertex-AI-Deployed-Model-Id"] == by_http.deployed_model_id == "11"

    def test_a_dedicated_endpoint_answers_nowhere_else(
        self, endpoint: VertexEndpoint, serving_cloud: LocalCloud
    ) -> None:
        aiplatform.init(project=serving_cloud.project, location=REGION)
        found = aiplatform.Endpoint("sluice-rides-prod")
        assert found.raw_predict(b"{}", {}).status_code == 400
        shared = f"https://{REGION}-aiplatform.googleapis.com/v1/{found.resource_name}:predict"
        refused = found.authorized_session.post(shared, json={"instances": [RIDE]})
        assert (refused.status_code, refused.json()["error"]["status"]) == (400, "FAILED_PRECONDITION")


@pytest.mark.gcp
class TestRealVertexEndpoint(EndpointContract):
    """Machines are paid for until the class ends, and every deployment takes its quarter of an hour."""

    @pytest.fixture(scope="class")
    def options(self, gcp: RealCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EndpointOptions]:
        image = os.environ.get("SLUICE_GCP_SERVING_IMAGE")
        if not image:
            pytest.skip("serves on real Google Cloud: set SLUICE_GCP_SERVING_IMAGE, an image of the target `serving`")
        name = f"contract-{uuid.uuid4().hex[:8]}"
        options = EndpointOptions(
            project=gcp.project,
            region=gcp.region,
            environment=name,
            versions=f"gs://{gcp.bucket}/sluice-contract/{name}",
            serving_image=image,
        )
        files = BucketFolder(options.versions)
        for path, content in _contract_versions(tmp_path_factory.mktemp("versions")):
            files.write(path, content)
        yield options
        _delete_all(options)
        files.delete(list(files.made()))

    @pytest.fixture
    def endpoint(self, options: EndpointOptions) -> VertexEndpoint:
        return _in_the_first_state(VertexEndpoint(options, WORKLOAD))


def _delete_all(options: EndpointOptions) -> None:
    """The endpoints with what is deployed there, and the model with its versions."""
    place = {"project": options.project, "location": options.region}
    name = options.endpoint_id(WORKLOAD)
    for title in (name, f"{name}{CANDIDATE_SUFFIX}"):
        for endpoint in aiplatform.Endpoint.list(filter=f'display_name="{title}"', **place):
            endpoint.delete(force=True)
    for model in aiplatform.Model.list(filter=f'display_name="{model_id_of(WORKLOAD, options.environment)}"', **place):
        model.delete()


@pytest.mark.parametrize("method", ["CreateEndpoint", "UploadModel", "DeployModel"])
def test_a_deployment_killed_in_the_middle_and_begun_again_ends_the_same(
    serving_cloud: LocalCloud, method: str
) -> None:
    options = EndpointOptions(
        project=serving_cloud.project,
        region=REGION,
        environment=f"killed-{method.lower()}",
        versions="gs://bucket/serving/rides",
        serving_image=IMAGE,
    )
    backend = serving_cloud.vertex.backend
    backend.operations.polls = 5
    try:
        _kill_in(method, options, serving_cloud)
    finally:
        backend.operations.polls = 0
    endpoint = VertexEndpoint(options, WORKLOAD, patience=QUICK)
    endpoint.deploy(CANARY)
    assert [each.deployed_id for each in endpoint.deployed()] == ["12"]
    assert endpoint.predict([RIDE], deployed_id="12").deployed_id == "12"
    kinds = (types.Endpoint, types.Model)
    ours = [each for each in backend.store.resources.values() if isinstance(each, kinds)]
    ours = [each for each in ours if options.environment in each.name]
    assert sorted(type(each).__name__ for each in ours) == ["Endpoint", "Endpoint", "Model"]
    assert [len(each.deployed_models) for each in ours if isinstance(each, types.Endpoint)] == [1, 1]
    assert endpoint.undeploy("12").deployed == ()
    assert not any(each.deployed_models for each in ours)


def _kill_in(method: str, options: EndpointOptions, cloud: LocalCloud) -> None:
    """Another process deploys, and is killed once the cloud was called by `method`."""
    code = (
        "import sys; from cloud.calls import Patience; from cloud.endpoint.backend import VertexEndpoint\n"
        "from cloud.endpoint.options import EndpointOptions; from serving.contract import ModelVersion\n"
        "quick = Patience(first_wait=0.05, longest_wait=0.2)\n"
        "endpoint = VertexEndpoint(EndpointOptions.of(sys.argv[1]), 'rides', patience=quick)\n"
        "endpoint.deploy(ModelVersion('12', 'rides', '102'))"
    )
    calls = cloud.faults.calls
    before = len(calls)
    command = [sys.executable, "-c", code, options.place_text()]
    process = subprocess.Popen(command, cwd=ROOT, env={**cloud.child_environment(), "PYTHONPATH": str(ROOT)})
    try:
        until = time.monotonic() + 600
        while not any(call.endswith(f".{method}") for call in calls[before:]):
            assert process.poll() is None, "the process ended before it called"
            assert time.monotonic() < until
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
