"""`python -m gates` and `python -m registry` work with whatever Python was typed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.packages import PACKAGES
from tests.samples.folders import ROOT

COMMANDS = ("gates", "registry")


@pytest.fixture
def bare_clone(tmp_path: Path) -> Path:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "setup.py").touch()
    return tmp_path


def run_with_nothing_installed(clone: Path, module: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-S", "-m", module, "list", "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=clone, env=environment)


@pytest.mark.parametrize("module", COMMANDS)
def test_says_how_to_make_the_environment(bare_clone: Path, module: str) -> None:
    done = run_with_nothing_installed(bare_clone, module)
    assert done.returncode == 3
    assert done.stderr == "sluice: there is no environment yet.\n        Make it:  make setup\n"


def test_an_installation_without_the_pipeline_names_the_one_with_it(bare_clone: Path) -> None:
    (bare_clone / "setup.py").unlink()
    done = run_with_nothing_installed(bare_clone, "registry")
    assert done.returncode == 3
    assert done.stderr.endswith("Install the pipeline, in a checkout:  make setup\n")


@pytest.mark.parametrize("module", COMMANDS)
def test_goes_on_in_the_environment_with_the_same_words(bare_clone: Path, module: str) -> None:
    own = bare_clone / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.write_text('#!/bin/sh\necho "$@"\n')
    own.chmod(0o755)
    done = run_with_nothing_installed(bare_clone, module)
    assert (done.returncode, done.stdout) == (0, f"-S -m {module} list --json\n")
