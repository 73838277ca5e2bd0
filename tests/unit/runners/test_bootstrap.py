"""The runners' scripts on a clone that has no environment yet."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.packages import PACKAGES
from core.stack import STACKS
from tests.samples.folders import ROOT


@pytest.fixture
def bare_clone(tmp_path: Path) -> Path:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", *(stack.lock for stack in STACKS)):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def _run(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # -S and -I: a Python that has nothing installed.
    command = [sys.executable, "-S", "-I", str(clone / "runners/local_runner.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=clone)


@pytest.mark.parametrize("words", [(), ("--help",), ("--workload", "taxi")])
def test_says_how_to_make_the_environment(bare_clone: Path, words: tuple[str, ...]) -> None:
    done = _run(bare_clone, *words)
    assert done.returncode == 3
    assert "make setup" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_needs_nothing_installed(bare_clone: Path) -> None:
    done = _run(bare_clone, "doctor")
    assert done.returncode == 3
    assert "make setup" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
