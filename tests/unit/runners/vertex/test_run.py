"""Names of jobs and schedules on Vertex AI."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from core.errors import SluiceError
from runners.vertex.run import job_name, schedule_name


def test_a_job_is_named_after_its_workload_its_environment_and_the_time() -> None:
    assert re.fullmatch(r"fashion-mnist-dev-\d{8}-\d{6}", job_name(None, "fashion_mnist", "dev"))


def test_a_given_name_is_taken_as_it_is() -> None:
    assert job_name("nightly-7", "taxi", "dev") == "nightly-7"


@pytest.mark.parametrize(
    ("given", "like"), [("Taxi Run 1", "taxi-run"), ("7", "taxi"), ("a_b", "a-b"), ("x" * 129, "x" * 128)]
)
def test_a_name_that_vertex_ai_would_refuse_is_refused_with_one_that_it_takes(given: str, like: str) -> None:
    with pytest.raises(SluiceError, match="a job's name has up to 128 of") as caught:
        job_name(given, "taxi", "dev")
    assert caught.value.next_command.startswith(f"Like this:  --job-name {like}")
    assert job_name(caught.value.next_command.split()[-1], "taxi", "dev")


def test_a_workload_has_one_schedule_in_each_environment() -> None:
    assert schedule_name("fashion_mnist", "prod") == "sluice-fashion-mnist-prod"


@pytest.mark.parametrize("module", ["runners.vertex.run", "runners.vertex.jobs", "runners.vertex.rehearse"])
def test_tensorflow_is_not_imported_before_its_output_goes_to_the_log(module: str) -> None:
    loud = "{'tensorflow', 'tfx', 'google.cloud.aiplatform'}"
    code = f"import sys, {module}; print('imported:', sorted({loud} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert "imported: []" in done.stdout, done.stderr
