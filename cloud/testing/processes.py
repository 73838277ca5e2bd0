"""Containers as processes of this machine: started by the fork server, waited for, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any

# What every container of a TFX job imports; forked processes find it done.
HEAVY = ("tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor", "google.cloud.aiplatform")


class StoppedError(Exception):
    """The job was cancelled, or the rehearsal ends."""


@dataclass(frozen=True)
class Container:
    """A command with the folder it starts in, the file that takes its output, and variables of its own.

    `errors` takes what goes to standard error, unless that belongs to the output. `modules` are imported before the
    fork, so that later containers have them, too.
    """

    command: Sequence[str]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    modules: Sequence[str] = ()
    errors: Path | None = None


class Started:
    """A process under way."""

    def __init__(self) -> None:
        self._pid: Future[int] = Future()
        self.status: Future[int] = Future()

    def wait(self) -> int:
        """Its exit status; negative for the signal that ended it."""
        return self.status.result()

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Sends it, and what it has started, the signal that ends it; does nothing when it has ended."""
        if not self.status.done() and (pid := self._pid.result()):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, number)

    def take(self, answer: Mapping[str, int]) -> bool:
        """Takes an answer of the server in; whether it was the last one."""
        if "pid" in answer:
            self._pid.set_result(answer["pid"])
            return False
        self.status.set_result(answer["status"])
        return True

    def lose(self) -> None:
        """Takes it as killed, for its server has ended."""
        for future, value in ((self._pid, 0), (self.status, -signal.SIGKILL)):
            if not future.done():
                future.set_result(value)


def first_ended(processes: Sequence[Started]) -> list[Started]:
    """Waits until one of several has ended; those that have."""
    futures = {each.status: each for each in processes}
    return [futures[each] for each in wait(futures, return_when=FIRST_COMPLETED).done]


class ForkServer:
    """A context manager around the process that `fork_server.py` is; may be used from several threads."""

    def __init__(self, environment: Mapping[str, str], log: Path, modules: Sequence[str] = HEAVY) -> None:
        script = Path(__file__).with_name("fork_server.py")
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(script), *modules],
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                start_new_session=True,  # Ctrl-C is for the command that waits
            )
        self._lock = threading.Lock()
        self._waiting: dict[int, Started] = {}
        self._count = 0
        self._ended: SimpleQueue[None] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True, name="containers").start()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends every process that it has started, and the server."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.terminate()  # it may still be importing
        self._process.wait()
        self._ended.get()

    def start(self, container: Container) -> Started:
        """Starts a container."""
        assert self._process.stdin is not None
        with self._lock:
            self._count += 1
            self._waiting[self._count] = started = Started()
            request: dict[str, Any] = {
                "id": self._count,
                "command": list(container.command),
                "folder": str(container.folder),
                "log": str(container.log),
                "errors": str(container.errors or container.log),
                "environment": dict(container.environment),
                "modules": list(container.modules),
            }
            print(json.dumps(request), file=self._process.stdin, flush=True)
        return started

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            if self._waiting[answer["id"]].take(answer):
                del self._waiting[answer["id"]]
        # The server has ended, and with it what it had started.
        for started in self._waiting.values():
            started.lose()
        self._ended.put(None)
