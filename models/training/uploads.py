"""Copies a growing local folder to a remote one: in the background while it grows, and completely at the end."""

import atexit
import logging
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import tensorflow as tf

EVERY_SECONDS = 30.0
ATTEMPTS = 3


class FolderUploader:
    """Copies what has changed in `local` to `remote` every so often, and once more when the `with` ends.

    The end of the `with` makes the last copy; a program that ends inside the `with` makes it at its exit. `files` is
    anything with `makedirs` and `copy` of tf.io.gfile.
    """

    def __init__(self, local: str, remote: str, every_seconds: float = EVERY_SECONDS, files: Any = tf.io.gfile) -> None:
        self._local, self._remote, self._every, self._files = Path(local), remote, every_seconds, files
        self._sent: dict[str, tuple[int, int]] = {}
        self._copying = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._now_and_then, name="uploads", daemon=True)

    def __enter__(self) -> "FolderUploader":
        atexit.register(self.flush)
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._done.set()
        try:
            self.flush()
        finally:
            atexit.unregister(self.flush)
        self._thread.join()

    def flush(self) -> None:
        """Returns when `remote` holds all files of `local`; raises the error of the third attempt."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._copy_changed()
                return
            except (OSError, tf.errors.OpError) as problem:
                logging.getLogger(__name__).warning("upload to %s, attempt %d: %s", self._remote, attempt, problem)
                if attempt == ATTEMPTS:
                    raise

    def _now_and_then(self) -> None:
        while not self._done.wait(self._every):
            try:
                self._copy_changed()
            except (OSError, tf.errors.OpError) as problem:  # the next round, or the last flush, tries again
                logging.getLogger(__name__).warning("upload to %s: %s", self._remote, problem)

    def _copy_changed(self) -> None:
        with self._copying:
            for file in sorted(each for each in self._local.rglob("*") if each.is_file()):
                name, seen = file.relative_to(self._local).as_posix(), _state_of(file)
                if self._sent.get(name) != seen:
                    self._files.makedirs(os.path.dirname(f"{self._remote}/{name}"))  # noqa: PTH120
                    self._files.copy(str(file), f"{self._remote}/{name}", overwrite=True)
                    # The state before the copy: data appended meanwhile is sent the next time.
                    self._sent[name] = seen


def _state_of(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns
