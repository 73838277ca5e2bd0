"""`make tensorboard` finds the newest trainings of every workload."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import tensorflow as tf

from runners.show_trainings import NEWEST, link_folders, newest_event_folders
from tests.samples.folders import ROOT


def trained(output: Path, workload: str, executions: range) -> None:
    for execution in executions:
        folder = output / workload / "artifacts/Trainer/model_run" / str(execution)
        (folder / "tensorboard").mkdir(parents=True)
        with tf.summary.create_file_writer(str(folder / "tensorboard/train")).as_default():
            tf.summary.scalar("epoch_loss", 1.0, step=0)


def test_the_newest_of_each_workload_are_linked_under_a_short_name(tmp_path: Path) -> None:
    trained(tmp_path / "out", "taxi", range(3, 12))
    trained(tmp_path / "out", "clothes", range(1, 2))
    (tmp_path / "out/taxi/artifacts/Trainer/model/12").mkdir(parents=True)
    assert link_folders(newest_event_folders(tmp_path / "out"), tmp_path / "tensorboard") == NEWEST + 1
    assert {link.name for link in (tmp_path / "tensorboard/taxi").iterdir()} == {f"Trainer-{n}" for n in range(7, 12)}
    assert (tmp_path / "tensorboard/clothes/Trainer-1/train").is_dir()


def test_without_a_training_it_prints_the_next_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runners.show_trainings", "--output-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 3
    assert "no training yet" in done.stderr
    assert "make run" in done.stderr


def test_tensorboard_serves_them(tmp_path: Path) -> None:
    trained(tmp_path, "taxi", range(1, 2))
    command = [sys.executable, "-m", "runners.show_trainings", "--output-dir", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            address = next(word for word in process.stdout.readline().split() if word.startswith("http"))
            until, runs = time.monotonic() + 60, []
            while not runs and time.monotonic() < until:
                with urllib.request.urlopen(f"{address}data/runs", timeout=30) as answer:
                    runs = json.load(answer)
                time.sleep(0.2)
            assert runs == ["taxi/Trainer-1/train"]
        except urllib.error.URLError as problem:
            pytest.fail(f"TensorBoard does not answer: {problem}")
        finally:
            process.terminate()
