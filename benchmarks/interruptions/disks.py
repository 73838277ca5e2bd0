"""A disk that fills while a component writes, and the same command again when there is room."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.interruptions.site import Site, State
from benchmarks.interruptions.tried import Tried, ended_in_order

_SIZE = "64m"
_BLOCK = 1 << 12


@dataclass(frozen=True)
class Filling:
    """The disk is full but for `left` bytes as soon as there is something at `pattern`. `is_late`: all is made already
    up to the ModelGate."""

    name: str
    pattern: str
    left: int
    is_late: bool = False


FILLINGS = (
    Filling("ingest", "taxi/artifacts/ExampleGen/*", 0),
    Filling("the transformation", "taxi/artifacts/Transform/*", 20_000),
    Filling("the training", "taxi/artifacts/Trainer/*", 150_000),
    Filling("the registration", "taxi/artifacts/Registrar/*", 0, True),
    Filling("the push", "serving/taxi/.lock", 40_000, True),
    Filling("run.json and the report", "serving/taxi/.newest/*", 200_000, True),
)


@cache
def may_mount() -> bool:
    """Whether this process may mount: root in a container often may not."""
    if os.geteuid() or not shutil.which("mount"):
        return False
    with tempfile.TemporaryDirectory(prefix="mounted-") as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
    return True


@contextmanager
def _disk_of_its_own(folder: Path) -> Iterator[None]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def filled(site: Site, proven: Path, filling: Filling, expected: State) -> Tried:
    """Runs on a disk that fills, which must end with exit code 3, and again with room. `proven`: the output folder of
    a run that went as far as the ModelGate."""
    with _disk_of_its_own(site.output):
        if filling.is_late:
            shutil.copytree(proven, site.output, symlinks=True, dirs_exist_ok=True)
        ballast = site.output / "ballast"

        def watch() -> None:
            if not ballast.exists() and any(site.output.glob(filling.pattern)):
                _fill(ballast, filling.left)

        def make_room() -> None:
            ballast.unlink(missing_ok=True)

        tried = ended_in_order(site, expected, filling.name, mend=make_room, watch=watch)
    return tried if tried.ending.startswith("exit 3") else tried.with_note("the disk was not full in time")


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
