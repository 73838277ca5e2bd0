"""Opening data files, here or on any file system that Beam knows; `plain_read_errors` says why one cannot be read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from core.errors import SluiceError

GZIP_MAGIC = b"\x1f\x8b\x08"


def is_remote(path: str) -> bool:
    """Whether a path needs Beam's file systems (gs://, hdfs://, …)."""
    return "://" in path


def base_name(path: str) -> str:
    """What a sentence calls a file."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def match_files(pattern: str) -> dict[str, int]:
    """Remote files that match a glob, with their sizes."""
    from apache_beam.io.filesystems import FileSystems  # slow to import, and local data does not need it

    return {found.path: found.size_in_bytes for found in FileSystems.match([pattern])[0].metadata_list}


def file_size(path: str) -> int:
    """Bytes of a file, as stored."""
    return match_files(path).get(path, 0) if is_remote(path) else Path(path).stat().st_size


def open_stored(path: str) -> BinaryIO:
    """The bytes of a file as they are stored; seekable."""
    if not is_remote(path):
        return Path(path).open("rb")
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    return cast(BinaryIO, FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED))


def is_gzip(path: str) -> bool:
    """Whether a file is compressed, by its first bytes: a suffix may lie."""
    with open_stored(path) as stored:
        return stored.read(3) == GZIP_MAGIC


@contextmanager
def open_content(path: str, offset: int = 0) -> Iterator[BinaryIO]:
    """The content of a file, unpacked when it is gzip; `offset` is for files that are not."""
    with open_stored(path) as stored:
        packed = stored.read(3) == GZIP_MAGIC
        stored.seek(0 if packed else offset)
        if packed:
            with gzip.GzipFile(fileobj=stored) as unpacked:
                yield cast(BinaryIO, unpacked)
        else:
            yield stored


@contextmanager
def plain_read_errors(path: str) -> Iterator[None]:
    """Turns what reading can raise into one sentence that names the file.

    Raises:
      SluiceError: in its place.
    """
    try:
        yield
    except EOFError as error:
        raise SluiceError(
            f"{path} is cut short: its gzip stream ends before its end marker.", f"Check it:  gzip -t {path}"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SluiceError(f"{path} is a damaged gzip file ({error}).", f"Check it:  gzip -t {path}") from error
    except FileNotFoundError as error:
        raise SluiceError(f"{path} does not exist.", f"Look:  ls -l {Path(path).parent}") from error
    except PermissionError as error:
        raise SluiceError(f"{path} may not be read by this user.", f"Look:  ls -l {path}") from error
