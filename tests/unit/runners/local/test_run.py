"""A run whose record cannot be written ends with one sentence."""

import errno
import io
import json
import os
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from pipeline.config.load import load_workload
from runners.console.console import RunConsole
from runners.interruption import Interruption
from runners.local import run as local_run
from runners.local.run import LocalRun, Request
from runners.results import publish, record
from runners.results.node_result import NodeResult, Results
from runners.results.outcome import Outcome
from runners.results.run_folder import RunFolder


def _run_whose_record_fails(
    folder: Path, outcome: Outcome, code: int, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> int:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code), str(folder / "taxi/1/run.json"))

    monkeypatch.setattr(publish, "write_files", fail)
    return _run_that_ends(folder, outcome, stream, monkeypatch)


def _run_that_ends(
    folder: Path,
    outcome: Outcome | Exception,
    stream: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    results: Results | None = None,
) -> int:
    def run_components(run: LocalRun, _: object) -> Outcome:
        run._results = dict(results or {})
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(local_run, "datasets_here", lambda *_: None)
    monkeypatch.setattr(local_run, "check_machine", lambda *_: None)
    monkeypatch.setattr(local_run.signal, "signal", lambda *_: None)
    monkeypatch.setattr(LocalRun, "_run_components", run_components)
    request = Request("taxi", None, folder, (), None, True, "DirectRunner", ())
    run_folder = RunFolder(folder / "taxi", "1")
    run_folder.path.mkdir(parents=True)
    run = LocalRun(request, load_workload("taxi"), run_folder, RunConsole(stream), None, Interruption())
    return run.carry_out()


@pytest.mark.parametrize("outcome", ["pushed", "refused"])
def test_a_disk_too_full_for_the_record_ends_with_the_verdict_and_the_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    stream = io.StringIO()
    ended = Outcome(outcome, 0 if outcome == "pushed" else 2, "Because.", pushed_version=None)
    assert _run_whose_record_fails(tmp_path, ended, errno.ENOSPC, stream, monkeypatch) == 3
    printed = stream.getvalue()
    assert outcome.upper() in printed
    assert "the run cannot be recorded in" in printed
    assert "the disk is full" in printed
    assert printed.endswith("Make room:  df -h\n")
    assert not (tmp_path / "taxi/latest").exists()


def test_a_disk_that_is_too_full_for_a_component_and_for_the_record_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    ended = Outcome("failed", 3, "train could not go on: the disk is full.", "Make room:  df -h")
    assert _run_whose_record_fails(tmp_path, ended, errno.ENOSPC, stream, monkeypatch) == 3
    assert stream.getvalue().count("sluice: ") == 1
    sentence = "train could not go on: the disk is full, and the run cannot be recorded."
    assert stream.getvalue().endswith(f"sluice: {sentence}\n        Make room:  df -h\n")


def test_an_error_of_the_record_that_a_defect_might_cause_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        _run_whose_record_fails(tmp_path, Outcome("pushed", 0, ""), errno.EBADF, io.StringIO(), monkeypatch)


def _run_whose_outputs_cannot_be_read(
    folder: Path, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, results: Results | None = None
) -> int:
    def fail(_: object) -> None:
        raise ValueError("no JSON")

    monkeypatch.setattr(record, "gather", fail)
    ended = Outcome("pushed", 0, "Because.", pushed_version="7")
    return _run_that_ends(folder, ended, stream, monkeypatch, results)


def test_outputs_that_cannot_be_read_are_a_defect_and_the_run_has_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    assert _run_whose_outputs_cannot_be_read(tmp_path, stream, monkeypatch) == 1
    written = json.loads((tmp_path / "taxi/latest/run.json").read_text())
    assert (written["outcome"], written["exit_code"], written["pushed_version"]) == ("failed", 1, "7")
    assert "ValueError: no JSON" in stream.getvalue()


def test_outputs_that_were_altered_while_the_run_went_on_are_no_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "taxi/artifacts/Trainer/model/1")
    model.set_string_custom_property("sealed", "what it was when it was made")
    results = {"Trainer": NodeResult("Trainer", "ran", 1.0, {"model": [model]})}
    stream = io.StringIO()
    assert _run_whose_outputs_cannot_be_read(tmp_path, stream, monkeypatch, results) == 3
    assert "Trainer/model/1 is not what it was when it was made" in stream.getvalue()
    written = json.loads((tmp_path / "taxi/latest/run.json").read_text())
    assert (written["exit_code"], written["pushed_version"]) == (3, "7")


def test_a_disk_too_full_for_the_metadata_store_is_no_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    full = RuntimeError("Failed to establish connection to Metadata storage: database or disk is full query: CREATE")
    assert _run_that_ends(tmp_path, full, stream, monkeypatch) == 3
    assert stream.getvalue().startswith("sluice · taxi")
    assert "sluice: the disk is full.\n        Make room:  df -h\n" in stream.getvalue()
