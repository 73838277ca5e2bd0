"""The workers of an endpoint: brought in line with the state file, again and again, and chosen by their shares."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from core.errors import SluiceError
from serving.contract import WHOLE
from serving.local.following import following
from serving.local.state import Observed, ObservedModel, StateFile, StoredState
from serving.local.worker import BehindFront, Worker
from serving.protocol.errors import RequestError
from serving.worker.plan import WorkerSettings

_LOOK_EVERY = 0.05
_LOOK_FOR_VERSIONS_EVERY = 0.5


@dataclass(frozen=True)
class Address:
    """Where the endpoint answers, for whoever reads the state; `certificate` is the file to trust, or empty."""

    url: str
    certificate: str = ""


class Front(Protocol):
    """What stands before the workers and splits requests between them by itself."""

    async def follow(self, state: StoredState, workers: Mapping[str, str], ending: Iterable[str]) -> None:
        """Returns once every request goes by this state; TimeoutError when that takes too long. `workers`: their names
        by deployed id; `ending`: the names of those that may still have requests."""


class Fleet:
    """Follows the state file of `file`; `sockets` is a folder that no one else can read.

    `front` and `behind`, both or none: clients are answered by the workers themselves.
    """

    def __init__(
        self,
        file: StateFile,
        address: Address,
        sockets: Path,
        settings: WorkerSettings,
        front: Front | None = None,
        behind: BehindFront | None = None,
    ) -> None:
        self.file = file
        self.workers: dict[str, Worker] = {}
        # Nothing is served before its worker is there.
        self.state = file.read().model_copy(update={"deployed": [], "traffic": {}, "mirror": None})
        self._address = address
        self._sockets = sockets
        self._settings = settings
        self._front = front
        self._behind = behind
        self._born = psutil.Process().create_time()
        self._changed = asyncio.Event()
        self._leaving: list[Worker] = []
        self._stopping: dict[asyncio.Task[None], Worker] = {}
        self._random = random.Random()
        self._observed: Observed | None = None
        self._task = asyncio.get_running_loop().create_task(self._follow())

    def choose(self) -> Worker:
        """The worker for the next request, by the shares of the traffic.

        Raises:
          RequestError: 503 when no version has traffic yet.
        """
        shares = self.state.traffic
        if len(shares) == 1:
            return self.workers[next(iter(shares))]
        if not shares:
            raise RequestError(503, f"no version of `{self.state.endpoint}` has traffic yet")
        return self.workers[self._random.choices([*shares], weights=[*shares.values()])[0]]

    def chosen_to_mirror(self, answering: Worker) -> Worker | None:
        """The worker that shall get a copy of this request, or none."""
        mirror = self.state.mirror
        if mirror is None or mirror.deployed_id == answering.stored.deployed_id:
            return None
        return self.workers[mirror.deployed_id] if self._random.random() * WHOLE < mirror.share else None

    def of_version(self, version: str) -> Worker | None:
        """A worker of this version."""
        return next((each for each in self.workers.values() if each.stored.version == version), None)

    def unready(self) -> list[str]:
        """Versions that have traffic and do not answer; the endpoint's own name when none has traffic."""
        missing = [self.workers[each].stored.version for each in self.state.traffic if not self.workers[each].ready]
        return missing if self.state.traffic else [self.state.endpoint]

    async def stop(self) -> None:
        """Ends every worker once its requests are answered."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self.workers.values()), *self._stopping)

    async def _follow(self) -> None:
        stamp, looked = None, 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                if loop.time() - looked >= _LOOK_FOR_VERSIONS_EVERY:
                    await self._follow_newest()
                    looked = loop.time()
                if (now := self.file.stamp()) != stamp:
                    stamp = now
                    await self._apply(await asyncio.to_thread(self.file.read))
                await self._observe()
            except TimeoutError as late:
                # Tried again: nothing is promised before requests go by the new state.
                stamp = None
                logging.getLogger(__name__).error("%s", late)
            except (SluiceError, OSError) as problem:
                # What is served stays as it is until the file can be read again.
                logging.getLogger(__name__).error("%s", problem)
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), _LOOK_EVERY)
            except asyncio.TimeoutError:
                continue

    async def _apply(self, state: StoredState) -> None:
        wanted = {each.deployed_id: each for each in state.deployed}
        for name, worker in self.workers.items():
            if wanted.get(name) != worker.stored and worker not in self._leaving:
                self._leaving.append(worker)
        for stored in wanted.values():
            known = self.workers.get(stored.deployed_id)
            if known is None or known.stored != stored:
                path = self.file.versions / stored.version
                self.workers[stored.deployed_id] = Worker(
                    stored, path, self._sockets, self._settings, self._changed.set, self._behind
                )
        if self._front is not None:
            ending = [worker.name for worker in (*self._leaving, *self._stopping.values())]
            await self._front.follow(state, {name: self.workers[name].name for name in wanted}, ending)
        self.state = state
        while self._leaving:
            worker = self._leaving.pop()
            if self.workers[worker.stored.deployed_id] is worker:
                del self.workers[worker.stored.deployed_id]
            task = asyncio.get_running_loop().create_task(worker.stop())
            self._stopping[task] = worker
            task.add_done_callback(self._stopping.pop)

    async def _observe(self) -> None:
        models = {name: ObservedModel(ready=each.ready, problem=each.problem) for name, each in self.workers.items()}
        observed = Observed(
            etag=self.state.etag,
            pid=os.getpid(),
            born=self._born,
            address=self._address.url,
            certificate=self._address.certificate,
            models=models,
        )
        if observed != self._observed:
            # Written through to the disk, which takes its time: beside the loop.
            await asyncio.to_thread(self.file.observe, observed)
            self._observed = observed

    async def _follow_newest(self) -> None:
        """Until somebody sets the traffic, the newest version of the folder gets it, once it is loaded."""
        if not self.state.follows_newest:
            return
        ready = {name for name, worker in self.workers.items() if worker.ready}
        newest = await asyncio.to_thread(self.file.newest_version)
        if newest is not None:
            await asyncio.to_thread(self.file.change, lambda state: following(state, newest, self.file.name, ready))
