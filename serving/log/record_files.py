"""The serving log in a folder: a TFRecord file a flush, whole or absent, of which the oldest go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from core.atomic_write import write_bytes
from sources.tfrecord import frame_records

MOST_BYTES = 256 << 20
MOST_FILES = 1000
_SUFFIX = ".tfrecord"


class RecordFiles:
    """Files `<name>-<time>.tfrecord`; those of other names in the folder are left alone.

    A file is never changed once it has its name, so that a run which reads the folder meanwhile reads what it has
    hashed, and a process that is killed leaves no file that is cut short.
    """

    def __init__(self, folder: Path, name: str, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES) -> None:
        self._folder = folder
        self._name = name
        self._most_bytes = most_bytes
        self._most_files = most_files

    def add(self, records: Sequence[bytes]) -> None:
        """Writes another file, then removes the oldest ones until the rest are within the limits.

        Raises:
          OSError: when the folder is full or cannot be written; the records are lost.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for unfinished in self._folder.glob(f".{self._name}-*.part"):
            unfinished.unlink(missing_ok=True)  # a process was killed while it wrote
        time = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
        write_bytes(self._folder / f"{self._name}-{time}{_SUFFIX}", frame_records(records))
        self._remove_oldest()

    def _remove_oldest(self) -> None:
        files = sorted(self._folder.glob(f"{self._name}-*{_SUFFIX}"))
        sizes = [path.stat().st_size for path in files]
        while len(files) > 1 and (len(files) > self._most_files or sum(sizes) > self._most_bytes):
            files.pop(0).unlink(missing_ok=True)
            sizes.pop(0)
