"""The registry of each kind of place."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ExitCode, SluiceError
from registry.backends import BACKENDS, registry_at
from registry.folder import FolderRegistry


@pytest.mark.parametrize("place", ["out/registry", "/tmp/a b/registry", "registry:old"])
def test_a_path_is_a_folder_of_this_machine(place: str) -> None:
    registry = registry_at(place)
    assert isinstance(registry, FolderRegistry)
    assert registry.root == Path(place)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_registry_gives_its_own_place(backend: str, tmp_path: Path) -> None:
    place = f"{backend}://folder/models" if backend else f"{tmp_path}/models"
    assert registry_at(place).place == place


def test_refuses_a_backend_that_there_is_not_and_names_those_that_there_are() -> None:
    with pytest.raises(SluiceError, match=r"no registry is called `s3`.*a folder, .*gs://") as caught:
        registry_at("s3://bucket/registry")
    assert caught.value.exit_code is ExitCode.UNUSABLE


def test_a_bucket_is_named_without_credentials() -> None:
    assert registry_at("gs://bucket/registry/").place == "gs://bucket/registry"
    with pytest.raises(SluiceError, match="is not the address of a folder in a bucket"):
        registry_at("gs:///registry")
