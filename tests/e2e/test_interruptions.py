"""Killed at any point, the same command goes on and ends in the same state."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.contents import contents_of
from registry.folder import FolderRegistry
from tests.samples.local_runs import QUICK, Run, end_when, run_locally, start_locally

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("component", "kept"), [("Transform", "ExampleValidator"), ("Trainer", "Transform")])
def test_resumes_after_kill(component: str, kept: str, tmp_path: Path, first_run: Run) -> None:
    output = tmp_path / "out"
    process = start_locally(output, *QUICK)
    end_when(process, lambda: any((output / "taxi/artifacts" / component).glob("[!.]*/*")), signal.SIGKILL)
    assert not (output / "taxi/latest").exists(), "a killed run must not look finished"
    left_behind = set((output / "taxi/artifacts" / component).glob("[!.]*/*"))
    assert left_behind

    resumed = run_locally(output, *QUICK)

    assert resumed.exit_code == 0, resumed.printed + resumed.complaints
    assert resumed.states()[kept] == "reused"
    assert resumed.states()[component] == "ran"
    assert not any(path.exists() for path in left_behind), "what was half-written is gone"
    assert resumed.record["metrics"]["overall"] == pytest.approx(first_run.record["metrics"]["overall"], abs=1e-3)
    assert len(resumed.versions()) == 1


def test_killed_again_and_again_while_it_registers_and_pushes_it_leaves_whole_versions_and_one_is_pushed(
    tmp_path: Path,
) -> None:
    output = tmp_path / "out"
    serving, seen = output / "serving/taxi", {}
    for appearing in ("registry/taxi/1.0.0", "serving/taxi/[0-9]*", "taxi/artifacts/Pusher/report/*/*"):
        process = start_locally(output, *QUICK)
        end_when(process, lambda pattern=appearing: any(output.glob(pattern)), signal.SIGKILL)
        seen |= {path: contents_of(path) for path in serving.glob("[0-9]*")}

    resumed = run_locally(output, *QUICK)

    assert resumed.exit_code == 0, resumed.printed + resumed.complaints
    assert resumed.states()["Trainer"] == "reused"
    [version] = resumed.versions()
    [registered] = FolderRegistry(output / "registry").versions("taxi")
    assert seen == {serving / version: contents_of(Path(registered.location) / "model")}
    assert "production" in registered.aliases
    assert not [*output.glob("*/taxi/.incoming-*")]


@pytest.mark.parametrize("begun", ["StatisticsGen/*/*", "Transform/transform_graph/*/*"])
def test_ctrl_c_ends_with_one_line_and_the_command_to_go_on(begun: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = start_locally(output, *QUICK)
    printed, complaints = end_when(process, lambda: any((output / "taxi/artifacts").glob(begun)), signal.SIGINT)
    assert process.returncode == 130
    assert "Traceback" not in printed + complaints
    assert "the same command again" in " ".join(printed.split())
    [record] = (output / "taxi").glob("20*/run.json")
    assert '"outcome": "stopped"' in record.read_text()


def test_a_second_run_on_the_same_folder_is_refused_clearly(tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = start_locally(output, *QUICK)
    lock = output / "taxi/.lock-holder"
    deadline = time.monotonic() + 60
    while not lock.exists() or not lock.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)

    second = run_locally(output, *QUICK)

    assert second.exit_code == 3
    assert f"another run (process {process.pid})" in second.complaints
    assert "Traceback" not in second.complaints
    end_when(process, lambda: True, signal.SIGKILL)


@pytest.mark.parametrize("damage", ["truncated", "garbage"])
def test_a_damaged_metadata_store_is_one_sentence_with_the_command(
    damage: str, first_run: Run, run_again: Callable[..., Run]
) -> None:
    store = first_run.output / "taxi/metadata.sqlite"
    whole = store.read_bytes()
    store.write_bytes(whole[: len(whole) // 2] if damage == "truncated" else b"no database")
    try:
        refused = run_again()
    finally:
        store.write_bytes(whole)
    assert refused.exit_code == 3
    printed = " ".join(refused.printed.split())
    assert f"{store} is damaged" in printed
    assert "metadata.sqlite.damaged" in printed
    assert "Traceback" not in refused.printed + refused.complaints


def test_a_damaged_index_and_a_damaged_artifact_end_like_an_undisturbed_run(
    first_run: Run, run_again: Callable[..., Run]
) -> None:
    index = first_run.output / "registry/taxi/index.json"
    [references] = (first_run.output / "taxi/artifacts/References/references").glob("*/references.json")
    before, versions = json.loads(index.read_bytes()), first_run.versions()
    index.write_bytes(index.read_bytes()[:200])
    references.write_text(references.read_text()[:40])

    run = run_again()

    assert run.exit_code == 0, run.printed + run.complaints
    assert json.loads(index.read_bytes()) == before
    assert run.states()["References"] == "ran"
    assert run.states()["Trainer"] == "reused"
    assert "made anew, for References/references" in " ".join(run.printed.split())
    assert run.versions() == versions
