"""`python -m serving.rollout`, as it is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from registry.folder import FolderRegistry
from serving.contract import ModelVersion
from serving.rollout.command import main
from serving.rollout.folder_store import FolderStore
from serving.rollout.order import Registered, RolloutOrder
from serving.rollout.record import Entry, Outcome, Phase, Rollout
from tests.samples.folders import ROOT
from tests.samples.registrations import submission


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path, "taxi")


def _in_phase(
    store: FolderStore, phase: Phase, outcome: Outcome = Outcome.PASSED, order: RolloutOrder | None = None
) -> Rollout:
    entry = Entry("2026-11-29 12:00:00", phase, outcome, "Because it is so.", 10)
    rollout = Rollout("00001-2", ModelVersion("2", "taxi", "2"), "1", phase, entries=(entry,), order=order)
    store.save(rollout)
    return rollout


def _type(store: FolderStore, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--output-dir", str(store.folder.parent.parent), "--workload", "taxi"])


@pytest.mark.parametrize(
    ("phase", "outcome", "code"),
    [
        (Phase.DONE, Outcome.PASSED, 0),
        (Phase.ROLLED_BACK, Outcome.FAILED, 2),
        (Phase.CANARY, Outcome.UNDECIDED, 4),
        (Phase.APPROVAL, Outcome.UNDECIDED, 4),
    ],
)
def test_status_says_the_step_and_why_and_its_exit_code_the_outcome(
    store: FolderStore, phase: Phase, outcome: Outcome, code: int
) -> None:
    _in_phase(store, phase, outcome)
    found = _type(store, "status")
    assert found.exit_code == code
    assert f"version 2, {phase.value}." in found.output
    assert "Because it is so." in found.output
    assert ("Decide:" in found.output) == (phase is Phase.APPROVAL)


@pytest.mark.parametrize("command", ["status", "approve", "reject", "rollback"])
def test_without_a_rollout_one_sentence_and_exit_code_3(store: FolderStore, command: str) -> None:
    found = _type(store, command)
    assert found.exit_code == 3
    assert "there is no rollout of taxi" in found.output
    assert "Traceback" not in found.output
    assert not store.folder.exists()


@pytest.mark.parametrize(
    ("command", "phase"),
    [
        ("approve", Phase.CANARY),
        ("approve", Phase.APPROVAL),
        ("reject", Phase.SHADOW),
        ("rollback", Phase.CANARY),
        ("rollback", Phase.WARM),
    ],
)
def test_a_decision_is_left_for_the_rollout_with_its_reason(store: FolderStore, command: str, phase: Phase) -> None:
    rollout = _in_phase(store, phase)
    found = _type(store, command, "--reason", "looked at it")
    assert found.exit_code == 0
    assert "its next start follows it first" in found.output
    instruction = store.instruction(rollout)
    assert instruction is not None
    assert instruction.action == command
    assert instruction.reason.startswith("looked at it (by ")


@pytest.mark.parametrize(
    ("command", "phase"),
    [
        ("approve", Phase.SHADOW),
        ("approve", Phase.DONE),
        ("reject", Phase.WARM),
        ("rollback", Phase.DONE),
        ("rollback", Phase.ROLLED_BACK),
    ],
)
def test_a_decision_that_comes_too_early_or_too_late_is_refused(store: FolderStore, command: str, phase: Phase) -> None:
    rollout = _in_phase(store, phase)
    found = _type(store, command)
    assert found.exit_code == 3
    assert f"is in another one: {phase.value}." in found.output
    assert store.instruction(rollout) is None


def test_without_a_version_before_it_nothing_is_rolled_back(store: FolderStore) -> None:
    rollout = replace(_in_phase(store, Phase.PRODUCTION), previous=None)
    store.save(rollout)
    found = _type(store, "rollback")
    assert found.exit_code == 3
    assert "there is no version before version 2" in found.output
    assert store.instruction(rollout) is None


def test_a_running_rollout_is_named(store: FolderStore) -> None:
    _in_phase(store, Phase.CANARY)
    with store.alone():
        assert "A process is rolling out." in _type(store, "status").output
        assert "at its next look" in _type(store, "reject").output


@pytest.mark.parametrize(("phase", "word"), [(Phase.CANARY, "Go on:"), (Phase.APPROVAL, "Decide:")])
def test_status_names_the_next_command(store: FolderStore, phase: Phase, word: str) -> None:
    _in_phase(store, phase, Outcome.UNDECIDED)
    assert word in _type(store, "status").output


@pytest.mark.parametrize("command", ["resume", "approve", "rollback"])
def test_where_the_endpoint_does_not_run_the_command_that_starts_it_is_named(
    store: FolderStore, tmp_path: Path, command: str
) -> None:
    rollout = _in_phase(store, Phase.CANARY, order=RolloutOrder(str(tmp_path / "serving/taxi"), str(tmp_path)))
    found = _type(store, command)
    assert found.exit_code == 3
    assert f"python -m serving --workload taxi --output-dir {tmp_path}" in found.output
    assert (store.instruction(rollout) is not None) == (command != "resume"), "the decision is not lost"


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.ROLLED_BACK])
def test_a_rollout_that_is_over_is_not_resumed(store: FolderStore, phase: Phase) -> None:
    _in_phase(store, phase)
    found = _type(store, "resume")
    assert found.exit_code == 3
    assert f"rollout 00001-2 of taxi is over: {phase.value}." in found.output


def test_a_rollout_of_an_older_sluice_goes_on_with_the_pipeline(store: FolderStore) -> None:
    _in_phase(store, Phase.CANARY)
    found = _type(store, "resume")
    assert found.exit_code == 3
    assert f"python runners/local_runner.py --workload taxi --output-dir {store.output}" in found.output


@pytest.mark.parametrize("name", ["../taxi", "", ".", "/tmp"])
def test_a_path_is_no_workload(tmp_path: Path, name: str) -> None:
    words = ["status", "--output-dir", str(tmp_path / "out"), "--workload", name]
    found = CliRunner().invoke(main, words, standalone_mode=False)
    assert "is a path or nothing" in found.output + str(found.exception)
    assert not list(tmp_path.iterdir())


def test_what_a_registry_missed_is_recorded_once_it_can_be_changed(store: FolderStore, tmp_path: Path) -> None:
    registry = FolderRegistry(tmp_path / "registry")
    registered = Registered(registry.place, "taxi", "1.0.0")
    _in_phase(store, Phase.DONE, order=RolloutOrder("out/serving/taxi", "model", registered=registered))
    missing = _type(store, "record")
    assert missing.exit_code == 3
    assert "does not say that the stage of taxi 1.0.0 is production" in missing.output
    registry.register(submission(tmp_path / "model"))
    assert _type(store, "record").exit_code == 0
    assert registry.find("taxi", "production").labels["deployment"] == "pushed-2"


def test_a_rollout_without_a_registered_version_has_nothing_to_record(store: FolderStore) -> None:
    _in_phase(store, Phase.DONE)
    found = _type(store, "record")
    assert found.exit_code == 3
    assert "rollout 00001-2 of taxi names no version of a registry." in found.output


def test_history_lists_what_has_ended(store: FolderStore) -> None:
    assert "No rollout of taxi has ended yet." in _type(store, "history").output
    _in_phase(store, Phase.ROLLED_BACK, Outcome.FAILED)
    found = _type(store, "history")
    assert found.exit_code == 0
    for part in ("00001-2", "rolled back", "Because it is so."):
        assert part in found.output


def test_the_libraries_that_a_command_loads_add_nothing_to_its_sentence(store: FolderStore, tmp_path: Path) -> None:
    _in_phase(store, Phase.CANARY, order=RolloutOrder(str(tmp_path / "serving/taxi"), str(tmp_path)))
    words = ["-m", "serving.rollout", "resume", "--workload", "taxi", "--output-dir", store.output]
    # A run in this process, of a test before, names a level of its own.
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("sluice: ")
    assert len(done.stderr.splitlines()) == 2


def test_the_module_runs_and_a_misspelt_command_is_one_sentence() -> None:
    words = [sys.executable, "-m", "serving.rollout"]
    help_page = subprocess.run([*words, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(
        name in help_page.stdout for name in ("status", "resume", "approve", "reject", "rollback", "record", "history")
    )
    wrong = subprocess.run([*words, "statsu"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert wrong.returncode == 3
    assert wrong.stderr.startswith("sluice: ")
    assert "Traceback" not in wrong.stderr
