"""The endpoint on Vertex AI behind the contract: Google's real clients against the local Vertex AI, which serves."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types

from cloud.calls import Patience
from cloud.endpoint.backend import VertexEndpoint, endpoint_of
from cloud.endpoint.options import EndpointOptions
from cloud.testing.cloud import LocalCloud
from cloud.testing.vertex.names import last
from core.errors import SluiceError
from serving.backends import endpoint_at
from serving.contract import InvalidTrafficError
from tests.contract.test_endpoint import BASES, BROKEN, CANARY, SPARE, STABLE, EndpointContract
from tests.samples.served_models import RIDE, WORKLOAD, export_ride_model

REGION = "europe-west4"
IMAGE = f"{REGION}-docker.pkg.dev/my-project/sluice/serving@sha256:{'0' * 64}"
QUICK = Patience(one_try=60, first_wait=0.05, longest_wait=0.2, altogether=60)


@pytest.fixture(scope="module")
def serving_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud that serves, with the versions of the contract in a bucket."""
    versions = tmp_path_factory.mktemp("versions")
    for each in (STABLE, CANARY, SPARE):
        export_ride_model(versions / each.version, BASES[each.deployed_id])
    (versions / BROKEN.version).mkdir()
    (versions / BROKEN.version / "saved_model.pb").write_bytes(b"no graph")
    with LocalCloud(serves=True) as cloud, cloud.applied():
        cloud.storage.create_bucket("bucket", REGION)
        for file in versions.rglob("*"):
            if file.is_file():
                cloud.storage.write("bucket", f"serving/rides/{file.relative_to(versions)}", file.read_bytes())
        yield cloud


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
        endpoint = VertexEndpoint(options, WORKLOAD, patience=QUICK)
        for each in (STABLE, CANARY):
            endpoint.deploy(each)
        endpoint.set_traffic({"11": 100}, endpoint.state().etag)
        for each in endpoint.deployed():
            if each.deployed_id not in ("11", "12"):
                endpoint.undeploy(each.deployed_id)
        return endpoint
