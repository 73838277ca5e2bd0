"""The right of one process to work in a folder of a bucket: an object that it renews, and that runs out by itself.

A bucket has no locks, and a killed process releases nothing. So a lease has an end. Whoever holds it moves the end on,
each time under the object's generation; whoever finds it ended takes it over in the same way. Of two, one is refused.
The ends are compared by the clocks of the machines, which must agree within the length of a lease.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cloud.bucket_folder import BucketFolder
from core.errors import SluiceError


@dataclass(frozen=True)
class LeaseTimes:
    """Seconds: how long a lease lasts, how often it is renewed, and how often a waiting process looks at it."""

    length: float = 90.0
    renewal: float = 15.0
    look: float = 1.0


@dataclass(frozen=True)
class Lease:
    """Who holds it, `mark` is that of the process, and until when, in seconds of the epoch."""

    owner: str
    mark: str
    until: float

    def dumps(self) -> bytes:
        """As JSON."""
        return json.dumps(vars(self), indent=2).encode()


class BucketLease:
    """The lease `name` in a folder; `held` is the block in which this process has it."""

    def __init__(
        self,
        root: BucketFolder,
        name: str,
        times: LeaseTimes,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._root = root
        self._name = name
        self._times = times
        self._clock = clock
        self._wait = wait
        self._mark = uuid.uuid4().hex
        self._generation = 0
        self._until = 0.0

    def holder(self) -> str:
        """Who holds it now; empty when nobody does.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        lease, _ = self._read()
        return lease.owner if lease is not None and lease.until > self._clock() else ""

    @contextmanager
    def held(self, refusal: Callable[[str], SluiceError]) -> Iterator[None]:
        """Takes the lease, keeps it, and gives it back at the end of the block.

        One that is not renewed any more is waited for until it runs out. `refusal` makes the error out of the name of a
        holder that renews it.

        Raises:
          SluiceError: when another process holds it, or the bucket cannot be used.
        """
        self._take(refusal)
        stopped = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(stopped,), daemon=True, name="lease")
        keeper.start()
        try:
            yield
        finally:
            stopped.set()
            keeper.join()
            self._give_back()

    def check(self) -> None:
        """Does nothing while this process holds the lease.

        Raises:
          SluiceError: when it has run out, or another process took it over.
        """
        if self._until <= self._clock():
            raise SluiceError(
                f"{self._root.address}/{self._name} is not held by this process any more: it was not renewed in time.",
                "Go on with the same command again",
            )

    def _take(self, refusal: Callable[[str], SluiceError]) -> None:
        first: int | None = None
        while True:
            lease, generation = self._read()
            if lease is None or lease.until <= self._clock():
                if self._written(generation):
                    return
                continue  # another one was first; who that is shows now
            if first is not None and generation != first:
                raise refusal(lease.owner)
            first = generation
            self._wait(self._times.look)

    def _keep(self, stopped: threading.Event) -> None:
        while not stopped.wait(self._times.renewal):
            try:
                if not self._written(self._generation):
                    self._until = 0.0
                    return
            except SluiceError:
                continue  # the bucket is away; `check` refuses once the lease has run out

    def _give_back(self) -> None:
        """One that another process took over is left alone."""
        if self._until > 0:
            self._root.swap(self._name, Lease(_owner(), self._mark, 0.0).dumps(), self._generation)
            self._until = 0.0

    def _written(self, generation: int) -> bool:
        """Whether the lease is ours from now on."""
        until = self._clock() + self._times.length
        fresh = Lease(_owner(), self._mark, until)
        made = self._root.swap(self._name, fresh.dumps(), generation)
        if made is None:
            # Or made by this very request, whose answer was lost.
            found, made = self._read()
            if found != fresh:
                return False
        self._generation, self._until = made, until
        return True

    def _read(self) -> tuple[Lease | None, int]:
        found = self._root.read(self._name)
        if found is None:
            return None, 0
        content, generation = found
        try:
            return Lease(**json.loads(content)), generation
        except (ValueError, TypeError):
            return None, generation  # it holds nothing that could run out


def _owner() -> str:
    return f"{getpass.getuser()} on {socket.gethostname()}, process {os.getpid()}"
