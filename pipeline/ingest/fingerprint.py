"""A hash of what a source holds: what decides whether rows that were ingested before can be used again."""

from __future__ import annotations

from collections.abc import Iterator

import xxhash

from core.errors import SluiceError
from pipeline.ingest.given_splits import is_test_file
from pipeline.ingest.source import Source
from sources import csv
from sources.class_folders import class_of, image_names, split_folder
from sources.idx_names import labels_of
from sources.images import beside
from sources.parquet import parquet_columns, parquet_texts
from sources.storage import file_size, is_remote, open_stored, plain_read_errors


def fingerprint(source: Source, image_path_column: str | None = None, test_files: str | None = None) -> str:
    """A hash of what the files hold, and the images that they name, whatever their names and their order.

    Of a name counts what it decides: which split a file is (`test_files`), and which image a row means.
    """
    digests = sorted(
        f"{is_test_file(path, source.format, test_files)} {_contents(path, source.format, image_path_column)}"
        for path in source.files
    )
    return xxhash.xxh3_128_hexdigest("\n".join([source.format, *digests]).encode())


def _contents(path: str, format_: str, image_path_column: str | None) -> str:
    if format_ == "image_folder":
        images = sorted(_digest(f"{path}/{name}") for name in image_names(path))
        return f"{class_of(path)} {split_folder(path)} {xxhash.xxh3_128_hexdigest(' '.join(images).encode())}"
    if format_ == "idx":
        return f"{_digest(path)} {_digest(labels_of(path))}"
    if image_path_column is None:
        return _digest(path)
    named = (f"{each} {_digest_if_there(beside(path, each))}" for each in _named(path, format_, image_path_column))
    return " ".join([_digest(path), *named])


def _named(path: str, format_: str, column: str) -> Iterator[str]:
    """The images that a table names; none where it holds the pixels themselves, as a serving log may."""
    if format_ == "csv" and column in (header := csv.read_header(path)).columns:
        for block in csv.read_blocks(header, only=[column]):
            yield from block.rows.column(0).drop_null().to_pylist()
    elif format_ == "parquet" and column in parquet_columns(path):
        yield from parquet_texts(path, column)


def _digest_if_there(path: str) -> str:
    try:
        return _digest(path)
    except (SluiceError, OSError):
        return "not there"  # which is for ingest to judge


def _digest(path: str) -> str:
    if is_remote(path):
        from apache_beam.io.filesystems import FileSystems

        return f"{FileSystems.checksum(path)} {file_size(path)}"
    digest = xxhash.xxh3_128()
    with plain_read_errors(path), open_stored(path) as stored:
        while piece := stored.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()
