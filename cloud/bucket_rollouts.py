"""The records of rollouts in a bucket: `gs://bucket/folder/rollout/<workload>/`.

One process at a time rolls out, by a lease. Should two ever believe to, the bucket refuses the second: the record of
the present rollout is only replaced when it is still the one that this process has read or written, and a window of
answers is never written twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cloud.bucket_folder import BucketFolder
from cloud.bucket_lease import BucketLease, LeaseTimes
from core.errors import SluiceError
from serving.rollout.record import Rollout
from serving.rollout.store import ANSWERS, CURRENT, FOLDER, RolloutStore, step_of
from serving.watch.window import Window

_LEASE = "lease.json"


class BucketStore(RolloutStore):
    """The records of a workload's rollouts below `gs://bucket/folder`."""

    def __init__(self, output: str, workload: str, times: LeaseTimes | None = None) -> None:
        """`output`: gs://bucket/folder; `times`: those of the lease.

        Raises:
          SluiceError: when the address names no bucket.
        """
        super().__init__(output.rstrip("/"), workload)
        address = f"{self.output}/{FOLDER}/{workload}"
        self._root = BucketFolder(address)
        # With a client of its own: it is renewed on another thread.
        self._lease = BucketLease(BucketFolder(address), _LEASE, times or LeaseTimes())
        self._is_alone = False
        self._current: int | None = None  # the generation of the record as this process has read or written it

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See RolloutStore. What a killed process holds runs out within two minutes, and is waited for.

        Raises:
          SluiceError: when another process rolls out, or the bucket cannot be used.
        """
        with self._lease.held(self._refusal):
            self._is_alone = True
            try:
                yield
            finally:
                self._is_alone = False

    def is_running(self) -> bool:
        """See RolloutStore. A process that was killed counts until its lease has run out.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        return bool(self._lease.holder())

    def windows(self, rollout: Rollout) -> Sequence[Window]:
        """See RolloutStore.

        Raises:
          SluiceError: when one of the objects is no window, or the bucket cannot be used.
        """
        folder = f"{ANSWERS}/{step_of(rollout)}"
        return [self._window(f"{folder}/{name}") for name in self._names(folder)]

    def add_window(self, rollout: Rollout, number: int, window: Window) -> None:
        """See RolloutStore.

        Raises:
          SluiceError: when another process rolls out by now, or the bucket cannot be used.
        """
        name = f"{ANSWERS}/{step_of(rollout)}/{number:06d}.json"
        self._swap(name, window.to_line().encode(), 0)

    def _remove_windows(self) -> None:
        self._root.delete(f"{ANSWERS}/{name}" for name in self._root.made(ANSWERS))

    def where(self, name: str) -> str:
        """See RolloutStore."""
        return f"{self._root.address}/{name}"

    def _refusal(self, holder: str) -> SluiceError:
        sentence = f"another process is rolling out {self.workload}: {holder} holds {self.where(_LEASE)}."
        return SluiceError(sentence, f"See how far it is:  {self.command('status')}")

    def _window(self, name: str) -> Window:
        content = self._read(name)
        try:
            return Window.from_line((content or b"").decode())
        except (ValueError, TypeError) as problem:
            raise self._unreadable(name) from problem

    def _read(self, name: str) -> bytes | None:
        found = self._root.read(name)
        content, generation = found or (None, 0)
        if name == CURRENT:
            self._current = generation
        return content

    def _write(self, name: str, value: Any) -> None:
        content = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode()
        if name != CURRENT:
            self._root.write(name, content)
            return
        if self._current is None:
            self._read(name)
        self._current = self._swap(name, content, self._current or 0)

    def _swap(self, name: str, content: bytes, generation: int) -> int:
        if self._is_alone:
            self._lease.check()
        made = self._root.swap(name, content, generation)
        if made is not None:
            return made
        # Or made by this very request, whose answer was lost.
        found = self._root.read(name)
        if found is not None and found[0] == content:
            return found[1]
        sentence = f"{self.where(name)} was written by another process, which rolls out {self.workload} by now."
        raise SluiceError(sentence, f"See how far it is:  {self.command('status')}")

    def _remove(self, name: str) -> None:
        self._root.delete([name])

    def _names(self, folder: str) -> list[str]:
        return sorted(self._root.made(folder))

    def _aside(self, name: str) -> str:
        return f"gcloud storage mv {self.where(name)} {self.where(name)}.aside"
