"""The local cloud for contract tests, and what real Google Cloud needs to be named before it is asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cloud.testing.cloud import LocalCloud


@dataclass(frozen=True)
class RealCloud:
    """A project of the tester's, in which tests may make and delete things."""

    project: str
    region: str
    bucket: str


@pytest.fixture(autouse=True)
def no_settings_of_another_test() -> Iterator[None]:
    """`aiplatform.init` is for the whole process: its transport and its credentials would reach the next test."""
    yield
    initializer = sys.modules.get("google.cloud.aiplatform.initializer")
    if initializer is not None:
        settings = initializer.global_config
        vars(settings).update(vars(type(settings)()))


@pytest.fixture(scope="session")
def local_cloud() -> Iterator[LocalCloud]:
    # Here, as tests of the light installation have no cloud.
    from cloud.testing.cloud import LocalCloud

    with LocalCloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(local_cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The local cloud, with this process's clients led to it."""
    with local_cloud.applied():
        yield local_cloud


@pytest.fixture(scope="session")
def gcp() -> RealCloud:
    names = ("SLUICE_GCP_PROJECT", "SLUICE_GCP_REGION", "SLUICE_GCP_BUCKET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        pytest.skip(f"asks real Google Cloud: set {', '.join(missing)} and log in with gcloud")
    return RealCloud(*(os.environ[name] for name in names))
