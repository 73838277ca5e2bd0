"""A version that does not answer in its time at the endpoint on Vertex AI is refused, and nothing of it stays."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from google.api_core import exceptions

from cloud.endpoint.backend import VertexEndpoint
from cloud.endpoint.options import EndpointOptions
from cloud.pipeline_jobs import Transport
from cloud.testing.cloud import LocalCloud
from cloud.testing.vertex.model_host import ModelHost
from core.errors import SluiceError
from serving.contract import DeployError
from tests.contract.test_cloud_endpoint_changes import CANARY, STABLE, endpoint_with, endpoints_of, options

__all__ = ["options"]

SECONDS = 1.0
MAIN, COPY, BOTH = "(?<!-candidate)/2$", "-candidate/2$", "/2$"


class Machines:
    """Loads a model at once, unless its endpoint and its id fit `never`: that one is loaded until the end of a test."""

    def __init__(self) -> None:
        self.never = ""
        self.end = threading.Event()
        self.stopped: list[str] = []

    def start(self, key: str, *_: Any) -> str:
        if self.never and re.search(self.never, key):
            self.end.wait()
        return ""

    def stop(self, key: str) -> None:
        self.stopped.append(key)


@pytest.fixture
def machines(cloud: LocalCloud) -> Iterator[Machines]:
    made = Machines()
    cloud.vertex.backend.host = cast(ModelHost, made)
    yield made
    made.end.set()
    cloud.faults.forget()
    cloud.vertex.backend.host = None


def with_stable(options: EndpointOptions, transport: Transport = "grpc") -> VertexEndpoint:
    """An endpoint where one version has all traffic, and the next one has little time."""
    endpoint_with(options, transport).deploy(STABLE)
    endpoint = endpoint_with(options, transport, load_minutes=SECONDS / 60)
    endpoint.set_traffic({"1": 100}, endpoint.state().etag)
    return endpoint


def ids(options: EndpointOptions) -> list[list[str]]:
    """Of the models at the endpoint, and of the copies beside it."""
    return [[model.id for model in each.deployed_models] for each in endpoints_of(options)]


@pytest.mark.parametrize("never", [MAIN, COPY, BOTH], ids=["the version", "its copy", "both"])
@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_version_that_is_loaded_for_too_long_is_refused_and_nothing_stays(
    options: EndpointOptions, machines: Machines, never: str, transport: Transport
) -> None:
    endpoint = with_stable(options, transport)
    before = ids(options)
    machines.never = never
    with pytest.raises(DeployError, match=r"version 2 of taxi cannot be deployed: .* has not ended after") as refused:
        endpoint.deploy(CANARY)
    assert "still be there" not in refused.value.headline
    assert "`endpoint.load_minutes`" in refused.value.headline
    assert ids(options) == before
    machines.never = ""
    assert endpoint_with(options, transport).deploy(CANARY).deployed_id == "2"


@pytest.mark.parametrize(("never", "gone"), [(MAIN, 1), (COPY, 0)], ids=["the version", "its copy"])
def test_what_cannot_be_cancelled_is_named_and_the_rest_goes(
    options: EndpointOptions, machines: Machines, cloud: LocalCloud, never: str, gone: int
) -> None:
    endpoint = with_stable(options)
    machines.never = never
    cloud.faults.fail_next(exceptions.MethodNotImplemented("no"), "Operations.CancelOperation", times=2)
    with pytest.raises(DeployError, match=r"cannot be deployed: .* has not ended after") as refused:
        endpoint.deploy(CANARY)
    assert "2 may still be there" in refused.value.headline
    assert "gcloud ai endpoints list" in refused.value.next_command
    assert "2" not in ids(options)[gone]


def test_a_refused_look_is_not_the_versions_fault_and_nothing_stays(
    options: EndpointOptions, machines: Machines, cloud: LocalCloud
) -> None:
    endpoint = with_stable(options)
    before = ids(options)
    cloud.faults.fail_next(exceptions.PermissionDenied("no right"), "Operations.GetOperation")
    with pytest.raises(SluiceError, match="no right") as problem:
        endpoint.deploy(CANARY)
    assert not isinstance(problem.value, DeployError)
    assert ids(options) == before


def test_a_model_whose_loading_was_cancelled_ends_once_it_runs(
    options: EndpointOptions, machines: Machines, cloud: LocalCloud
) -> None:
    endpoint = with_stable(options)
    machines.never = BOTH
    with pytest.raises(DeployError):
        endpoint.deploy(CANARY)
    threads = [each for each in threading.enumerate() if "_load" in each.name]
    machines.end.set()
    for each in threads:
        each.join(60)
    assert len(machines.stopped) == 2
    assert all("2" not in each for each in ids(options))
