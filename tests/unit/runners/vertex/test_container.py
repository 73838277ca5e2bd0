"""The entry point of a task's container: what a failed task leaves, and that none runs for ever."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cloud.run_label import run_label
from core.errors import ExitCode, SluiceError
from runners.vertex import container
from runners.vertex.task_errors import TaskError, read_error
from tests.samples.warm_commands import ran_warm


def arguments_of(executor: str, job: Path) -> list[str]:
    """What TFX compiles for a component of tests/samples/small_components.py, in a job whose folder is `job`."""
    examples = {"name": "e", "uri": str(job / "examples"), "type": {"instanceSchema": "title: tfx.Examples\n"}}
    given: dict[str, Any] = {
        "outputs": {
            "artifacts": {"examples": {"artifacts": [examples]}},
            "outputFile": str(job / f"{executor}_42/executor_output.json"),
        }
    }
    path = f"tests.samples.small_components.{executor}_Executor"
    return ["--executor_class_path", path, "--json_serialized_invocation_args", json.dumps(given)]


def test_a_users_error_outlives_the_container_and_is_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        container.main(["--minutes", "5", *arguments_of("Refuse", tmp_path)])
    assert end.value.code == ExitCode.UNUSABLE
    assert "sluice: the data has no column `fare`.\n        See:  head data.csv" in capsys.readouterr().err
    found = read_error(str(tmp_path), "Refuse")
    assert isinstance(found, SluiceError)
    assert (found.headline, found.next_command) == ("the data has no column `fare`.", "See:  head data.csv")
    assert found.exit_code == ExitCode.UNUSABLE


def test_a_retry_of_what_only_the_user_can_mend_ends_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--minutes", "5", *arguments_of("Refuse", tmp_path)]
    with pytest.raises(SystemExit):
        container.main(arguments)
    monkeypatch.setattr(container.runpy, "run_module", lambda *_, **__: pytest.fail("the executor ran again"))
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        container.main(arguments)
    assert end.value.code == ExitCode.UNUSABLE
    assert "sluice: the data has no column `fare`." in capsys.readouterr().err


def test_beam_is_given_the_id_of_the_job_as_the_value_of_a_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(container.runpy, "run_module", lambda *_, **__: seen.extend(sys.argv))
    container.main(["--minutes", "5", *arguments_of("Refuse", tmp_path), f"--labels=sluice_run={'t' * 100}"])
    [label] = [word for word in seen if word.startswith("--labels=")]
    assert label == f"--labels=sluice_run={run_label('t' * 100)}"
    assert len(label.rpartition("=")[2]) == 63


def test_a_retry_of_a_defect_runs_again(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(KeyError):
            container.main(["--minutes", "5", *arguments_of("Break", tmp_path)])


def test_a_defect_keeps_its_traceback_and_its_words(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        container.main(["--minutes", "5", *arguments_of("Break", tmp_path)])
    found = read_error(str(tmp_path), "Break")
    assert isinstance(found, TaskError)
    assert str(found) == "KeyError: 'fare'"


def test_a_task_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-m", container.__name__, "--minutes", "0.1", *arguments_of("Hang", tmp_path)]
    ended = ran_warm(command, seconds=120)
    assert ended.returncode == ExitCode.ERROR
    assert "the task took longer than 0.1 minutes" in ended.stderr
    assert "longer than 0.1 minutes" in str(read_error(str(tmp_path), "Hang"))


def test_another_tasks_error_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        container.main(["--minutes", "5", *arguments_of("Break", tmp_path)])
    assert read_error(str(tmp_path), "Refuse") is None
