"""A folder of versions on a disk: a version is copied under another name and renamed, one push at a time."""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Collection
from pathlib import Path

from filelock import FileLock
from tensorflow.io import gfile

from core.errors import SluiceError
from serving.local.state import StateFile
from serving.own_folder import check_is_own
from serving.version_folder import (
    NEWEST,
    Push,
    VersionFolder,
    copy_folder,
    fingerprint_of,
    next_number,
    not_copied,
    surplus,
)

INCOMING = ".incoming-"
LEAVING = ".leaving-"


class LocalVersionFolder(VersionFolder):
    """Versions on this machine; the model itself may be in a bucket."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def versions(self) -> list[int]:
        """By the names of the folders."""
        if not gfile.isdir(self.folder):
            return []
        names = gfile.listdir(self.folder)
        return sorted(int(name) for name in names if name.isdigit() and gfile.isdir(self._path(name)))

    def push(self, model: str, keep: int, spared: Collection[int] = ()) -> Push:
        """Under the lock of the folder, which the kernel releases even after kill -9. A version that is deployed at
        the folder's endpoint stays, too.

        Raises:
          OSError: as the contract says.
          SluiceError: when the folder is a link to nothing or into another workload's.
        """
        check_is_own(Path(self.folder))
        gfile.makedirs(self.folder)
        with FileLock(self._path(".lock")):
            self._clean()
            fingerprint = fingerprint_of(model)
            versions = self.versions()
            if versions and fingerprint_of(self._path(str(versions[-1]))) == fingerprint:
                return self._stands(versions[-1], fingerprint, is_new=False)
            version = next_number([*versions, *self._marked()])
            self._bring_in(model, str(version), fingerprint)
            self._prune([*versions, version], keep, spared)
            return self._stands(version, fingerprint, is_new=True)

    def distrust_if_altered(self) -> None:
        """By the fingerprint in the marker.

        Raises:
          SluiceError: when the folder is a link to nothing or into another workload's.
        """
        check_is_own(Path(self.folder))
        for version in self._marked():
            with gfile.GFile(posixpath.join(self.folder, NEWEST, str(version)), "rb") as file:
                pushed = file.read()  # bytes: what another program left there may be no text
            if fingerprint_of(self._path(str(version))).encode() != pushed:
                self._forget_newest()

    def _path(self, name: str) -> str:
        return posixpath.join(self.folder, name)

    def _bring_in(self, model: str, version: str, fingerprint: str) -> None:
        incoming = self._path(INCOMING + uuid.uuid4().hex)
        copy_folder(model, incoming)
        if fingerprint_of(incoming) != fingerprint:
            raise not_copied(incoming, model)
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

    def _prune(self, versions: list[int], keep: int, spared: Collection[int]) -> None:
        try:
            deployed = StateFile(Path(self.folder), "").read().deployed
        except SluiceError:
            # Damaged: it may be any of them. Whoever starts the endpoint is given the reason.
            return
        kept = {*spared, *(int(each.version) for each in deployed if each.version.isdigit())}
        for version in surplus(versions, keep, kept):
            # Renamed first: a removal that is killed half-way must not leave a version that looks whole.
            leaving = self._path(f"{LEAVING}{version}")
            gfile.rename(self._path(str(version)), leaving)
            gfile.rmtree(leaving)
            StateFile(Path(self.folder), "").set_aside(str(version), False)

    def _clean(self) -> None:
        """Removes what killed pushes left. The lock must be held, so that no other push is at work."""
        for name in gfile.listdir(self.folder):
            if name.startswith((INCOMING, LEAVING)):
                gfile.rmtree(self._path(name))
