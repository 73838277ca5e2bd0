"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from core.atomic_write import unfinished, write_bytes, write_json, write_text, write_through
from tests.samples.folders import ROOT

# A process that is stopped for ever when the content is written and the file is not yet in its place.
_STOPPED = """
import sys, time
from pathlib import Path
from core.atomic_write import write_text
def stop(self, target):
    print("stopped", flush=True)
    time.sleep(600)
Path.replace = stop
write_text(Path(sys.argv[1]), "new")
"""


def test_replaces_a_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write_bytes(file, b"old")
    write_json(file, {"outcome": "refused", "für": [1, 2]})
    assert json.loads(file.read_text(encoding="utf-8")) == {"outcome": "refused", "für": [1, 2]}
    assert list(tmp_path.iterdir()) == [file]


def test_a_new_file_has_the_mode_of_any_file_of_this_user(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_text(tmp_path / "written", "x")
    assert (tmp_path / "written").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, value: object) -> None:
    file = tmp_path / "run.json"
    write_text(file, "old")
    with pytest.raises((ValueError, TypeError)):
        write_json(file, {"value": value})
    assert file.read_text() == "old"


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.html"
    write_text(file, "old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_kill_leaves_the_old_file_and_the_attempt_is_found(tmp_path: Path) -> None:
    file, other = tmp_path / "index.json", tmp_path / "index.json.bak"
    write_text(file, "old")
    write_text(other, "other")
    command = [sys.executable, "-c", _STOPPED, str(file)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "stopped\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert file.read_text() == "old"
    [attempt] = unfinished(file)
    assert attempt.read_text() == "new"
    assert list(unfinished(other)) == []


def test_writes_through_the_functions_of_another_library(tmp_path: Path) -> None:
    moved = []

    def create(fresh: str) -> IO[bytes]:
        return Path(fresh).open("wb")

    def rename(fresh: str, path: str) -> None:
        moved.append(Path(fresh).name)
        Path(fresh).replace(path)

    write_through(f"{tmp_path}/trial-1.json", b"{}", create, rename)
    assert (tmp_path / "trial-1.json").read_bytes() == b"{}"
    [name] = moved
    assert not name.startswith("trial-")
    assert not name.endswith(".json")
