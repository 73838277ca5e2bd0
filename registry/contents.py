"""Hashes of the files of a version, which show alterations and equal models."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from core.errors import SluiceError

Contents = Mapping[str, str]  # SHA-256 by path, relative to the folder
_BLOCK = 1 << 20


def contents_of(folder: Path) -> dict[str, str]:
    """The hash of every file below `folder`."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _hash(path) for path in found}


def digest_of(contents: Contents) -> str:
    """One hash over paths and contents."""
    lines = "".join(f"{hashed}  {path}\n" for path, hashed in sorted(contents.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def difference(expected: Contents, found: Contents) -> str:
    """The first file in which two folders differ, in words; empty when they are the same."""
    for path in sorted({*expected, *found}):
        if path not in found:
            return f"{path} is missing"
        if path not in expected:
            return f"{path} was added"
        if expected[path] != found[path]:
            return f"{path} was altered"
    return ""


def copy_whole(source: Path, target: Path) -> None:
    """Copies a folder to a path that does not exist yet.

    Raises:
      SluiceError: when a file of the source is removed meanwhile. OSError: when nothing can be written there.
    """
    target.mkdir()
    try:
        shutil.copytree(source, target, dirs_exist_ok=True)
    except FileNotFoundError as problem:
        raise SluiceError(f"{problem.filename} has gone while it was being copied.", "Try again.") from problem


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
