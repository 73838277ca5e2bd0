"""A folder of model versions that TensorFlow Serving watches: it holds whole versions, and the highest is served."""

from __future__ import annotations

import hashlib
import os
import posixpath
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from filelock import FileLock
from tensorflow.io import gfile

INCOMING = ".incoming-"
LEAVING = ".leaving-"
NEWEST = ".newest"

# The newest and the one before it stay whatever the configuration says: a rollback needs somewhere to go.
FEWEST_KEPT = 2


@dataclass(frozen=True)
class Push:
    """The place of a model after a push. `marker` exists until a newer version is pushed."""

    version: int
    path: str
    marker: str
    is_new: bool
    fingerprint: str


class VersionFolder:
    """`<folder>/<version>/`; names that begin with a dot are not versions."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def versions(self) -> list[int]:
        """Every version, oldest first."""
        if not gfile.isdir(self.folder):
            return []
        names = (name.rstrip("/") for name in gfile.listdir(self.folder))
        return sorted(int(name) for name in names if name.isdigit() and gfile.isdir(self._path(name)))

    def push(self, model: str, keep: int) -> Push:
        """Copies a SavedModel as the newest version, whole or not at all; does nothing when it is the newest."""
        gfile.makedirs(self.folder)
        with self._alone():
            self._clean()
            fingerprint = fingerprint_of(model)
            versions = self.versions()
            if versions and fingerprint_of(self._path(str(versions[-1]))) == fingerprint:
                return self._stands(versions[-1], fingerprint, is_new=False)
            version = max(int(time.time()), *(number + 1 for number in [*versions, *self._marked()]), 0)
            self._bring_in(model, str(version), fingerprint)
            self._prune([*versions, version], keep)
            return self._stands(version, fingerprint, is_new=True)

    def distrust_if_altered(self) -> None:
        """Removes the marker of a version whose files are not those that were pushed, so that the next run pushes
        again instead of reusing the push."""
        for version in self._marked():
            with gfile.GFile(posixpath.join(self.folder, NEWEST, str(version)), "r") as file:
                pushed = file.read()
            if fingerprint_of(self._path(str(version))) != pushed:
                self._forget_newest()

    def _path(self, name: str) -> str:
        return posixpath.join(self.folder, name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Locks the folder for one push; object stores have no locks, there the schedule must prevent two pushes."""
        if "://" in self.folder:
            yield
            return
        with FileLock(self._path(".lock")):
            yield

    def _bring_in(self, model: str, version: str, fingerprint: str) -> None:
        incoming = self._path(INCOMING + uuid.uuid4().hex)
        _copy(model, incoming)
        if fingerprint_of(incoming) != fingerprint:
            raise OSError(f"{incoming} does not hold what was copied from {model}: disk full, or the model changed")
        # First: a push that is killed after the rename must not leave the marker of a version that is newest no more.
        self._forget_newest()
        gfile.rename(incoming, self._path(version))

    def _stands(self, version: int, fingerprint: str, is_new: bool) -> Push:
        marker = posixpath.join(self.folder, NEWEST, str(version))
        if not gfile.exists(marker):
            self._forget_newest()
            gfile.makedirs(posixpath.dirname(marker))
            with gfile.GFile(marker, "w") as file:
                file.write(fingerprint)
        return Push(version, self._path(str(version)), marker, is_new, fingerprint)

    def _marked(self) -> list[int]:
        """The version last marked newest. Its number is not used again, even after the version was deleted."""
        folder = self._path(NEWEST)
        return [int(name) for name in gfile.listdir(folder) if name.isdigit()] if gfile.isdir(folder) else []

    def _forget_newest(self) -> None:
        if gfile.isdir(self._path(NEWEST)):
            gfile.rmtree(self._path(NEWEST))

    def _prune(self, versions: list[int], keep: int) -> None:
        for version in versions[: -max(keep, FEWEST_KEPT)]:
            # Renamed first: a removal that is killed half-way must not leave a version that looks whole.
            leaving = self._path(f"{LEAVING}{version}")
            gfile.rename(self._path(str(version)), leaving)
            gfile.rmtree(leaving)

    def _clean(self) -> None:
        for name in gfile.listdir(self.folder):
            if name.startswith((INCOMING, LEAVING)):
                gfile.rmtree(self._path(name.rstrip("/")))


def fingerprint_of(folder: str) -> str:
    """A hash of every file's path and content."""
    digest = hashlib.sha256()
    for name in files_of(folder):
        with gfile.GFile(posixpath.join(folder, name), "rb") as file:
            content = hashlib.sha256(file.read()).digest()
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()


def files_of(folder: str) -> list[str]:
    """Paths of all files below `folder`, relative to it, in alphabetical order."""
    return sorted(
        os.path.relpath(posixpath.join(parent, name), folder)
        for parent, _, names in gfile.walk(folder)
        for name in names
    )


def _copy(source: str, target: str) -> None:
    gfile.makedirs(target)
    for parent, folders, names in gfile.walk(source):
        at = os.path.normpath(posixpath.join(target, os.path.relpath(parent, source)))
        for folder in folders:
            gfile.makedirs(posixpath.join(at, folder))
        for name in names:
            gfile.copy(posixpath.join(parent, name), posixpath.join(at, name))
