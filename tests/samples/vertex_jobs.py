"""A compiled job of the taxi workload, and executors that leave its tasks to a test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cloud.testing.cloud import LocalCloud
from cloud.testing.vertex.runs import JobExecutor
from pipeline.config.load import load_environment, load_workload


@cache
def _compiled_taxi() -> str:
    from pipeline.pipeline import create_pipeline
    from runners.vertex.job import compile_job
    from runners.vertex.platform import vertex_platform

    config, environment = load_workload("taxi"), load_environment("dev")
    with TemporaryDirectory() as folder:
        job = compile_job(
            create_pipeline(config, vertex_platform(config, environment)), environment.image, Path(folder)
        )
        return job.read_text(encoding="utf-8")


def compiled_taxi(bucket: str) -> dict[str, Any]:
    """The document that `vertex_runner.py` writes, with its artifacts in `bucket`."""
    document: dict[str, Any] = json.loads(_compiled_taxi())
    document["runtimeConfig"]["gcsOutputDirectory"] = f"gs://{bucket}/sluice/taxi/artifacts"
    return document


@contextmanager
def executed_by(cloud: LocalCloud, executor: JobExecutor) -> Iterator[None]:
    """The local cloud's jobs belong to another executor for the length of a block."""
    backend = cloud.vertex.backend
    before, backend.executor = backend.executor, executor
    try:
        yield
    finally:
        backend.executor = before
