"""`vertex_runner.py --rehearse`: the compiled job runs here, and ends as the local run does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cloud.testing.storage.objects import ObjectStore
from tests.e2e.test_gates_refuse import poisoned
from tests.samples.folders import ROOT
from tests.samples.local_runs import run_locally
from tests.samples.warm_commands import ran_warm

pytestmark = pytest.mark.e2e
RUNNER = str(ROOT / "runners/vertex_runner.py")
# A tenth of the rows and one epoch: what is tested here is the road, not the model.
SMALL = (
    "--set",
    "train.epochs=1",
    "--set",
    "data.share=0.3",
    "--set",
    "evaluator.thresholds=[{metric: auc, at_least: 0.2}]",
)


@dataclass(frozen=True)
class Rehearsed:
    """A finished rehearsal."""

    exit_code: int
    printed: str
    folder: Path

    def record(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / job / "run.json").read_text())
        return found


def command(output: Path, *arguments: str) -> list[str]:
    return [sys.executable, RUNNER, "--rehearse", "--output-dir", str(output), *arguments]


def rehearse(output: Path, *arguments: str, workload: str = "taxi", **environment: str) -> Rehearsed:
    given = command(output, "--workload", workload, *arguments)
    if environment:  # a PYTHONPATH is for the start of a process
        variables = {**os.environ, **environment}
        done = subprocess.run(given, capture_output=True, text=True, timeout=800, cwd=output.parent, env=variables)
    else:
        done = ran_warm(given, output.parent)
    return Rehearsed(done.returncode, done.stdout + done.stderr, output / workload / "rehearsal")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rehearsed") / "out"


def uploading(folder: Path) -> Path:
    """An environment whose pushed models are uploaded to Vertex AI Model Registry."""
    environment = folder / "uploading.yaml"
    image = "europe-west4-docker.pkg.dev/my-project-dev/sluice/serving:v1"
    text = (ROOT / "configs/environments/dev.yaml").read_text()
    environment.write_text(f"{text}\nmodel_registry: true\nserving_image: {image}\n")
    return environment


def states(record: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["state"] for each in record["components"]}


def test_ends_like_the_local_run_and_its_model_is_the_next_one_to_beat(output: Path) -> None:
    local = run_locally(output, *SMALL)
    uploads = ("--environment", str(uploading(output.parent)))
    first = rehearse(output, *SMALL, *uploads, "--job-name", "first")
    assert (local.exit_code, first.exit_code) == (0, 0), first.printed
    here, there = local.record, first.record("first")
    assert there["rows"] == here["rows"]
    assert there["outcome"] == here["outcome"] == "pushed"
    assert [(gate["gate"], gate["verdict"]) for gate in there["gates"]] == [
        (gate["gate"], gate["verdict"]) for gate in here["gates"]
    ]
    for name, value in here["metrics"]["overall"].items():
        assert there["metrics"]["overall"][name] == pytest.approx(value, abs=0.02), name
    assert "It cannot show:" in first.printed
    assert (first.folder / "first/report.html").exists()

    second = rehearse(output, *SMALL, *uploads, "--job-name", "second")
    assert second.exit_code == 0, second.printed
    assert "version 1.0.0 of the registry" in second.printed
    reused = {name for name, state in states(second.record("second")).items() if state == "reused"}
    assert {"ExampleGen", "StatisticsGen", "DataGate", "Transform", "Trainer"} <= reused
    assert not reused & {"Champion", "Evaluator", "Pusher"}
    # The same model, which Vertex AI Model Registry has already.
    uploaded = [record["vertex_model"].rpartition("/")[2] for record in (there, second.record("second"))]
    assert uploaded == ["sluice-taxi-dev@1"] * 2


def test_a_poisoned_file_is_refused_with_its_report_in_the_bucket(output: Path, tmp_path: Path) -> None:
    done = rehearse(tmp_path / "out", "--data", str(poisoned(tmp_path / "rides.csv")), *SMALL, "--job-name", "poisoned")
    assert done.exit_code == 2, done.printed
    assert "REFUSED" in done.printed
    record = done.record("poisoned")
    assert (record["outcome"], record["pushed_version"]) == ("refused", None)
    assert (done.folder / "poisoned/report.html").exists()


def test_a_search_by_vizier_trains_its_trials_and_the_best_one_is_trained_on(tmp_path: Path) -> None:
    search = ("--tuning", "vertex-vizier", "--max-trial-count", "2", "--set", "tuner.epochs=1")
    done = rehearse(tmp_path / "out", *SMALL, *search, "--job-name", "searched")
    assert done.exit_code == 0, done.printed
    record = done.record("searched")
    assert (states(record)["Tuner"], states(record)["Trainer"]) == ("ran", "ran")
    assert (record["effort"]["trials"], record["effort"]["epochs_run"]) == (2, 1)
    trials = stored(done, "tuner_results/trials.json")
    assert [(each["state"], each["epochs"]) for each in trials] == [("completed", 1)] * 2
    # What cloudml-hypertune wrote in the container of each trial, and the job of Vertex AI reports.
    files = sorted(done.folder.glob("logs/*/trial-*.metrics"))
    reported = [json.loads(file.read_text().splitlines()[-1])["val_loss"] for file in files]
    assert [float(loss) for loss in reported] == [each["score"] for each in trials]
    [best] = [each for each in trials if each["chosen"]]
    assert best["score"] == min(each["score"] for each in trials)
    # The Trainer takes from the artifact what Vizier's best trial had.
    assert stored(done, "best_hyperparameters.txt")["values"] == best["hyperparameters"]
    trained = stored(done, "model_run/training.json")["hyperparameters"]
    assert {name: trained[name] for name in best["hyperparameters"]} == best["hyperparameters"]


def stored(done: Rehearsed, ending: str) -> Any:
    """The JSON of the one object of the rehearsal's buckets whose name ends so."""
    files = ObjectStore(done.folder / "cloud")
    places = [(bucket.name, each.name) for bucket in files.buckets() for each in files.objects(bucket.name)]
    [(bucket, name)] = [place for place in places if place[1].endswith(ending)]
    return json.loads(files.read(bucket, name)[1])


def test_a_module_that_the_image_would_not_have_is_an_error_with_its_name(output: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text((ROOT / "models/wide_and_deep.py").read_text())
    done = rehearse(
        tmp_path / "out", *SMALL, "--set", "model.module=mine", "--job-name", "mine", PYTHONPATH=str(tmp_path)
    )
    assert done.exit_code == 1, done.printed
    assert "No module named 'mine'" in done.printed


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_a_rehearsal_that_was_ended_goes_on_under_its_name(tmp_path: Path, way: signal.Signals) -> None:
    output = tmp_path / "out"
    arguments = ("--workload", "taxi", *SMALL, "--job-name", "killed")
    shown = tmp_path / "shown.txt"
    with shown.open("w") as stream:
        first = subprocess.Popen(
            command(output, *arguments), cwd=tmp_path, start_new_session=True, stdin=subprocess.DEVNULL, stdout=stream
        )
    log = output / "taxi/rehearsal/logs/killed/Transform.log"
    deadline = time.monotonic() + 300
    while not log.exists():
        assert first.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if way is signal.SIGINT:
        first.send_signal(way)
    else:
        os.killpg(first.pid, way)
    assert first.wait() == (130 if way is signal.SIGINT else -9)
    assert "rehearsed in" not in shown.read_text()
    ingested = log.with_name("ExampleGen.log").stat().st_mtime_ns
    done = rehearse(output, *SMALL, "--job-name", "killed")
    assert done.exit_code == 0, done.printed
    assert log.with_name("ExampleGen.log").stat().st_mtime_ns == ingested
    assert done.record("killed")["outcome"] == "pushed"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--accelerator-type", "NVIDIA_T5000"), "NVIDIA_T5000"),
        (("--set", "train.epochs=0"), "train.epochs"),
        (("--data", "gs://somewhere-else/data.csv"), "a rehearsal reaches nothing outside this machine"),
        (("--job-name", "Not A Name"), "a job's name"),
    ],
)
def test_what_can_be_known_before_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    done = rehearse(tmp_path / "out", *arguments)
    assert done.exit_code == 3, done.printed
    assert sentence in done.printed
    assert "Traceback" not in done.printed
