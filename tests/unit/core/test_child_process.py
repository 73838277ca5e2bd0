"""Processes that are started from here."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.child_process import child_environment, ending_in_words


def test_another_python_finds_our_packages_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/of_the_user.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "theirs"))
    program = "import of_the_user, core.errors; print(core.errors.__file__)"
    command = [sys.executable, "-S", "-c", program]  # without site-packages, which may name the repository, too
    found = subprocess.run(command, cwd=tmp_path, env=child_environment(), capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()) == Path(__file__).parents[3] / "core/errors.py"


@pytest.mark.parametrize(("program", "words"), [("exit(3)", "with exit code 3"), ("", "with exit code 0")])
def test_an_exit_code_is_named(program: str, words: str) -> None:
    assert ending_in_words(subprocess.run([sys.executable, "-c", program], check=False).returncode) == words


def test_a_signal_is_named() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        process.send_signal(signal.SIGKILL)
    assert ending_in_words(process.returncode) == "by signal 9"
