"""The same pipeline compiles for Vertex AI, without credentials or network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.utils import import_utils

from tests.samples.folders import ROOT

pytestmark = pytest.mark.e2e
CLOUD = ("--project", "my-project", "--region", "europe-west4", "--bucket", "my-bucket")


def check(output: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "runners/vertex_runner.py"), "--output-dir", str(output), *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GOOGLE_")}
    environment |= {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}  # any call would fail
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)


def test_compiles_and_lists_tasks_images_and_conditions(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--workload", "taxi", *CLOUD, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    job = json.loads((tmp_path / "out/taxi/vertex-job.json").read_text())
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    for name in ("ExampleGen", "StatisticsGen", "ExampleValidator", "Transform", "Trainer", "Evaluator", "Pusher"):
        assert name in tasks
        assert name in done.stdout
    assert "blessed" in tasks["Trainer"]["triggerPolicy"]["condition"]
    assert job["runtimeConfig"]["gcsOutputDirectory"].startswith("gs://my-bucket/")
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"].values()
    images = {executor["container"]["image"] for executor in executors if "container" in executor}
    assert len(images) == 1
    assert images.pop() in done.stdout.replace("\n", "")


def test_every_executor_of_the_job_is_found_in_the_container(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--workload", "taxi", "--set", "tuner.enabled=true", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    job = json.loads((tmp_path / "out/taxi/vertex-job.json").read_text())
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    arguments = [executor["container"]["args"] for executor in executors.values() if "container" in executor]
    paths = [given[given.index("--executor_class_path") + 1] for given in arguments]
    assert len(paths) == 12
    for path in paths:
        assert issubclass(import_utils.import_class_by_path(path), BaseExecutor), path


def test_a_component_made_of_a_function_runs_through_the_entry_point_of_the_container(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--workload", "taxi", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    spec = json.loads((tmp_path / "out/taxi/vertex-job.json").read_text())["pipelineSpec"]
    container = spec["deploymentSpec"]["executors"]["SchemaGen_executor"]["container"]
    text = spec["root"]["dag"]["tasks"]["SchemaGen"]["inputs"]["parameters"]["text"]["runtimeValue"]["constant"]
    schema = {
        "name": "schema",
        "uri": str(tmp_path / "schema"),
        "type": {"instanceSchema": "title: tfx.Schema\ntype: object\n"},
    }
    executor_input = {
        "inputs": {"parameterValues": {"text": text}},
        "outputs": {"artifacts": {"schema": {"artifacts": [schema]}}, "outputFile": str(tmp_path / "output.json")},
    }
    arguments = [given.replace("{{$}}", json.dumps(executor_input)) for given in container["args"]]
    ran = subprocess.run(
        [sys.executable, *container["command"][1:], *arguments], capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert (tmp_path / "schema/schema.pbtxt").read_text() == (ROOT / "schema/taxi/schema.pbtxt").read_text()


@pytest.mark.parametrize("workload", ["taxi", "fashion_mnist"])
def test_nothing_of_this_machine_reaches_the_job(tmp_path: Path, workload: str) -> None:
    done = check(tmp_path / "out", "--workload", workload, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "out" / workload / "vertex-job.json").read_text()
    assert str(ROOT) not in text
    assert str(tmp_path) not in text
    assert sys.prefix not in text


def test_a_profile_changes_what_is_compiled(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--workload", "fashion_mnist", "--profile", "quick", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "out/fashion_mnist/vertex-job.json").read_text()
    assert "models.lenet5" in text
    assert "models.cnn" not in text


def test_an_unknown_profile_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--workload", "fashion_mnist", "--profile", "quik", "--check")
    assert done.returncode == 3
    assert "has no profile `quik`; did you mean `quick`?" in done.stderr
    assert "Traceback" not in done.stderr


def test_refuses_to_submit_in_one_sentence(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--workload", "taxi")
    assert done.returncode == 3
    assert "--check" in done.stderr
    assert "Traceback" not in done.stderr
