"""Every `python -m …` of the pages works with whatever Python was typed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.packages import PACKAGES
from core.version import VERSION
from tests.samples.folders import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
NAMED = re.compile(rf"python -m ((?:{'|'.join(PACKAGES)})\b(?:\.[a-z_]+)*)")
COMMANDS = sorted({name for page in PAGES for name in NAMED.findall(page.read_text(encoding="utf-8"))})


@pytest.fixture(scope="module")
def bare_clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clone = tmp_path_factory.mktemp("clone")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    (clone / "setup.py").touch()
    return clone


@pytest.fixture
def clone_with_environment(bare_clone: Path) -> Iterator[Path]:
    own = bare_clone / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.write_text('#!/bin/sh\necho "$@"\n')
    own.chmod(0o755)
    yield bare_clone
    shutil.rmtree(bare_clone / ".venv")


@pytest.fixture
def installed(bare_clone: Path) -> Iterator[Path]:
    (bare_clone / "setup.py").unlink()
    yield bare_clone
    (bare_clone / "setup.py").touch()


def run_with_nothing_installed(
    clone: Path, module: str, words: tuple[str, ...] = ("list", "--json")
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-S", "-m", module, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=clone, env=environment)


@pytest.mark.parametrize("module", COMMANDS)
def test_says_how_to_make_the_environment(bare_clone: Path, module: str) -> None:
    done = run_with_nothing_installed(bare_clone, module)
    assert done.returncode == 3
    assert done.stderr == "sluice: there is no environment yet.\n        Make it:  make setup\n"


@pytest.mark.parametrize("module", ["runners.local_runner", "runners.vertex_runner", "gates"])
def test_shows_the_version_where_nothing_is_installed(bare_clone: Path, module: str) -> None:
    done = run_with_nothing_installed(bare_clone, module, ("--version",))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"sluice, version {VERSION}\n", "")


def test_the_pages_name_the_commands_of_every_room() -> None:
    assert {"gates", "registry", "serving", "serving.rollout", "cloud.request_log"} <= set(COMMANDS)


def test_an_installation_without_the_pipeline_names_the_one_with_it(installed: Path) -> None:
    done = run_with_nothing_installed(installed, "registry")
    assert done.returncode == 3
    assert done.stderr.endswith("Install the pipeline, in a checkout:  make setup\n")


@pytest.mark.parametrize("module", COMMANDS)
def test_goes_on_in_the_environment_with_the_same_words(clone_with_environment: Path, module: str) -> None:
    done = run_with_nothing_installed(clone_with_environment, module)
    assert (done.returncode, done.stdout) == (0, f"-S -m {module} list --json\n")


def test_goes_on_with_the_module_that_a_python_before_3_10_does_not_keep(clone_with_environment: Path) -> None:
    older = "import runpy, sys; del sys.orig_argv; runpy.run_module('gates', run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-S", "-c", older, "list", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=clone_with_environment)
    assert (done.returncode, done.stdout) == (0, "-m gates list --json\n"), done.stderr


@pytest.mark.parametrize(("filters", "is_printed"), [([], False), (["-W", "default"], True)])
def test_what_libraries_say_of_their_future_is_printed_for_who_asks_for_warnings(filters, is_printed) -> None:
    program = (
        "import warnings; from core.environment import enter_environment; enter_environment('json');"
        "warnings.warn('this Python will not be supported', FutureWarning); warnings.warn('look here')"
    )
    command = [sys.executable, *filters, "-c", program]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)
    assert "UserWarning: look here" in done.stderr
    assert ("FutureWarning: this" in done.stderr) == is_printed
