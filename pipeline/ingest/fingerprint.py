"""A hash of a source's content, which decides whether rows that were ingested before can be used again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import xxhash

from core.errors import SluiceError
from pipeline.ingest.given_splits import is_test_file
from pipeline.ingest.source import Source
from sources.format import Format
from sources.formats import format_named
from sources.image_folder import class_of, split_folder
from sources.images import beside, texts_in
from sources.storage import file_size, is_remote, open_stored, plain_read_errors


def fingerprint(source: Source, image_path_column: str | None = None, test_files: str | None = None) -> str:
    """A hash of the content of the files and of the images that they name, independent of their names and order.

    A name counts only for what it decides: the split of a file (`test_files`), and the image of a row.
    """
    format_ = format_named(source.format)
    digests = sorted(
        f"{is_test_file(path, format_, test_files)} {_contents(path, format_, image_path_column)}"
        for path in source.files
    )
    return xxhash.xxh3_128_hexdigest("\n".join([source.format, *digests]).encode())


def _contents(path: str, format_: Format[Any], image_path_column: str | None) -> str:
    stored = [_digest(each) for each in format_.stored(path)]
    if format_.by_class:
        images = xxhash.xxh3_128_hexdigest(" ".join(sorted(stored)).encode())
        return f"{class_of(path)} {split_folder(path)} {images}"
    named = _named(path, format_, image_path_column) if image_path_column is not None else []
    return " ".join([*stored, *(f"{each} {_digest_if_there(beside(path, each))}" for each in named)])


def _named(path: str, format_: Format[Any], column: str) -> Iterator[str]:
    """The images that a table names; none where it holds the pixels, as a serving log may."""
    columns = format_.columns(path)
    if columns is None or column in columns:
        for rows in format_.read(format_.whole(path), [column]):
            yield from texts_in(rows.columns, column)


def _digest_if_there(path: str) -> str:
    try:
        return _digest(path)
    except (SluiceError, OSError):
        return "not there"  # ingest reports it


def _digest(path: str) -> str:
    if is_remote(path):
        from apache_beam.io.filesystems import FileSystems

        return f"{FileSystems.checksum(path)} {file_size(path)}"
    digest = xxhash.xxh3_128()
    with plain_read_errors(path), open_stored(path) as stored:
        while piece := stored.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()
