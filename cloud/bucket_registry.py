"""A registry in a bucket: `gs://bucket/folder/<model>/<version>-<attempt>/`, listed by `<model>/index.json`.

A bucket has neither locks nor renames. So the files of a version are uploaded first, to a folder of this attempt alone,
and the index names them last: it is replaced only if it is still the one that was read, else the change is made again
on the newer one. A killed process leaves files that no index names, and no other process ever removes them.
"""

from __future__ import annotations

import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloud.bucket_folder import SCHEME, BucketFolder
from cloud.bucket_index import BucketIndex, StoredFiles, dump_entry, load_entry
from core.errors import SluiceError
from registry.contents import Contents, contents_of, difference, fill_whole
from registry.contract import (
    Numbered,
    RegisteredVersion,
    Submission,
    check_model_name,
    is_model_name,
)
from registry.index import ENTRY_FILE, INDEX_FILE, NOT_OURS, Entry, Index, altered_version, damaged_index, put_together
from registry.indexed import IndexedRegistry, check_submission

# Each round that fails has changed the index for another process, so that many processes would have to write at once.
_ROUNDS = 20
_LONGEST_WAIT = 2.0  # seconds; Cloud Storage takes about one change of an object a second


@dataclass(frozen=True)
class _Upload:
    """The files of a version that no index names yet."""

    numbered: Numbered
    entry: Entry
    files: StoredFiles


class BucketRegistry(IndexedRegistry):
    """Model versions below `gs://<where>`, shared by all processes that may write there."""

    def __init__(self, where: str) -> None:
        """`where`: bucket/folder."""
        self._root = BucketFolder(f"{SCHEME}{where}")
        self.place = self._root.address

    def register(self, submission: Submission) -> RegisteredVersion:
        """Uploads the files and then adds them to the index; anew when another process took the number meanwhile.

        Raises:
          SluiceError: as the contract says, and when the bucket cannot be used.
        """
        check_submission(submission)
        model = contents_of(submission.saved_model)
        upload: _Upload | None = None
        for seen in self._rounds(submission.model):
            same = [each for each in seen.index.entries.values() if each.is_of(model, submission.recipe)]
            known = next((each for each in same if not self._alteration(submission.model, seen, each.version)), None)
            if known is not None:
                if upload is not None and upload.files != seen.files[known.version]:
                    self._discard(submission.model, upload.files)
                return self.find(submission.model, known.version)
            numbered = seen.index.number(submission, same)
            if upload is not None and upload.numbered != numbered:
                self._discard(submission.model, upload.files)
                upload = None
            upload = upload or self._uploaded(submission, numbered, model)
            if self._replaced(submission.model, seen, seen.with_version(upload.entry, upload.files)):
                return self.find(submission.model, numbered.version)
        raise self._busy(submission.model)

    def models(self) -> list[str]:
        """The folders that hold a model's versions.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        return [name for name in self._root.folders() if is_model_name(name) and self.versions(name)]

    def versions(self, model: str) -> list[RegisteredVersion]:
        """From the index; when it was lost, from the entries that lie beside the versions.

        Raises:
          SluiceError: when the name cannot be one, the index is damaged, or the bucket cannot be used.
        """
        check_model_name(model)
        seen = self._read(model)
        return seen.index.registered_versions(
            model, lambda version: f"{self.place}/{model}/{seen.files[version].folder}"
        )

    def alteration(self, version: RegisteredVersion) -> str:
        """By the checksums that Cloud Storage keeps: one listing, no download.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        return self._alteration(version.model, self._read(version.model), version.version)

    def fetch(self, model: str, reference: str, folder: Path) -> RegisteredVersion:
        """Downloads, and compares the SHA-256 of every file with the index.

        Raises:
          SluiceError: as the contract says, and when `folder` cannot be written.
        """
        found = self.find(model, reference)
        seen = self._read(model)
        entry, files = seen.index.entries[found.version], seen.files[found.version]

        def fill(fresh: Path) -> None:
            self._refuse_altered(model, seen, found.version)
            for path in (*files.checksums, ENTRY_FILE):
                self._root.download(f"{model}/{files.folder}/{path}", fresh / path)
            arrived = {path: hashed for path, hashed in contents_of(fresh).items() if path != ENTRY_FILE}
            if alteration := difference(entry.contents, arrived):
                raise altered_version(model, found.version, found.location, alteration)

        fill_whole(folder, fill, f"python -m registry --folder {self.place} fetch {model} {reference} ANOTHER_FOLDER")
        return found

    def _change(self, model: str, version: str, edit: Callable[[Index], Index]) -> RegisteredVersion:
        """Edits the index and returns the changed version, which has to be whole."""
        for seen in self._rounds(model):
            self._refuse_altered(model, seen, version)
            changed = seen.edited(edit)
            if changed is seen or self._replaced(model, seen, changed):
                return self.find(model, version)
        raise self._busy(model)

    def _rounds(self, model: str) -> Iterator[BucketIndex]:
        """The newest index, again and again, with growing pauses."""
        for number in range(_ROUNDS):
            if number:
                time.sleep(random.uniform(0, min(0.05 * 2**number, _LONGEST_WAIT)))
            yield self._read(model)

    def _busy(self, model: str) -> SluiceError:
        sentence = (
            f"{self.place}/{model}/{INDEX_FILE} was changed by others {_ROUNDS} times while it was to be changed."
        )
        return SluiceError(sentence, f"Try again; see what is there:  python -m registry --folder {self.place} list")

    def _read(self, model: str) -> BucketIndex:
        found = self._root.read(f"{model}/{INDEX_FILE}")
        if found is None:
            return self._made_again(model)
        try:
            return BucketIndex.loads(*found)
        except NOT_OURS as problem:
            place = f"{self.place}/{model}/{INDEX_FILE}"
            raise damaged_index(place, problem, move="gcloud storage mv") from problem

    def _made_again(self, model: str) -> BucketIndex:
        """The index of the whole versions where there is no index: it was lost, or a first registration was killed
        before it wrote one. Of two versions with one number the later one counts."""
        checksums = self._root.checksums(model)
        paths = [path for path in checksums if path.count("/") == 1 and path.endswith(f"/{ENTRY_FILE}")]
        read = (self._root.read(f"{model}/{path}") for path in paths)
        entries = filter(None, (load_entry(found[0]) for found in read if found))
        made = BucketIndex()
        for entry, files in sorted(entries, key=lambda pair: pair[0].registered_at):
            if not files.alteration(_below(files.folder, checksums)):
                made = made.with_version(entry, files)
        return made

    def _replaced(self, model: str, seen: BucketIndex, changed: BucketIndex) -> bool:
        return self._root.replace(f"{model}/{INDEX_FILE}", changed.dumps(), seen.generation)

    def _uploaded(self, submission: Submission, numbered: Numbered, model: Contents) -> _Upload:
        """Puts a version together on this machine and uploads its files, the one with its entry last."""
        folder = f"{numbered.version}-{uuid.uuid4().hex[:8]}"
        with tempfile.TemporaryDirectory() as name:
            scratch = Path(name)
            entry = put_together(scratch, submission, numbered, model)
            checksums: dict[str, str] = {}
            try:
                for path in entry.contents:
                    checksums[path] = self._root.upload(scratch / path, f"{submission.model}/{folder}/{path}")
            except BaseException:
                with suppress(SluiceError):  # the first error is the one to report
                    self._discard(submission.model, StoredFiles(folder, checksums))
                raise
            files = StoredFiles(folder, checksums)
            (scratch / ENTRY_FILE).write_bytes(dump_entry(entry, files))
            self._root.upload(scratch / ENTRY_FILE, f"{submission.model}/{folder}/{ENTRY_FILE}")
        return _Upload(numbered, entry, files)

    def _discard(self, model: str, files: StoredFiles) -> None:
        """Deletes what this process uploaded and no index names; the entry first, so that no index is made of the
        rest."""
        self._root.delete(f"{model}/{files.folder}/{path}" for path in (ENTRY_FILE, *files.checksums))

    def _alteration(self, model: str, seen: BucketIndex, version: str) -> str:
        files = seen.files[version]
        return files.alteration(self._found(model, files))

    def _refuse_altered(self, model: str, seen: BucketIndex, version: str) -> None:
        files = seen.files[version]
        found = self._found(model, files)
        if alteration := files.alteration(found):
            place = f"{self.place}/{model}/{files.folder}"
            raise altered_version(model, version, place, alteration if found else "")

    def _found(self, model: str, files: StoredFiles) -> dict[str, str]:
        """The checksums of a version's files as they are now."""
        return _without_entry(self._root.checksums(f"{model}/{files.folder}"))


def _below(folder: str, checksums: Mapping[str, str]) -> dict[str, str]:
    """Those of the files of a version in `folder`, by their paths in it."""
    beginning = f"{folder}/"
    found = {path: checksum for path, checksum in checksums.items() if path.startswith(beginning)}
    return _without_entry({path.removeprefix(beginning): checksum for path, checksum in found.items()})


def _without_entry(checksums: Mapping[str, str]) -> dict[str, str]:
    return {path: checksum for path, checksum in checksums.items() if path != ENTRY_FILE}
