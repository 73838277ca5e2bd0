"""Opening data files, here or on any file system that Beam knows; `plain_read_errors` says why one cannot be read."""

from __future__ import annotations

import errno
import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from core.errors import SluiceError
from core.optional_packages import needed_for
from core.remote_errors import Cause, cause_of, plain_remote_errors

if TYPE_CHECKING:
    from apache_beam.io.filesystems import FileSystems

GZIP_MAGIC = b"\x1f\x8b\x08"
_CLOUD_STORAGE = "gs://"
_WORTH_A_LISTING = 3  # files of a folder; a listing costs as much as one or two of them, and brings all


def is_remote(path: str) -> bool:
    """Whether a path needs Beam's file systems (gs://, hdfs://, …)."""
    return "://" in path


def base_name(path: str) -> str:
    """What a sentence calls a file."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def match_files(pattern: str) -> dict[str, int]:
    """Remote files that match a glob, with their sizes.

    Raises:
      SluiceError: when their bucket cannot be used.
    """
    # A sentence names what was given, and no pattern of our own below it.
    with plain_remote_errors(re.split(r"/?[*?\[]", pattern, maxsplit=1)[0]):
        return {found.path: found.size_in_bytes for found in _file_systems(pattern).match([pattern])[0].metadata_list}


def file_size(path: str) -> int:
    """Bytes of a file, as stored.

    Raises:
      SluiceError: when it is remote and its bucket cannot be used.
    """
    return match_files(path).get(path, 0) if is_remote(path) else Path(path).stat().st_size


class FileState(NamedTuple):
    """What tells whether a local file was written or exchanged: each write and each rename changes one of these, and no
    program can set `changed` back. `link`: the same of a symbolic link that leads to it. `access`: its mode, owner and
    group, and how many names it has, whose change is one of the inode and of no content."""

    device: int
    inode: int
    size: int
    written: int
    changed: int
    link: tuple[int, int, int] | None
    access: tuple[int, int, int, int]


def state_of(path: str) -> FileState | None:
    """The state of a local file now; None when it is not there."""
    try:
        link = file = os.lstat(path)
        if stat.S_ISLNK(link.st_mode):
            file = Path(path).stat()
    except OSError:
        return None
    through = None if link is file else (link.st_dev, link.st_ino, link.st_ctime_ns)
    access = (file.st_mode, file.st_uid, file.st_gid, file.st_nlink)
    return FileState(file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns, through, access)


def changed_at(state: FileState) -> float:
    """When the file was last written or moved, in seconds since 1970."""
    return max(state.changed, state.link[2] if state.link else 0) / 1e9


def checksums(paths: Sequence[str]) -> dict[str, str]:
    """What tells the content of remote files, by their paths; a file that is not there has none.

    Files that lie together are asked for by one listing of their folder, not one by one.

    Raises:
      SluiceError: when their bucket cannot be used.
    """
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        by_folder.setdefault(folder_of(path), []).append(path)
    found: dict[str, str] = {}
    for folder, wanted in by_folder.items():
        with plain_remote_errors(folder):
            one_by_one = len(wanted) < _WORTH_A_LISTING or not folder.startswith(_CLOUD_STORAGE)
            there = _checksums_of(wanted) if one_by_one else _checksums_in(folder)
        found |= {path: there[path] for path in wanted if path in there}
    return found


def _checksums_of(paths: list[str]) -> dict[str, str]:
    sizes = {path: match_files(path).get(path) for path in paths}
    return {path: f"{_file_systems(path).checksum(path)} {size}" for path, size in sizes.items() if size is not None}


def _checksums_in(folder: str) -> dict[str, str]:
    """By Beam's own client, whose listing has the checksums that `FileSystems.match` leaves out."""
    from apache_beam.io.gcp.gcsio import GcsIO, parse_gcs_path

    _check_credentials()
    bucket, prefix = parse_gcs_path(f"{folder}/", object_optional=True)
    listed = GcsIO().client.list_blobs(bucket, prefix=prefix, delimiter="/")
    return {f"{_CLOUD_STORAGE}{bucket}/{blob.name}": f"{blob.crc32c} {blob.size}" for blob in listed}


def _file_systems(path: str) -> type[FileSystems]:
    with needed_for("A path with ://"):
        from apache_beam.io.filesystems import FileSystems  # slow to import, and local data does not need it

    if path.startswith(_CLOUD_STORAGE):
        _check_credentials()
    return FileSystems


def _check_credentials() -> None:
    """Raises what Google's library does when there are none: Beam would look for them for five minutes, and then go on
    without."""
    _find_credentials(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"), os.environ.get("CLOUDSDK_CONFIG"))


@lru_cache(maxsize=1)
def _find_credentials(*_named_by: str | None) -> None:
    import google.auth

    google.auth.default()


def folder_of(path: str) -> str:
    """The folder in which a file lies."""
    return path.rstrip("/").rpartition("/")[0]


def open_stored(path: str) -> BinaryIO:
    """The bytes of a file as they are stored; seekable. FileNotFoundError for one that is not there, here or elsewhere.

    Raises:
      SluiceError: when it is remote and cannot be opened for another reason.
    """
    if not is_remote(path):
        return Path(path).open("rb")
    file_systems = _file_systems(path)
    from apache_beam.io.filesystem import CompressionTypes

    with _errors_as_of_local_files(path):
        return cast(BinaryIO, file_systems.open(path, compression_type=CompressionTypes.UNCOMPRESSED))


def read_stored(path: str) -> bytes:
    """All bytes of a file as they are stored; FileNotFoundError for one that is not there, here or elsewhere.

    Raises:
      SluiceError: when it is remote and cannot be read for another reason.
    """
    if not is_remote(path):
        return Path(path).read_bytes()
    with _errors_as_of_local_files(path), open_stored(path) as stored:
        return stored.read()


@contextmanager
def _errors_as_of_local_files(path: str) -> Iterator[None]:
    with plain_remote_errors(path):
        try:
            yield
        except Exception as error:
            if cause_of(error) is Cause.ABSENT:
                raise FileNotFoundError(errno.ENOENT, "there is no such file", path) from error
            raise


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
      SluiceError: when the file cannot be read.
    """
    try:
        if is_remote(path):
            with plain_remote_errors(path):
                yield
        else:
            yield
    except EOFError as error:
        raise SluiceError(
            f"{path} is cut short: its gzip stream ends before its end marker.", f"Check it:  {_unpacked(path)}"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SluiceError(f"{path} is a damaged gzip file ({error}).", f"Check it:  {_unpacked(path)}") from error
    except FileNotFoundError as error:
        raise SluiceError(f"{path} does not exist.", f"Look:  {listing_of(folder_of(path) or '.')}") from error
    except PermissionError as error:
        raise SluiceError(f"{path} may not be read by this user.", f"Look:  {listing_of(path)}") from error


def listing_of(place: str) -> str:
    """The command that lists a file or a folder."""
    return f"gcloud storage ls {place}" if place.startswith(_CLOUD_STORAGE) else f"ls -l {place}"


def _unpacked(path: str) -> str:
    """The command that shows whether a gzip file is whole."""
    return f"gcloud storage cat {path} | gzip -t" if path.startswith(_CLOUD_STORAGE) else f"gzip -t {path}"
