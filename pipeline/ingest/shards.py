"""Writes the splits of one part as gzip TFRecord shards: under another name first, so that a retried or killed worker
leaves no partial shard where a reader would find it."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import IO, Any

from core.atomic_write import write_through
from sources.tfrecord import frame_records

GZIP_LEVEL = 1  # the sizes of levels 1 and 6 differ by a fifth, their times by a factor of three
SHARD_BYTES = 1 << 30
WORK_FOLDER = ".ingest"


def ensure_folder(path: str) -> None:
    """Makes a folder; object stores have none."""
    from apache_beam.io.filesystems import FileSystems

    if not FileSystems.exists(path):
        with suppress(OSError):  # another worker has made it
            FileSystems.mkdirs(path)


def write_whole(path: str, content: bytes) -> None:
    """Writes a small file whole or not at all."""
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    create = partial(FileSystems.create, compression_type=CompressionTypes.UNCOMPRESSED)
    write_through(path, content, create, lambda fresh, whole: FileSystems.rename([fresh], [whole]))


class ShardWriter:
    """One split of one part. Compression runs beside the encoding of the next batch."""

    def __init__(self, uri: str, split: str, part: int) -> None:
        self._uri, self._split, self._part = uri, split, part
        self._pool = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None
        self._file: IO[bytes] | Any = None
        self._packer: Any = None
        self._written = 0
        self._renames: list[tuple[str, str]] = []
        self.rows = 0

    def write(self, records: Sequence[bytes]) -> None:
        """Adds a batch; at most one batch waits."""
        if records:
            self.rows += len(records)
            self._wait()
            self._pending = self._pool.submit(self._pack, records)

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None

    def _pack(self, records: Sequence[bytes]) -> None:
        if self._file is None:
            self._open()
        framed = frame_records(records)
        self._file.write(self._packer.compress(framed))
        self._written += len(framed)
        if self._written >= SHARD_BYTES:
            self._finish_shard()

    def _open(self) -> None:
        from apache_beam.io.filesystem import CompressionTypes
        from apache_beam.io.filesystems import FileSystems

        name = f"data_tfrecord-{self._part:05d}-{len(self._renames):03d}.gz"
        temporary = f"{self._uri}/{WORK_FOLDER}/{self._split}-{name}.{uuid.uuid4().hex}"
        self._renames.append((temporary, f"{self._uri}/Split-{self._split}/{name}"))
        self._file = FileSystems.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED)
        self._packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
        self._written = 0

    def _finish_shard(self) -> None:
        self._file.write(self._packer.flush())
        self._file.close()
        self._file = None

    def close(self) -> None:
        """Renames the shards to the names that readers look for."""
        from apache_beam.io.filesystems import FileSystems

        self._wait()
        if self._file is not None:
            self._finish_shard()
        if self._renames:
            FileSystems.rename([old for old, _ in self._renames], [new for _, new in self._renames])

    def abandon(self) -> None:
        """Closes all files without renaming; the partial shards are in the work folder, which is removed at the end."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._file is not None:
            self._file.close()
            self._file = None
