"""The light installation (`pip install .`): a test that needs more than it is skipped there, and says what it needs."""

from __future__ import annotations

import importlib.util
import os
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import SluiceError
from core.stack import MODERN, active_stack
from tests.samples.folders import ROOT

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
# Beam of the modern stack calls Dataflow by another client, whose messages the local Dataflow does not have yet.
_DATAFLOW_MESSAGES = "apache_beam.runners.dataflow.internal.clients"
IS_LIGHT = importlib.util.find_spec("tensorflow") is None
needs_pipeline = pytest.mark.skipif(IS_LIGHT, reason="needs the pipeline, which the light installation lacks")


def lacking(error: BaseException, file: Path) -> str | None:
    """Why a test of this file that ended so is skipped; None where it failed. The import's error may be the cause of
    another one.

    A test that needs more is skipped, but not one of code of the light rooms that needs more without a sentence.
    """
    if active_stack() is MODERN and any(
        getattr(each, "name", "") == _DATAFLOW_MESSAGES for each in _with_causes(error)
    ):
        return "the local Dataflow speaks to Beam of the classic stack alone"
    causes = list(_with_causes(error)) if IS_LIGHT and not file.name.startswith(NEVER_SKIPPED) else []
    in_a_sentence = any(isinstance(each, SluiceError) for each in causes)
    for each in causes:
        name = f"{each.name}." if isinstance(each, ModuleNotFoundError) else ""
        for package in OF_THE_PIPELINE:
            if name.startswith(f"{package}."):
                excused = in_a_sentence or not _is_needed_by_a_light_room(each)
                return f"needs {package}, which the light installation lacks" if excused else None
    return None


def _is_needed_by_a_light_room(error: BaseException) -> bool:
    """Whether a function of the gates or the sources was under way. That their modules can be imported is a test of
    its own (tests/house/test_light_imports.py)."""
    frames = traceback.extract_tb(error.__traceback__)
    rooms = tuple(f"{ROOT / room}{os.sep}" for room in ("gates", "sources"))
    return any(each.filename.startswith(rooms) and each.name != "<module>" for each in frames)


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
