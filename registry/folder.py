"""A registry in a folder: `<root>/<model>/<version>/` with the SavedModel in `model/` and its files beside it.

`index.json` lists the versions and is replaced in one step under a lock. A version is written into a folder whose name
begins with a dot, and the folder is renamed: a killed process leaves either nothing or a whole version, which the next
reader of the index adds to it.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from core.atomic_write import unfinished, write_json
from core.errors import SluiceError
from registry.contents import INCOMING, Contents, contents_of, copy_whole, difference, fill_whole
from registry.contract import (
    Numbered,
    RegisteredVersion,
    Submission,
    check_model_name,
    is_model_name,
)
from registry.index import (
    ENTRY_FILE,
    INDEX_FILE,
    DamagedIndexError,
    Entry,
    Index,
    altered_version,
    put_together,
    read_entry,
    read_index,
    write_entries,
    write_index,
)
from registry.indexed import IndexedRegistry, check_submission
from registry.recipe import is_version, numbers_of

_LOG = logging.getLogger("sluice")


class FolderRegistry(IndexedRegistry):
    """Model versions below `root`, shared by all processes of one machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root)

    def register(self, submission: Submission) -> RegisteredVersion:
        """Adds a version under the lock of its model.

        Raises:
          SluiceError: as the contract says.
        """
        check_submission(submission)
        folder = self.root / submission.model
        folder.mkdir(parents=True, exist_ok=True)
        with self._alone(submission.model):
            _clean(folder)
            index = self._taken_in(submission.model)
            model = contents_of(submission.saved_model)
            same = [each for each in index.entries.values() if each.is_of(model, submission.recipe)]
            known = next((each for each in same if not self._altered(submission.model, each)), None)
            if known is None:
                entry = self._bring_in(submission, self._numbered(index, submission, same), model)
                write_index(folder / INDEX_FILE, index.with_entry(entry))
                known = entry
        return self.find(submission.model, known.version)

    def exists(self) -> bool:
        """The folder is made when the first model is registered."""
        return self.root.is_dir()

    def models(self) -> list[str]:
        """The folders that hold a model's versions."""
        if not self.root.is_dir():
            return []
        names = (entry.name for entry in self.root.iterdir() if entry.is_dir() and is_model_name(entry.name))
        return sorted(name for name in names if self.versions(name))

    def versions(self, model: str) -> list[RegisteredVersion]:
        """From the index, after every whole version was added to it."""
        check_model_name(model)
        folder = self.root / model
        try:
            index: Index | None = read_index(folder / INDEX_FILE)
        except DamagedIndexError:
            index = None
        if index is None or _strangers(folder, index):
            with self._alone(model):
                index = self._taken_in(model)
        return index.registered_versions(model, lambda version: str(folder / version))

    def alteration(self, version: RegisteredVersion) -> str:
        """By the hash of every file."""
        entry = read_index(self.root / version.model / INDEX_FILE).entries[version.version]
        return _alteration(entry, Path(version.location))

    def fetch(self, model: str, reference: str, folder: Path) -> RegisteredVersion:
        """Copies, and compares the copy with the index.

        Raises:
          SluiceError: as the contract says, and when `folder` cannot be written.
        """
        found = self.find(model, reference)
        source = Path(found.location)
        entry = read_index(self.root / model / INDEX_FILE).entries[found.version]

        def fill(fresh: Path) -> None:
            if not source.is_dir():
                raise _not_as_registered(model, entry, source)
            copy_whole(source, fresh)
            if alteration := _alteration(entry, fresh):
                raise _not_as_registered(model, entry, source, alteration)

        fill_whole(folder, fill, f"python -m registry fetch {model} {reference} ANOTHER_FOLDER")
        return found

    def _bring_in(self, submission: Submission, numbered: Numbered, model: Contents) -> Entry:
        """Writes the files of a version and renames their folder to the version's."""
        folder = self.root / submission.model
        incoming = folder / f"{INCOMING}{uuid.uuid4().hex}"
        incoming.mkdir()
        try:
            entry = self._put_together(incoming, submission, numbered, model)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)
            raise
        incoming.replace(folder / numbered.version)
        return entry

    def _put_together(self, incoming: Path, submission: Submission, numbered: Numbered, model: Contents) -> Entry:
        """Writes all files of a version, the one with its entry last."""
        entry = put_together(incoming, submission, numbered, model)
        write_json(incoming / ENTRY_FILE, dataclasses.asdict(entry))
        return entry

    def _taken_in(self, model: str) -> Index:
        """The index with the whole versions that it lacked: of a killed process, or of an index that was lost or
        damaged, whose aliases come back with the versions. The lock must be held."""
        folder = self.root / model
        index = known = _read_or_set_aside(folder / INDEX_FILE)
        for stranger in _strangers(folder, known):
            entry, aliases = read_entry(folder / stranger / ENTRY_FILE) or (None, ())
            if entry is not None and entry.version == stranger and not _alteration(entry, folder / stranger):
                index = index.with_entry(entry)
                for alias in () if known.entries else aliases:
                    index = index.with_alias(alias, stranger)
        if index is not known:
            write_index(folder / INDEX_FILE, index)
        return index

    def _altered(self, model: str, entry: Entry) -> bool:
        return bool(_alteration(entry, self.root / model / entry.version))

    def _change(self, model: str, version: str, edit: Callable[[Index], Index]) -> RegisteredVersion:
        """Edits the index under the lock and returns the changed version, which has to be whole."""
        path = self.root / model / INDEX_FILE
        with self._alone(model):
            index = read_index(path)
            entry, folder = index.entries[version], self.root / model / version
            if alteration := _alteration(entry, folder):
                raise _not_as_registered(model, entry, folder, alteration)
            changed = edit(index)
            if changed is not index:
                write_index(path, changed)
                write_entries(path.parent, changed, index)
        return self.find(model, version)

    def _numbered(self, index: Index, submission: Submission, lost: list[Entry]) -> Numbered:
        """The next number that no folder has: that of an altered version, which is not in the index, stays taken."""
        numbered = index.number(submission, lost)
        while (self.root / submission.model / numbered.version).exists():
            major, minor, patch = numbers_of(numbered.version)
            numbered = dataclasses.replace(numbered, version=f"{major}.{minor}.{patch + 1}")
        return numbered

    @contextmanager
    def _alone(self, model: str) -> Iterator[None]:
        """Locks the model for one change; the kernel releases the lock even after kill -9."""
        with FileLock(self.root / model / ".lock"):
            yield


def _not_as_registered(model: str, entry: Entry, folder: Path, alteration: str = "") -> SluiceError:
    """The refusal of a version that is gone, or has this `alteration`."""
    return altered_version(model, entry.version, str(folder), alteration if folder.is_dir() else "")


def _read_or_set_aside(path: Path) -> Index:
    """The index; an empty one in place of a damaged one, which is kept under another name."""
    try:
        return read_index(path)
    except DamagedIndexError as damaged:
        path.replace(path.with_name(f"{path.name}.damaged"))
        _LOG.warning("%s It is made again from the versions.", damaged.headline)
        return Index()


def _strangers(folder: Path, index: Index) -> list[str]:
    """Folders with names of versions that are not in the index."""
    if not folder.is_dir():
        return []
    names = (entry.name for entry in folder.iterdir() if is_version(entry.name) and (entry / ENTRY_FILE).is_file())
    return sorted(set(names) - set(index.entries))


def _alteration(entry: Entry, folder: Path) -> str:
    """The first file that differs from the registered one, or that the folder is gone; empty when unaltered."""
    if not folder.is_dir():
        return "the folder is gone"
    found = {path: hashed for path, hashed in contents_of(folder).items() if path != ENTRY_FILE}
    return difference(entry.contents, found)


def _clean(folder: Path) -> None:
    """Removes the partial versions of killed processes. The lock must be held."""
    for left in folder.glob(f"{INCOMING}*"):
        shutil.rmtree(left)
    for part in unfinished(folder / INDEX_FILE):
        part.unlink()
