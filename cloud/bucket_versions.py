"""A folder of versions in a bucket, where TensorFlow Serving and our readers see a version once it is whole.

A bucket has neither locks nor renames. A push claims a number by `.pushed/<version>`, an object that must not be there
yet and that lists the files of the version; it uploads them, and `saved_model.pb`, without which nothing is a version,
last. So two pushes at once make two versions, and a killed one leaves a number without a version.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path

from cloud.bucket_folder import BucketFolder, crc32c_of
from registry.contents import contents_of
from serving.version_folder import (
    NEWEST,
    Push,
    VersionFolder,
    fingerprint_of_hashes,
    local_copy,
    next_number,
    not_copied,
    surplus,
)

PUSHED = ".pushed"
GRAPH_FILE = "saved_model.pb"
# What a push left that has not ended by then is removed: no push takes as long.
ABANDONED_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Manifest:
    """The files of a pushed version: a fingerprint of all, and the CRC32C of each by its path."""

    fingerprint: str
    checksums: Mapping[str, str]

    @classmethod
    def of(cls, model: Path) -> Manifest:
        """That of a SavedModel on this machine."""
        hashes = {path: bytes.fromhex(hashed) for path, hashed in contents_of(model).items()}
        return cls(fingerprint_of_hashes(hashes), {path: crc32c_of(model / path) for path in hashes})

    @classmethod
    def loads(cls, content: bytes) -> Manifest:
        """The inverse of `dumps`."""
        return cls(**json.loads(content))

    def dumps(self) -> bytes:
        """As an object's content."""
        return json.dumps(asdict(self)).encode()


class BucketVersionFolder(VersionFolder):
    """Versions below `gs://bucket/folder`, which several processes may push to at once."""

    def __init__(self, folder: str) -> None:
        self._root = BucketFolder(folder)
        self.folder = self._root.address

    def versions(self) -> list[int]:
        """Folders with a number and a `saved_model.pb`.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        return _whole(self._root.checksums())

    def push(self, model: str, keep: int, spared: Collection[int] = ()) -> Push:
        """Without a lock: whoever claims the higher number is served.

        Raises:
          SluiceError: as the contract says. OSError: as the contract says.
        """
        with local_copy(model) as source:
            manifest = Manifest.of(source)
            found = self._root.checksums()
            versions = _whole(found)
            if versions and self._holds(versions[-1], manifest, found):
                return self._stands(versions[-1], manifest, is_new=False)
            version = self._claimed(next_number([*versions, *_numbers(found, PUSHED)]), manifest)
            try:
                self._bring_in(source, model, version, manifest)
            except Exception:
                self._remove(version, manifest.checksums)
                raise
        for old in surplus([*versions, version], keep, spared):
            self._remove(old, _below(str(old), found))
        self._clean(version)
        return self._stands(version, manifest, is_new=True)

    def distrust_if_altered(self) -> None:
        """By the checksums in the manifest.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        found = self._root.checksums()
        for version in _numbers(found, NEWEST):
            manifest = self._manifest(version)
            if manifest is None or not self._holds(version, manifest, found):
                self._root.delete([f"{NEWEST}/{version}"])

    def _claimed(self, first: int, manifest: Manifest) -> int:
        """The first number from `first` on that no push has claimed, claimed for this one."""
        return next(number for number in count(first) if self._root.replace(f"{PUSHED}/{number}", manifest.dumps(), 0))

    def _bring_in(self, source: Path, model: str, version: int, manifest: Manifest) -> None:
        """Uploads the files of a version, the one that makes it visible last."""
        others = [path for path in manifest.checksums if path != GRAPH_FILE]
        arrived = {path: self._root.upload(source / path, f"{version}/{path}") for path in others}
        if {**arrived, GRAPH_FILE: crc32c_of(source / GRAPH_FILE)} != manifest.checksums:
            raise not_copied(f"{self.folder}/{version}", model)
        # First: a push that is killed after the next line must not leave the marker of an older version.
        self._forget(below=version)
        self._root.upload(source / GRAPH_FILE, f"{version}/{GRAPH_FILE}")

    def _holds(self, version: int, manifest: Manifest, found: Mapping[str, str]) -> bool:
        """Whether the version was pushed from these files, and still holds them."""
        pushed = self._manifest(version)
        is_unaltered = _below(str(version), found) == manifest.checksums
        return pushed is not None and pushed.fingerprint == manifest.fingerprint and is_unaltered

    def _manifest(self, version: int) -> Manifest | None:
        found = self._root.read(f"{PUSHED}/{version}")
        return Manifest.loads(found[0]) if found else None

    def _stands(self, version: int, manifest: Manifest, is_new: bool) -> Push:
        """Marks the version as the newest one, unless another push has gone beyond it meanwhile."""
        marker = f"{NEWEST}/{version}"
        self._root.write(marker, manifest.fingerprint.encode())
        newest = max(_whole(self._root.checksums()), default=version)
        self._forget(below=newest)
        path = f"{self.folder}/{version}"
        return Push(version, path, f"{self.folder}/{marker}", is_new, manifest.fingerprint)

    def _forget(self, below: int) -> None:
        """Removes the markers of versions older than `below`."""
        old = [number for number in _numbers(self._root.checksums(NEWEST), "") if number < below]
        self._root.delete(f"{NEWEST}/{number}" for number in old)

    def _remove(self, version: int, paths: Mapping[str, str]) -> None:
        """The graph first: a removal that is killed half-way must not leave a version that looks whole."""
        self._root.delete(f"{version}/{path}" for path in (GRAPH_FILE, *paths))

    def _clean(self, newest: int) -> None:
        """Removes the files and claims of pushes and removals that were killed, once they are so old that no push can
        be at work on them."""
        before = datetime.now(timezone.utc) - ABANDONED_AFTER
        found, claims = self._root.checksums(), self._root.made(PUSHED)
        whole = set(_whole(found))
        for name, made in claims.items():
            if name.isdigit() and made < before and int(name) < newest and int(name) not in whole:
                self._root.delete([*(f"{name}/{path}" for path in _below(name, found)), f"{PUSHED}/{name}"])


def _whole(found: Mapping[str, str]) -> list[int]:
    folders = (name.partition("/")[0] for name in found if name.partition("/")[2] == GRAPH_FILE)
    return sorted(int(folder) for folder in folders if folder.isdigit())


def _numbers(found: Mapping[str, str], folder: str) -> list[int]:
    """The numbers that are names of objects right in `folder`."""
    return sorted(int(name) for name in _below(folder, found) if name.isdigit())


def _below(folder: str, found: Mapping[str, str]) -> dict[str, str]:
    beginning = f"{folder}/" if folder else ""
    return {name.removeprefix(beginning): each for name, each in found.items() if name.startswith(beginning)}
