"""The Fashion-MNIST workload in whole runs: a sound model is pushed, the 45.57 % model of the story is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.samples.fashion_mnist import needs_fashion_mnist
from tests.samples.folders import ROOT
from tests.samples.local_runs import Run, end_when, run_locally, start_locally

pytestmark = [pytest.mark.e2e, needs_fashion_mnist]

WORKLOAD = "fashion_mnist"
QUICK = ("--profile", "quick")
# Its normalisation takes pixels for what training saw; a network of ReLU alone hardly minds another scale.
CNN = ("--set", "model.module=models.cnn")
# The exported graph feeds pixels of 0 to 255 to a model that learnt from 0 to 1.
RUNNER_THAT_EXPORTS_UNSCALED_PIXELS = """
from models.export import signatures
from runners.local_runner import main

features_of = signatures.ServingModule._features


def unscaled(self, columns):
    found = features_of(self, columns)
    return {**found, "image": found["image"] * 255}


signatures.ServingModule._features = unscaled
main()
"""


@pytest.fixture(scope="module")
def quick_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_locally(tmp_path_factory.mktemp("quick") / "out", *QUICK, workload=WORKLOAD)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("story")
    script = folder / "runner.py"
    script.write_text(RUNNER_THAT_EXPORTS_UNSCALED_PIXELS)
    done = subprocess.run(
        [sys.executable, str(script), "--workload", WORKLOAD, "--output-dir", str(folder / "out"), *QUICK, *CNN],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return Run(done.returncode, done.stdout, done.stderr, folder / "out", WORKLOAD)


def blocking(run: Run, check: str) -> list[dict[str, Any]]:
    return [each for each in run.findings if each["check"] == check and each["severity"] == "block"]


def registered(run: Run) -> list[str]:
    registry = run.output / "registry" / WORKLOAD
    return sorted(path.name for path in registry.iterdir() if path.name[0].isdigit()) if registry.exists() else []


def test_quick_profile_trains_blesses_and_pushes(quick_run: Run) -> None:
    assert quick_run.exit_code == 0, quick_run.printed + quick_run.complaints
    assert len(quick_run.versions()) == 1
    assert registered(quick_run) == ["1.0.0"]
    assert len(quick_run.printed.splitlines()) < 40
    classes = quick_run.record["metrics"]["classes"]
    assert [each["name"] for each in classes][:3] == ["T-shirt/top", "Trouser", "Pullover"]


def test_the_report_shows_images_that_are_taken_for_another_class(quick_run: Run) -> None:
    page = quick_run.report
    assert page.count('<img src="data:image/png;base64,') > 10 and "Shirt, taken for" in page


def test_the_pushed_model_answers_a_image_with_ten_probabilities(quick_run: Run) -> None:
    [version] = quick_run.versions()
    script = (
        "import json, sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "answer = model.signatures['serving_default'](image=tf.zeros([2, 28, 28, 1], tf.int64))['predictions']\n"
        "print(json.dumps(answer.numpy().tolist()))\n"
    )
    place = quick_run.output / "serving" / WORKLOAD / version
    done = subprocess.run([sys.executable, "-c", script, str(place)], capture_output=True, text=True, timeout=120)
    answers = json.loads(done.stdout.splitlines()[-1])
    assert [len(answer) for answer in answers] == [10, 10]
    assert [sum(answer) for answer in answers] == pytest.approx([1, 1], abs=1e-4)


def test_refuses_the_model_whose_serving_pixels_are_not_rescaled(story: Run) -> None:
    assert story.exit_code == 2, story.printed + story.complaints
    replays = {finding["subject"]: finding for finding in blocking(story, "replay_parity")}
    assert set(replays) >= {"serving_default", "serving_examples"}
    for signature in ("serving_default", "serving_examples"):
        assert replays[signature]["value"] > 0.5
        assert signature in replays[signature]["reason"]
        assert f"{replays[signature]['value']:.2g}" in replays[signature]["reason"]
        # The class onto which the answers fall.
        assert any(f"are {name}, not" in replays[signature]["reason"] for name in class_names(story))


def test_nothing_of_the_refused_model_is_pushed_or_registered(story: Run) -> None:
    assert story.versions() == []
    assert registered(story) == []
    assert story.record["pushed_version"] is None


def class_names(run: Run) -> list[str]:
    return [each["name"] for each in run.record["metrics"]["classes"]]


def test_a_training_killed_in_the_middle_of_an_epoch_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    output, epochs = tmp_path / "out", 6
    given = (*QUICK, "--set", f"train.epochs={epochs}", "--until", "Trainer")
    process = start_locally(output, "--workload", WORKLOAD, *given)
    artifacts = output / WORKLOAD / "artifacts"
    end_when(process, lambda: any(artifacts.glob("durable/*/*/epoch-000002.npz")), signal.SIGKILL)

    resumed = run_locally(output, *given, workload=WORKLOAD)

    assert resumed.exit_code == 0, resumed.printed + resumed.complaints
    [training] = artifacts.glob("Trainer/model_run/*/training.json")
    record = json.loads(training.read_text())
    assert 2 <= record["resumed_from_epoch"] < epochs
    assert record["epochs_run"] == epochs
    history = json.loads((training.parent / "history.json").read_text())
    assert {len(values) for values in history.values()} == {epochs}
    assert not list(artifacts.glob("durable/training/*/epoch-*"))
