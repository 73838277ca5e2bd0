"""The compiled job carries the machines of the environment for Trainer and Tuner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.test_vertex_check import check

pytestmark = pytest.mark.e2e

ENVIRONMENT = """
name: gpu
project: my-project
region: us-central1
bucket: my-bucket
image: image:v1
labels: {team: rides}
training:
  machine_type: g2-standard-24
  accelerator_count: 2
  capacity: spot
  fallbacks: [{machine_type: n1-standard-8, accelerator_type: NVIDIA_TESLA_T4, accelerator_count: 1}]
tuning: {parallel_trials: 3}
"""


def test_trainer_and_tuner_carry_the_machines_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "gpu.yaml").write_text(ENVIRONMENT)
    arguments = ("--environment", str(tmp_path / "gpu.yaml"), "--set", "tuner.enabled=true", "--check")
    done = check(tmp_path / "out", "--workload", "taxi", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    specification = json.loads((tmp_path / "out/taxi/vertex-job.json").read_text())["pipelineSpec"]
    tasks = specification["components"]["tfx-dag"]["dag"]["tasks"]
    trainer, tuner = (
        json.loads(tasks[name]["inputs"]["parameters"]["custom_config"]["runtimeValue"]["constant"])
        for name in ("Trainer", "Tuner")
    )
    training = trainer["ai_platform_training_args"]
    [pool] = training["job_spec"]["worker_pool_specs"]
    assert (pool["machine_spec"]["machine_type"], pool["machine_spec"]["accelerator_count"]) == ("g2-standard-24", 2)
    assert (training["job_spec"]["scheduling"]["strategy"], training["labels"]["team"]) == ("SPOT", "rides")
    assert [each["machine_spec"]["machine_type"] for each in trainer["vertex_fallbacks"]] == ["n1-standard-8"]
    pools = tuner["ai_platform_tuning_args"]["job_spec"]["worker_pool_specs"]
    assert [each["replica_count"] for each in pools] == ["1", "2"]


def test_refuses_a_machine_that_does_not_carry_the_accelerator(tmp_path: Path) -> None:
    (tmp_path / "gpu.yaml").write_text(ENVIRONMENT.replace("g2-standard-24", "e2-standard-8"))
    done = check(tmp_path / "out", "--workload", "taxi", "--environment", str(tmp_path / "gpu.yaml"), "--check")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "e2-standard-8 cannot carry NVIDIA_L4" in done.stderr
    assert "--machine-type g2-standard-24" in done.stderr
    assert "Traceback" not in done.stderr
