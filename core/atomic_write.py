"""Files that are there whole or not at all: written beside their place under another name, then moved there.

Whoever reads while we write, or after we were killed, sees the old file, the new one or none.
"""

from __future__ import annotations

import glob
import json
import os
import posixpath
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of this machine; after a power failure, too, it is whole or absent."""
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
    """As `write_bytes`, indented.

    Raises:
      ValueError: when a number is NaN or infinite, which JSON does not know.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def write_through(
    path: str, content: bytes, create: Callable[[str], IO[bytes]], rename: Callable[[str, str], object]
) -> None:
    """Write a file that may lie in a bucket, by the functions of the library that reaches it."""
    fresh = posixpath.join(posixpath.dirname(path), _unfinished_name(posixpath.basename(path)))
    with create(fresh) as file:
        file.write(content)
    rename(fresh, path)


def unfinished(path: Path) -> Iterator[Path]:
    """What killed processes have left of their attempts to write `path`."""
    return path.parent.glob(_unfinished_name(glob.escape(path.name), "*"))


def _unfinished_name(name: str, attempt: str = "") -> str:
    # Neither the beginning nor the end of the name is that of a finished file, by which readers look for these.
    return f".{name}.{attempt or uuid.uuid4().hex[:8]}.part"
