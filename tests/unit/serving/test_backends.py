"""Which backend a place leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SluiceError
from serving.backends import endpoint_at
from serving.contract import EndpointDownError
from serving.local.endpoint import LocalEndpoint


def test_a_folder_of_versions_is_a_local_endpoint(tmp_path: Path) -> None:
    endpoint = endpoint_at(str(tmp_path / "serving/rides"), "rides")
    assert isinstance(endpoint, LocalEndpoint)
    with pytest.raises(EndpointDownError, match="nothing serves"):
        endpoint.state()


def test_an_unknown_kind_of_place_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SluiceError, match="a place for one is a folder, vertex://…"):
        endpoint_at("sagemaker://account/rides", "rides")
