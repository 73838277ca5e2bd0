"""Runs the real commands in processes of their own, as a user does."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.samples.local_runs import QUICK, Run, run_locally


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of pytest have in common."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def first_runs(shared: Path) -> tuple[Run, Run]:
    """One quick run of the taxi workload on an empty output folder and the same once more, for all processes of
    pytest. Later runs in this folder (`run_again`) leave what was pushed, registered and recorded as it is."""
    kept = shared / "first-runs"
    with FileLock(shared / "lock"):
        if not kept.exists():
            first = run_locally(shared / "out", *QUICK, cold=True)
            kept.write_bytes(pickle.dumps((first, run_locally(shared / "out", *QUICK))))
    found: tuple[Run, Run] = pickle.loads(kept.read_bytes())
    return found


@pytest.fixture(scope="session")
def first_run(first_runs: tuple[Run, Run]) -> Run:
    return first_runs[0]


@pytest.fixture
def run_again(shared: Path, first_run: Run) -> Callable[..., Run]:
    """A run in the folder of the first ones, with more options, of which none lets another model be pushed."""

    def again(*arguments: str) -> Run:
        with FileLock(shared / "lock"):
            return run_locally(first_run.output, *QUICK, *arguments)

    return again
