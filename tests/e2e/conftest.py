"""Runs the real commands in processes of their own, as a user does."""

from __future__ import annotations

import pytest

from tests.samples.local_runs import QUICK, Run, run_locally


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One quick run of the taxi workload on an empty output folder. Tests that change the folder use their own."""
    return run_locally(tmp_path_factory.mktemp("first") / "out", *QUICK)
