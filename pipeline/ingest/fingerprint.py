"""A hash of a source's content, which decides whether rows that were ingested before can be used again."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import xxhash

from core.errors import SluiceError
from pipeline.ingest.given_splits import is_test_file
from pipeline.ingest.source import Source
from sources.format import Format
from sources.formats import format_named
from sources.image_folder import class_of, split_folder
from sources.images import beside, texts_in
from sources.storage import FileState, changed_at, checksums, is_remote, open_stored, plain_read_errors, state_of

State = FileState | str | None  # of a local file, the checksum of a remote one, or none where there is no file
_SETTLED = 2.0  # seconds; file systems give times in steps of up to 2 s
_DIGESTS: dict[FileState, str] = {}  # of this process: a run hashes before its first component, and ExampleGen again


@dataclass(frozen=True)
class Content:
    """A hash of what is in the files of a source, and the state of each file when it was hashed: a file that is
    exchanged and put back has the same hash, and another state."""

    digest: str
    states: Mapping[str, State]

    def check_unchanged(self, may_grow: bool) -> None:
        """Refuses files that were written or exchanged since they were hashed, even when they were put back.
        `may_grow`: an endpoint may add rows to its log meanwhile, and remove its oldest file.

        Raises:
          SluiceError: with the first of them.
        """
        remote = checksums([path for path in self.states if is_remote(path)])
        for path, before in self.states.items():
            now = remote.get(path) if is_remote(path) else state_of(path)
            if now == before or (may_grow and (now is None or _has_grown(before, now))):
                continue
            if not _has_other_access_alone(path, before, now):
                raise SluiceError(
                    f"{path} was written or exchanged while it was read, so the rows that were read are not those of "
                    "the file.",
                    "Run again when nothing writes it.",
                )


def _has_grown(before: State, now: State) -> bool:
    if not (isinstance(before, FileState) and isinstance(now, FileState)):
        return False
    return (before.device, before.inode) == (now.device, now.inode) and before.size < now.size


def _has_other_access_alone(path: str, before: State, now: State) -> bool:
    """Whether a file got other rights or another hard link, and still holds what was hashed."""
    if not (isinstance(before, FileState) and isinstance(now, FileState)) or before.access == now.access:
        return False
    if before._replace(changed=now.changed, access=now.access) != now or before not in _DIGESTS:
        return False
    return _digest(path, {}) == _DIGESTS[before]


def fingerprint(source: Source, image_path_column: str | None = None, test_files: str | None = None) -> str:
    """The digest of `content_of`."""
    return content_of(source, image_path_column, test_files).digest


def content_of(source: Source, image_path_column: str | None = None, test_files: str | None = None) -> Content:
    """A hash of the content of the files and of the images that they name, independent of their names and order.

    A name counts only for what it decides: the split of a file (`test_files`), and the image of a row.

    Raises:
      SluiceError: when a file cannot be read.
    """
    format_ = format_named(source.format, source.reading)
    files = {path: _Files(path, format_, image_path_column) for path in source.files}
    names = [name for each in files.values() for name in each.names]
    known = checksums([name for name in names if is_remote(name)])
    states = {name: known.get(name) if is_remote(name) else state_of(name) for name in names}
    digests = sorted(
        f"{is_test_file(path, format_, test_files)} {each.contents(known)}" for path, each in files.items()
    )
    return Content(xxhash.xxh3_128_hexdigest("\n".join([source.format, *digests]).encode()), states)


class _Files:
    """The files of one unit of a source: those that hold its rows, and the images that these name."""

    def __init__(self, path: str, format_: Format[Any], image_path_column: str | None) -> None:
        self._path, self._by_class = path, format_.by_class
        self._stored = format_.stored(path)
        column = None if format_.by_class else image_path_column
        self._named = [] if column is None else list(_named(path, format_, column))

    @property
    def names(self) -> list[str]:
        """The paths of all of them."""
        return [*self._stored, *(beside(self._path, each) for each in self._named)]

    def contents(self, known: Mapping[str, str]) -> str:
        """What their content comes to; `known`: the checksums of those that are remote."""
        stored = [_digest(each, known) for each in self._stored]
        if self._by_class:
            images = xxhash.xxh3_128_hexdigest(" ".join(sorted(stored)).encode())
            return f"{class_of(self._path)} {split_folder(self._path)} {images}"
        named = (f"{each} {_digest_if_there(beside(self._path, each), known)}" for each in self._named)
        return " ".join([*stored, *named])


def _named(path: str, format_: Format[Any], column: str) -> Iterator[str]:
    """The images that a table names; none where it holds the pixels, as a serving log may."""
    columns = format_.columns(path)
    if columns is None or column in columns:
        for rows in format_.read(format_.whole(path), [column]):
            yield from texts_in(rows.columns, column)


def _digest_if_there(path: str, known: Mapping[str, str]) -> str:
    try:
        return _digest(path, known)
    except (SluiceError, OSError):
        return "not there"  # ingest reports it


def _digest(path: str, known: Mapping[str, str]) -> str:
    if is_remote(path):
        if path not in known:
            raise FileNotFoundError(errno.ENOENT, "there is no such file", path)
        return known[path]
    state = state_of(path)
    if state in _DIGESTS:
        return _DIGESTS[state]
    digest, began = xxhash.xxh3_128(), time.time()
    with plain_read_errors(path), open_stored(path) as stored:
        while piece := stored.read(1 << 22):
            digest.update(piece)
    # A file that was written a moment ago may be written again without another time.
    if state is not None and began - changed_at(state) > _SETTLED and state_of(path) == state:
        _DIGESTS[state] = digest.hexdigest()
    return digest.hexdigest()
