"""A disk that fills while a component writes, and the same command again when there is room."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.interruptions.site import Seen, Site, State
from benchmarks.interruptions.tried import Tried, ended_in_order

_SIZE = "64m"
_BLOCK = 1 << 12


@dataclass(frozen=True)
class Filling:
    """The disk is full but for `left` bytes as soon as there is something at `pattern`."""

    name: str
    pattern: str
    left: int


FILLINGS = (
    Filling("ingest", "taxi/artifacts/ExampleGen/*", 0),
    Filling("the transformation", "taxi/artifacts/Transform/*", 20_000),
    Filling("the training", "taxi/artifacts/Trainer/*", 150_000),
    Filling("the push", "serving/taxi/.lock", 40_000),
    Filling("the report", "serving/taxi/.newest/*", 200_000),
    Filling("the end of the push", "serving/taxi/.newest/*", 0),
)


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """A disk of its own at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def filled(home: Path, filling: Filling, expected: State) -> Tried:
    """Runs on a disk that fills, which must end with exit code 3, and again with room."""
    with mounted(home / "disk"):
        site = Site(home / "disk")
        ballast = site.home / "ballast"

        def fill() -> None:
            if not ballast.exists() and any(site.output.glob(filling.pattern)):
                _fill(ballast, filling.left)

        seen = Seen()

        def watch() -> None:
            seen.look(site.serving)
            fill()

        def make_room() -> None:
            ballast.unlink(missing_ok=True)

        return ended_in_order(site, expected, filling.name, seen, make_room, watch=watch)


def _fill(ballast: Path, left: int) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(ballast.parent).free - left, _BLOCK))
            while not left:
                file.seek(0, os.SEEK_END)
                file.write(bytes(_BLOCK))
        except OSError as problem:
            if problem.errno != errno.ENOSPC:
                raise
