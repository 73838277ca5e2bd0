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
from tests.samples.warm_commands import ran_warm

pytestmark = pytest.mark.e2e
CLOUD = ("--project", "my-project", "--region", "europe-west4", "--bucket", "my-bucket")


def check(output: Path, *arguments: str, cold: bool = False) -> subprocess.CompletedProcess[str]:
    """`cold`: in a process that has to import everything itself."""
    command = [sys.executable, str(ROOT / "runners/vertex_runner.py"), "--output-dir", str(output), *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GOOGLE_")}
    environment |= {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}  # any call would fail
    if cold:
        return subprocess.run(command, capture_output=True, text=True, timeout=800, env=environment)
    return ran_warm(command, Path.cwd(), environment)


def test_compiles_and_lists_tasks_images_and_conditions(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--workload", "taxi", *CLOUD, "--check", cold=True)
    assert done.returncode == 0, done.stdout + done.stderr
    job = json.loads((tmp_path / "out/taxi/vertex-job.json").read_text())
    tasks = job["pipelineSpec"]["components"]["tfx-dag"]["dag"]["tasks"]
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
    assert len(paths) == 15
    for path in paths:
        assert issubclass(import_utils.import_class_by_path(path), BaseExecutor), path


def test_a_component_made_of_a_function_runs_through_the_entry_point_of_the_container(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--workload", "taxi", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    spec = json.loads((tmp_path / "out/taxi/vertex-job.json").read_text())["pipelineSpec"]
    container = spec["deploymentSpec"]["executors"]["SchemaGen_executor"]["container"]
    text = spec["components"]["tfx-dag"]["dag"]["tasks"]["SchemaGen"]["inputs"]["parameters"]["text"]["runtimeValue"][
        "constant"
    ]
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


def test_without_credentials_a_job_is_not_submitted(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--workload", "taxi", *CLOUD, "--yes")
    assert done.returncode == 3
    assert "there are no credentials for Google Cloud on this machine" in done.stderr
    assert "gcloud auth application-default login" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_and_dry_run_exclude_each_other(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--check", "--dry-run")
    assert done.returncode == 3
    assert "--check, --dry-run and --rehearse exclude each other" in done.stderr


@pytest.mark.parametrize(
    ("way", "option"),
    [
        ("--check", ("--max-cost", "5")),
        ("--check", ("--yes",)),
        ("--check", ("--schedule", "0 3 * * *")),
        ("--check", ("--no-follow",)),
        ("--dry-run", ("--yes",)),
        ("--rehearse", ("--max-cost", "5")),
        ("--rehearse", ("--yes",)),
        ("--rehearse", ("--schedule", "0 3 * * *")),
    ],
)
def test_an_option_that_would_be_passed_over_is_refused(tmp_path: Path, way: str, option: tuple[str, ...]) -> None:
    done = check(tmp_path / "out", way, *option)
    assert done.returncode == 3
    assert done.stderr.startswith(f"sluice: {way} ")
    assert f"{option[0].replace('--no-', '--')} has no meaning beside it" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--schedule", "nightly", "--yes"), "`nightly` is no schedule: it has 1 field instead of 5."),
        (("--schedule", "0 3 * * *", "--job-name", "a"), "--schedule leaves it to Vertex AI to start and to name jobs"),
    ],
)
def test_a_schedule_that_cannot_be_one_is_refused_at_once(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = check(tmp_path / "out", *arguments)
    assert done.returncode == 3
    assert done.stderr.startswith(f"sluice: {sentence}")
    assert "preflight" not in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["jobs", "follow", "--help"]])
def test_help_imports_neither_tfx_nor_the_cloud(arguments: list[str]) -> None:
    heavy = "{'tfx', 'tensorflow', 'apache_beam', 'google.api_core', 'kfp'}"
    code = f"""import atexit, runpy, sys
atexit.register(lambda: print('imported:', sorted({heavy} & sys.modules.keys())))
sys.argv = ['vertex_runner.py', *{arguments}]
runpy.run_path({str(ROOT / "runners/vertex_runner.py")!r}, run_name='__main__')"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "imported: []" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence", "command"),
    [
        (("--data", "rides.csv"), "rides.csv, which the container image would not have", "gcloud storage cp"),
        (("--set", "data.serving_log=/logs/rides"), "`data.serving_log` names /logs/rides", "gcloud storage cp"),
        (
            ("--set", "prediction.known_from.payment=[payment_typ, tips]", "--data", "gs://rides/*.csv"),
            "did you mean `payment_type`?",
            "--explain prediction",
        ),
        (("--enable-model-registry",), "`serving_image` is not set", "model_registry: false"),
        (
            ("--region", "europe-wset4"),
            "no region `europe-wset4`; did you mean `europe-west4`?",
            "--region europe-west4",
        ),
        (("--project", "Bad Project"), "`project` must be a project id of 6 to 30", "--explain environment"),
        (("--bucket", "gs://rides"), "`bucket` must be a bucket's name", "--explain environment"),
    ],
)
def test_what_would_fail_there_is_refused_here(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str, command: str
) -> None:
    done = check(tmp_path / "out", "--workload", "taxi", *arguments, "--check")
    assert done.returncode == 3, done.stdout + done.stderr
    assert sentence in done.stderr
    assert command in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out/taxi/vertex-job.json").exists()


def test_a_pre_built_serving_image_is_refused(tmp_path: Path) -> None:
    environment = tmp_path / "mine.yaml"
    text = (ROOT / "configs/environments/dev.yaml").read_text()
    image = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
    environment.write_text(f"{text}\nserving_image: {image}\n")
    done = check(tmp_path / "out", "--workload", "taxi", "--environment", str(environment), "--check")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "January 2027" in done.stderr


def test_data_in_a_bucket_are_left_to_the_job_and_it_is_said(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--workload", "taxi", "--data", "gs://rides/span-{SPAN}/*.csv", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the data cannot be read from here" in done.stdout
    assert "PreviousExamples" in done.stdout
