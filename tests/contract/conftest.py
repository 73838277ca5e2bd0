"""The local cloud for contract tests, and what real Google Cloud needs to be named before it is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cloud.testing.cloud import LocalCloud


@dataclass(frozen=True)
class RealCloud:
    """A project of the tester's, in which tests may make and delete things."""

    project: str
    region: str
    bucket: str


@pytest.fixture(scope="session")
def local_cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(local_cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The local cloud, with this process's clients led to it."""
    with local_cloud.applied():
        yield local_cloud


@pytest.fixture
def gcp() -> RealCloud:
    names = ("SLUICE_GCP_PROJECT", "SLUICE_GCP_REGION", "SLUICE_GCP_BUCKET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        pytest.skip(f"asks real Google Cloud: set {', '.join(missing)} and log in with gcloud")
    return RealCloud(*(os.environ[name] for name in names))
