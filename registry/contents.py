"""Hashes of the files of a version, which show alterations and equal models."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import SluiceError

Contents = Mapping[str, str]  # SHA-256 by path, relative to the folder
INCOMING = ".incoming-"  # the beginning of the name of a folder that is not whole yet
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


def fill_whole(folder: Path, fill: Callable[[Path], None], elsewhere: str) -> None:
    """Makes `folder` by calling `fill` with a fresh folder beside it, and renames that one when `fill` returns.

    `elsewhere` is the command that does the same with another folder.

    Raises:
      SluiceError: when `folder` is there and not empty, or cannot be written.
    """
    another = f"Fetch it elsewhere:  {elsewhere}"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SluiceError(f"{folder} is there already and not empty.", another)
    fresh = folder.parent / f"{INCOMING}{uuid.uuid4().hex}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fill(fresh)
        fresh.replace(folder)
    except OSError as problem:
        raise SluiceError(f"{folder} cannot be written: {problem.strerror or problem}.", another) from problem
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
