"""A hash of what a source holds: what decides whether rows that were ingested before can be used again."""

from __future__ import annotations

from collections.abc import Iterator

import xxhash

from pipeline.errors import SluiceError
from pipeline.ingest import csv_blocks
from pipeline.ingest.files import file_size, is_remote, open_stored, plain_read_errors
from pipeline.ingest.idx_names import labels_of
from pipeline.ingest.image_folder import class_of, picture_names, split_folder
from pipeline.ingest.pictures import beside
from pipeline.ingest.readers import parquet_texts
from pipeline.ingest.source import Source


def fingerprint(source: Source, image_path_column: str | None = None) -> str:
    """A hash of what the files hold, and the pictures that they name, whatever their names and their order."""
    digests = sorted(digest for path in source.files for digest in _digests(path, source.format, image_path_column))
    return xxhash.xxh3_128_hexdigest("\n".join([source.format, *digests]).encode())


def _digests(path: str, format_: str, image_path_column: str | None) -> Iterator[str]:
    if format_ == "image_folder":
        pictures = sorted(_digest(f"{path}/{name}") for name in picture_names(path))
        yield f"{class_of(path)} {split_folder(path)} {xxhash.xxh3_128_hexdigest(' '.join(pictures).encode())}"
        return
    yield _digest(path)
    if format_ == "idx":
        yield _digest(labels_of(path))
    if image_path_column is not None:
        yield from (_digest_if_there(beside(path, each)) for each in _named(path, format_, image_path_column))


def _named(path: str, format_: str, column: str) -> Iterator[str]:
    """The pictures that a table names."""
    if format_ == "csv":
        for block in csv_blocks.read_blocks(csv_blocks.read_header(path), only=[column]):
            yield from block.rows.column(0).drop_null().to_pylist()
    elif format_ == "parquet":
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
