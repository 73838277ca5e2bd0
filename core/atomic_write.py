"""Writes a file whole or not at all: under another name in the same folder, then renamed.

A reader sees the old file, the new one or none, also while a process writes and after it was killed.
"""

from __future__ import annotations

import glob
import os
import posixpath
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from core.printable import json_text


def write_bytes(path: Path, content: bytes) -> None:
    """Write a local file; it is whole or absent, also after a power failure."""
    fresh = path.with_name(_unfinished_name(path.name))
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`, in UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """As `write_bytes`, indented, without control characters that a terminal would execute.

    Raises:
      ValueError: when a number is NaN or infinite, which JSON does not know.
    """
    write_text(path, json_text(value))


def write_through(
    path: str, content: bytes, create: Callable[[str], IO[bytes]], rename: Callable[[str, str], object]
) -> None:
    """Write a file that may be in a bucket, with `create` and `rename` of the library that reaches it."""
    fresh = posixpath.join(posixpath.dirname(path), _unfinished_name(posixpath.basename(path)))
    with create(fresh) as file:
        file.write(content)
    rename(fresh, path)


def unfinished(path: Path) -> Iterator[Path]:
    """The partial files that killed processes left of `path`."""
    return path.parent.glob(_unfinished_name(glob.escape(path.name), "*"))


def _unfinished_name(name: str, attempt: str = "") -> str:
    # Readers look for files by the beginning or the end of their names; neither may match here.
    return f".{name}.{attempt or uuid.uuid4().hex[:8]}.part"
