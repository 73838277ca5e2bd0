"""The light installation (`pip install .`): a test that needs more than it is skipped there, and says what it needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

# What `pip install .[pipeline]` brings and the tests of the light rooms meet; a package of LIGHT is never excused.
OF_THE_PIPELINE = (
    *("absl", "apache_beam", "cryptography", "fastapi", "google.api_core", "google.auth", "google.cloud", "grpc"),
    *("jinja2", "keras", "kfp", "matplotlib", "ml_metadata", "pandas", "proto", "psutil", "requests", "tenacity"),
    *(
        "tensorboard",
        "tensorflow",
        "tensorflow_metadata",
        "tensorflow_serving",
        "tensorflow_transform",
        "tfx",
        "tfx_bsl",
    ),
    "uvicorn",
)
# Files of tests on what the light installation can do: there nothing is excused.
NEVER_SKIPPED = "test_light_"
IS_LIGHT = importlib.util.find_spec("tensorflow") is None
needs_pipeline = pytest.mark.skipif(IS_LIGHT, reason="needs the pipeline, which the light installation lacks")


def lacking(error: BaseException, file: Path) -> str | None:
    """Why a test of this file that ended so is skipped; None where it failed. The import's error may be the cause of
    another one."""
    excused = IS_LIGHT and not file.name.startswith(NEVER_SKIPPED)
    for each in _with_causes(error) if excused else ():
        name = f"{each.name}." if isinstance(each, ModuleNotFoundError) else ""
        for package in OF_THE_PIPELINE:
            if name.startswith(f"{package}."):
                return f"needs {package}, which the light installation lacks"
    return None


class LightModule(pytest.Module):
    """A file of tests; where its imports need more than is there, its tests are skipped."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:  # type: ignore[override]
        try:
            return super().collect()  # type: ignore[return-value]
        except self.CollectError as error:
            if why := lacking(error, self.path):
                pytest.skip(why, allow_module_level=True)
            raise


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
