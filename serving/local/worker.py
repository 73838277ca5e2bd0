"""One version in a process of its own, as the router holds it: started, watched, started again, drained."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.child_process import child_environment, ending_in_words
from serving.local.link import Link
from serving.local.process import Process
from serving.local.state import StoredModel
from serving.protocol.errors import RequestError
from serving.protocol.identity import Identity
from serving.protocol.notes import Note
from serving.protocol.token import TOKEN
from serving.worker.memory import lacking_memory
from serving.worker.plan import FrontPlan, WorkerPlan, WorkerSettings

DRAIN_SECONDS = 30
# Vertex' limit of a prediction on a shared endpoint.
ANSWER_SECONDS = 60
MOST_IN_FLIGHT = 1024
# Copies that are on their way to a version; nobody waits for those that are left out.
MOST_COPIES = 64
_LONGEST_PAUSE = 30.0
_numbers = itertools.count()


@dataclass(frozen=True)
class WorkerAnswer:
    """What a worker answered. `in_json`: the same as `body`, or its first predictions where the body is not JSON."""

    code: int
    body: bytes
    in_json: bytes


@dataclass(frozen=True)
class BehindFront:
    """For workers that answer clients by themselves, which need `token`. `log_share`: percent of the requests that are
    logged. `on_note` is called with what a worker has noted of each."""

    token: str
    log_share: float
    on_note: Callable[[Worker, Note], None]


def front_sockets(sockets: Path, worker: str) -> tuple[str, str]:
    """Where the worker of this name takes requests and copies of them from a front."""
    return str(sockets / f"{worker}.requests"), str(sockets / f"{worker}.copies")


class Worker:
    """Keeps a process for one version alive until it is stopped; `on_change` is called when its readiness changes.

    `sockets` is a folder that no one else can read. `name` is that of no other worker, also of the same version.
    """

    def __init__(
        self,
        stored: StoredModel,
        path: Path,
        sockets: Path,
        settings: WorkerSettings,
        on_change: Callable[[], None],
        behind: BehindFront | None = None,
    ) -> None:
        self.stored = stored
        self.name = f"{stored.deployed_id}-{next(_numbers)}"
        self.identity = Identity(stored.deployed_id, stored.model, stored.version)
        self.ready = False
        self.problem = ""
        self.report: dict[str, Any] = {}
        self._path = path
        self._sockets = sockets
        self._socket = str(sockets / f"{stored.deployed_id}.sock")
        self._behind = behind
        self._settings = settings
        self._on_change = on_change
        self._process: Process | None = None
        self._link: Link | None = None
        self._logged = ""
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._task = asyncio.get_running_loop().create_task(self._keep_alive())

    @property
    def pid(self) -> int | None:
        """The process that answers at present."""
        return self._process.pid if self._process else None

    async def post(self, body: bytes, form: str) -> WorkerAnswer:
        """Sends a request for predictions in one of the forms of `frames`, which its answer has, too.

        Raises:
          RequestError: 503 when the version does not answer, 429 when too many requests wait, 504 when it takes too
            long.
        """
        if not self.ready or self._link is None:
            raise RequestError(503, f"version {self.stored.version} is not ready{self._why()}")
        if self._in_flight >= MOST_IN_FLIGHT:
            raise RequestError(429, f"{self._in_flight} requests wait for version {self.stored.version}; come again")
        self._in_flight += 1
        self._idle.clear()
        try:
            answer = await self._link.ask(body, form, ANSWER_SECONDS)
            return WorkerAnswer(answer.kind, answer.body, answer.beside or answer.body)
        except asyncio.TimeoutError as late:
            raise RequestError(504, f"version {self.stored.version} did not answer in {ANSWER_SECONDS} s") from late
        except ConnectionError as broken:
            raise RequestError(503, f"version {self.stored.version} ended while it answered; come again") from broken
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def stop(self) -> None:
        """Ends the process once the requests that it has are answered."""
        await _within(DRAIN_SECONDS, self._idle.wait())
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._process is not None and self._process.running:
            self._process.terminate()
            await _within(DRAIN_SECONDS, self._process.wait())
            if self._process.running:
                self._process.kill()
                await self._process.wait()
            if self._link is not None:
                # Its last notes.
                await _within(DRAIN_SECONDS, self._link.ended.wait())
        self._unready("")

    async def _keep_alive(self) -> None:
        """Starts the process again whenever it ends: at once after it had answered, else after longer and longer
        pauses."""
        pause = 0.0
        while True:
            problem = await self._start()
            if not problem:
                pause = 0.0
                assert self._process is not None
                code = await self._process.wait()
                problem = f"its process ended {ending_in_words(code)} and is started again"
            else:
                pause = min(max(1.0, pause * 2), _LONGEST_PAUSE)
            self._log_once(problem)
            self._unready(problem)
            await asyncio.sleep(pause)

    def _log_once(self, problem: str) -> None:
        """One line for whoever looks at the server, however often it is tried again for the same reason."""
        if problem != self._logged:
            logging.getLogger(__name__).error(
                "version %s of %s does not answer: %s", self.stored.version, self.stored.model, problem
            )
        self._logged = problem

    async def _start(self) -> str:
        """Starts the process and waits until it answers; returns why it does not."""
        # Files are read beside the loop: while a disk is slow, the other versions answer.
        if problem := lacking_memory(await asyncio.to_thread(_size_of, self._path)):
            return problem
        reading, writing = os.pipe()
        plan = WorkerPlan(str(self._path), self._socket, writing, self._settings, self._front_plan())
        environment = {
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONWARNINGS": "ignore::FutureWarning",
            **child_environment(),
            TOKEN: self._behind.token if self._behind else "",
        }
        try:
            self._process = Process([sys.executable, "-m", "serving.worker", plan.dumps()], environment, [writing])
        except OSError as problem:
            os.close(reading)
            return f"its process cannot be started: {problem}"
        finally:
            os.close(writing)
        report = await _read_all(reading)
        if "metadata" not in report:
            code = await self._process.wait()
            return str(
                report.get("problem") or f"its process ended {ending_in_words(code)} before the model was loaded"
            )
        self.report = report
        try:
            # A process that cannot be asked any more ends, and so is started again.
            self._link = await Link.to(self._socket, self._process.terminate, self._noted)
        except OSError as problem:
            self._process.terminate()
            await self._process.wait()
            return f"its process ended before a request: {problem}"
        self.ready, self.problem = True, ""
        if self._logged:
            logging.getLogger(__name__).warning(
                "version %s of %s answers again", self.stored.version, self.stored.model
            )
            self._logged = ""
        self._on_change()
        return ""

    def _front_plan(self) -> FrontPlan | None:
        if self._behind is None:
            return None
        return FrontPlan(self.identity, *front_sockets(self._sockets, self.name), self._behind.log_share)

    def _noted(self, note: Note) -> None:
        if self._behind is not None:
            self._behind.on_note(self, note)

    def _unready(self, problem: str) -> None:
        self.ready, self.problem = False, problem
        link, self._link = self._link, None
        if link is not None:
            link.close()
        self._on_change()

    def _why(self) -> str:
        return f": {self.problem}" if self.problem else ": it is being loaded"


def _size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


async def _within(seconds: float, waiting: Any) -> None:
    try:
        await asyncio.wait_for(waiting, seconds)
    except asyncio.TimeoutError:
        return


async def _read_all(pipe: int) -> dict[str, Any]:
    """The JSON that comes through a pipe until it closes; empty when it is cut off."""
    reader = asyncio.StreamReader(limit=2**24)
    file = os.fdopen(pipe, "rb")
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), file
    )
    try:
        return dict(json.loads(await reader.read()))
    except ValueError:
        return {}
    finally:
        transport.close()
