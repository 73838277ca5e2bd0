"""Another executor for the jobs of the local cloud."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cloud.testing.cloud import LocalCloud
from cloud.testing.vertex.runs import JobExecutor


@contextmanager
def executed_by(cloud: LocalCloud, executor: JobExecutor) -> Iterator[None]:
    """The local cloud's jobs belong to another executor for the length of a block."""
    backend = cloud.vertex.backend
    before, backend.executor = backend.executor, executor
    try:
        yield
    finally:
        backend.executor = before
