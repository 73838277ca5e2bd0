"""What is in an artifact's files as one hash, so that a file that was exchanged, added or lost since is noticed."""

from __future__ import annotations

import functools
import hashlib
import posixpath
from pathlib import Path

from tensorflow.io import gfile

from sources.storage import checksums

_BLOCK = 1 << 20
_CLOUD_STORAGE = "gs://"


def content_of(uri: str) -> str:
    """A hash over the path and the content of every file below `uri`, here or in a bucket; empty where nothing is.

    A file of this machine is read once in a process, and again only when its size, one of its times or its inode is
    another: nobody can set the time of the last change of an inode. An object in a bucket is not read: the checksum
    that Cloud Storage keeps of it and its size stand for it, and not its time, which a change of its metadata moves
    too. On another file system there is no checksum to be had, and its size and its time stand for it.

    Raises:
      SluiceError: when it is in a bucket that cannot be used.
    """
    paths = _files(uri)
    remote = checksums([path for path in paths if path.startswith(_CLOUD_STORAGE)])
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path[len(uri) :].lstrip('/')}\0{_file(path, remote.get(path, ''))}\0".encode())
    return digest.hexdigest() if paths else ""


def _files(uri: str) -> list[str]:
    """Every file, in alphabetical order of the paths."""
    if not gfile.isdir(uri):
        return [uri] if gfile.exists(uri) else []
    return sorted(
        posixpath.join(parent.rstrip("/"), name)
        for parent, _, names in gfile.walk(uri.rstrip("/"))
        for name in names
        if name  # of a bucket's folder: an object that stands for the folder itself
    )


def _file(path: str, checksum: str) -> str:
    # None: an object that is encrypted with a key of the customer's own shows no checksum.
    if checksum and not checksum.startswith("None "):
        return checksum
    if "://" in path:
        seen = gfile.stat(path)
        return f"{seen.length} {seen.mtime_nsec}"
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return "a link to nothing"
    return _hash(path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)


@functools.lru_cache(maxsize=1 << 16)
def _hash(path: str, *_state: int) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
