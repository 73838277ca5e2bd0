"""The contract of a folder of model versions that TensorFlow Serving watches: it holds whole versions, and the highest
is served. Also the files of a model, here or in a bucket."""

from __future__ import annotations

import hashlib
import posixpath
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tensorflow.io import gfile

NEWEST = ".newest"  # the folder of the marker

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


class VersionFolder(ABC):
    """`<folder>/<version>/`; names that begin with a dot are not versions."""

    folder: str

    @abstractmethod
    def versions(self) -> list[int]:
        """Every whole version, oldest first."""

    @abstractmethod
    def push(self, model: str, keep: int, spared: Collection[int] = ()) -> Push:
        """Copies a SavedModel as the newest version, whole or not at all; does nothing when it is the newest.

        `keep` versions stay, and never fewer than two; so do those of `spared`.

        Raises:
          OSError: when what was copied is not the model. SluiceError: when the folder cannot be used.
        """

    @abstractmethod
    def distrust_if_altered(self) -> None:
        """Removes the marker of a version whose files are not those that were pushed, so that the next run pushes
        again instead of reusing the push.

        Raises:
          SluiceError: when the folder cannot be used.
        """


def next_number(taken: Collection[int]) -> int:
    """The number of a new version: the seconds since 1970, or the first that is above every number `taken`."""
    return max(int(time.time()), *(number + 1 for number in taken), 0)


def surplus(versions: list[int], keep: int, spared: Collection[int] = ()) -> list[int]:
    """Those of `versions`, oldest first, that go when the newest `keep` stay, and those of `spared`."""
    return [version for version in versions[: -max(keep, FEWEST_KEPT)] if version not in spared]


def not_copied(copy: str, model: str) -> OSError:
    """The refusal of a copy whose files are not those of the model."""
    return OSError(f"{copy} does not hold what was copied from {model}: disk full, or the model changed")


def fingerprint_of(folder: str) -> str:
    """A hash of every file's path and content."""
    hashes = {}
    for name in files_of(folder):
        with gfile.GFile(posixpath.join(folder, name), "rb") as file:
            hashes[name] = hashlib.sha256(file.read()).digest()
    return fingerprint_of_hashes(hashes)


def fingerprint_of_hashes(hashes: Mapping[str, bytes]) -> str:
    """The same, from the SHA-256 of each file by its path."""
    digest = hashlib.sha256()
    for name, content in sorted(hashes.items()):
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()


def files_of(folder: str) -> list[str]:
    """Paths of all files below `folder`, relative to it, in alphabetical order."""
    return sorted(posixpath.join(at, name) for at, _, names in _walk(folder) for name in names)


def copy_folder(source: str, target: str) -> None:
    """Copies a folder with all that is in it, from or to a bucket as well."""
    gfile.makedirs(target)
    for at, folders, names in _walk(source):
        for folder in folders:
            gfile.makedirs(posixpath.join(target, at, folder))
        for name in names:
            gfile.copy(posixpath.join(source, at, name), posixpath.join(target, at, name))


@contextmanager
def local_copy(folder: str) -> Iterator[Path]:
    """The folder itself when it is on this machine, else a copy that is gone after the block."""
    if "://" not in folder:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy_folder(folder, f"{scratch}/copy")
        yield Path(scratch) / "copy"


def _walk(folder: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Every folder relative to `folder` ("" for itself), its folders and its files; in a bucket TensorFlow writes a
    slash behind some names."""
    beginning = folder.rstrip("/")
    for parent, folders, names in gfile.walk(beginning):
        at = parent.rstrip("/")[len(beginning) :].lstrip("/")
        yield at, [name.rstrip("/") for name in folders], [name for name in names if name]
