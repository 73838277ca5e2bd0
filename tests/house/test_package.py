"""What is built from setup.py: Beam's workers install that archive, and nothing else of the repository is there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from core.packages import PACKAGES
from tests.samples.folders import ROOT

# As pip does it: the folder is not on the import path, and what is needed is what setup.py finds by itself.
_METADATA = """
import os, sys
from setuptools import build_meta
os.chdir(sys.argv[1])
build_meta.prepare_metadata_for_build_wheel(sys.argv[2])
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive that `--setup_file` makes, made where only setup.py and the packages are."""
    bare, made = tmp_path_factory.mktemp("bare"), tmp_path_factory.mktemp("made")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, bare / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.py", bare)
    command = [sys.executable, "-I", "setup.py", "-q", "sdist", "--dist-dir", str(made)]
    subprocess.run(command, cwd=bare, check=True, capture_output=True, text=True)
    [archive] = made.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(made)
    [folder] = (entry for entry in made.iterdir() if entry.is_dir())
    return folder


def test_the_archive_holds_every_module_of_every_package(unpacked: Path) -> None:
    modules = {file.relative_to(ROOT) for name in PACKAGES for file in (ROOT / name).rglob("*.py")}
    assert {file.relative_to(unpacked) for file in unpacked.rglob("*.py")} == {*modules, Path("setup.py")}


def test_the_archive_can_be_installed_where_it_is_unpacked(unpacked: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-c", _METADATA, str(unpacked), str(tmp_path)]
    subprocess.run(command, cwd="/", check=True, capture_output=True, text=True)
    [names] = tmp_path.glob("*.dist-info/top_level.txt")
    assert set(names.read_text().split()) == set(PACKAGES)
