"""scripts/lock_dependencies.sh with a script in uv's place."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.samples.folders import ROOT

LOCKS = [path.name for path in sorted((ROOT / "deploy").glob("*.lock"))]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("scripts", "deploy", "bin"):
        (tmp_path / folder).mkdir()
    for name in ("setup.py", "scripts/lock_dependencies.sh", "deploy/requirements-serving.in"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "requirements-modern.lock").write_text("tensorflow==2.21.0 \\\n    --hash=sha256:00\n")
    for name in LOCKS:
        (tmp_path / "deploy" / name).write_text("as it was\n")
    return tmp_path


def locked(root: Path, uv: str) -> int:
    """The exit code; `uv` resolves what is not written into a file of its own, the locks of deploy/."""
    (root / "bin/uv").write_text(f'#!/bin/sh\ncase "$*" in *--no-header*) {uv} ;; esac\n')
    (root / "bin/uv").chmod(0o755)
    command = ["sh", str(root / "scripts/lock_dependencies.sh")]
    return subprocess.run(command, check=False, env={"PATH": f"{root}/bin:/usr/bin:/bin"}).returncode


def of_deploy(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (root / "deploy").iterdir() if path.suffix != ".in"}


def test_locks_stay_as_they_are_when_they_cannot_be_resolved(checkout: Path) -> None:
    assert locked(checkout, "exit 1") != 0
    assert of_deploy(checkout) == dict.fromkeys(LOCKS, "as it was\n")


def test_the_lock_for_gpus_holds_the_libraries_of_nvidia_alone(checkout: Path) -> None:
    assert locked(checkout, 'printf "nvidia-x==1\\n    --hash=a\\ntensorflow==2\\n    --hash=b\\n"') == 0
    assert sorted(of_deploy(checkout)) == LOCKS
    lines = of_deploy(checkout)["requirements-gpu.lock"].splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["nvidia-x==1", "    --hash=a"]
