"""A hash of a source's content, which decides whether rows that were ingested before can be used again."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from typing import Any

import xxhash

from core.errors import SluiceError
from pipeline.ingest.given_splits import is_test_file
from pipeline.ingest.source import Source
from sources.format import Format
from sources.formats import format_named
from sources.image_folder import class_of, split_folder
from sources.images import beside, texts_in
from sources.storage import checksums, is_remote, open_stored, plain_read_errors


def fingerprint(source: Source, image_path_column: str | None = None, test_files: str | None = None) -> str:
    """A hash of the content of the files and of the images that they name, independent of their names and order.

    A name counts only for what it decides: the split of a file (`test_files`), and the image of a row.
    """
    format_ = format_named(source.format)
    files = {path: _Files(path, format_, image_path_column) for path in source.files}
    known = checksums([name for each in files.values() for name in each.names if is_remote(name)])
    digests = sorted(
        f"{is_test_file(path, format_, test_files)} {each.contents(known)}" for path, each in files.items()
    )
    return xxhash.xxh3_128_hexdigest("\n".join([source.format, *digests]).encode())


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
    digest = xxhash.xxh3_128()
    with plain_read_errors(path), open_stored(path) as stored:
        while piece := stored.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()
