"""The records of rollouts in a folder of this machine."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.atomic_write import write_json
from core.errors import SluiceError
from serving.rollout.record import Rollout
from serving.rollout.store import ANSWERS, FOLDER, RolloutStore, step_of
from serving.watch.window import Window, append_window, read_windows

_LOCK = ".lock"


class FolderStore(RolloutStore):
    """`<output_dir>/rollout/<workload>/`, locked by the system while a process rolls out."""

    def __init__(self, output_dir: Path, workload: str) -> None:
        super().__init__(str(output_dir), workload)
        self.folder = output_dir / FOLDER / workload

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See RolloutStore. A killed process leaves no lock.

        Raises:
          SluiceError: when another process does.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # Not 0: `is_running` of a command holds the lock for an instant.
        lock = FileLock(self.folder / _LOCK, timeout=0.5)
        try:
            lock.acquire()
        except Timeout:
            sentence = f"another process is rolling out {self.workload} (it holds {lock.lock_file})."
            raise SluiceError(sentence, f"See how far it is:  {self.command('status')}") from None
        try:
            yield
        finally:
            lock.release()

    def is_running(self) -> bool:
        """See RolloutStore."""
        if not self.folder.is_dir():
            return False
        with (self.folder / _LOCK).open("ab") as lock:
            try:
                # Shared: whoever else looks at this moment is not taken for a process that rolls out.
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def windows(self, rollout: Rollout) -> Sequence[Window]:
        """See RolloutStore.

        Raises:
          SluiceError: when a line is no window.
        """
        return read_windows(self._windows_file(rollout))

    def add_window(self, rollout: Rollout, number: int, window: Window) -> None:  # noqa: ARG002
        """See RolloutStore. The place in the file is the number."""
        path = self._windows_file(rollout)
        path.parent.mkdir(parents=True, exist_ok=True)
        append_window(path, window)

    def _remove_windows(self) -> None:
        shutil.rmtree(self.folder / ANSWERS, ignore_errors=True)

    def where(self, name: str) -> str:
        """See RolloutStore."""
        return str(self.folder / name)

    def _windows_file(self, rollout: Rollout) -> Path:
        return self.folder / ANSWERS / f"{step_of(rollout)}.jsonl"

    def _read(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    def _write(self, name: str, value: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, value)

    def _remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def _names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.folder / folder).glob("*"))

    def _aside(self, name: str) -> str:
        return f"mv {self.where(name)} {self.where(name)}.aside"
