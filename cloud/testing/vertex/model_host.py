"""The containers of deployed models: each a process of `python -m serving.container`, as the serving image has it.

They are forks of one process that has TensorFlow imported, so that a version is loaded in less than a second.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as NotEndedError
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx

from cloud.testing.environment import over
from cloud.testing.processes import Container, ForkServer
from cloud.testing.storage.objects import ObjectStore
from serving.protocol.errors import JSON, RequestError

ANSWER_SECONDS = 60.0
_DRAIN_SECONDS = 60.0
_ROOT = Path(__file__).parents[3]
_ROUTE = "/predict"
_READY = "ready on 0.0.0.0:"
# What `serving.container` imports once it has read its settings.
_IMPORTED = ("serving.worker.answer_record", "serving.worker.process")
_one_server = threading.Lock()


@dataclass(frozen=True)
class HostedModel:
    """A deployed model: the folder of its files, and the variables that its container has besides those of a route."""

    artifact_uri: str
    variables: Mapping[str, str]


@dataclass(frozen=True)
class ContainerAnswer:
    """What a container answered."""

    code: int
    body: bytes


class ModelHost:
    """Starts and stops processes by a key of the caller's; the files of a model come from the local Cloud Storage.

    `environment` gives the variables of a process that finds the local cloud.
    """

    def __init__(self, files: ObjectStore, environment: Callable[[], Mapping[str, str]]) -> None:
        self._files = files
        self._environment = environment
        self._home = tempfile.TemporaryDirectory(prefix="models-")
        self._containers: dict[str, _Container] = {}
        self._starting: dict[str, threading.Lock] = {}
        self._stopping: list[threading.Thread] = []
        self._numbers = count(1)

    def start(self, key: str, model: HostedModel) -> str:
        """Returns once the model answers, with an empty text, or with the reason why it never will. Does nothing for
        one that runs; one that has ended is started again."""
        with self._starting.setdefault(key, threading.Lock()):
            running = self._containers.get(key)
            if running is not None and running.is_running:
                return ""
            if (ended := self._containers.pop(key, None)) is not None:
                ended.close()
            folder = Path(self._home.name) / str(next(self._numbers))
            self._copy(model.artifact_uri, folder / "model")
            container = _Container(folder, {**self._environment(), **model.variables})
            problem = container.problem()
            if not problem:
                self._containers[key] = container
            return problem

    def post(self, key: str, body: bytes) -> ContainerAnswer:
        """What the model answers to a request for predictions.

        Raises:
          RequestError: when it has ended or does not answer in time.
        """
        container = self._containers.get(key)
        if container is None:
            raise RequestError(503, "the model is being undeployed")
        return container.post(body)

    def stop(self, key: str) -> None:
        """Ends a model's process once the requests that it has are answered; returns at once."""
        container = self._containers.pop(key, None)
        if container is not None:
            thread = threading.Thread(target=container.stop)
            thread.start()
            self._stopping.append(thread)

    def close(self) -> None:
        """Ends every process."""
        for key in list(self._containers):
            self.stop(key)
        for thread in self._stopping:
            thread.join()
        self._home.cleanup()

    def _copy(self, artifact_uri: str, folder: Path) -> None:
        bucket, _, prefix = artifact_uri.removeprefix("gs://").partition("/")
        prefix = f"{prefix.rstrip('/')}/"
        for each in self._files.objects(bucket):
            if each.name.startswith(prefix) and not each.name.endswith("/"):
                target = folder / each.name.removeprefix(prefix)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self._files.read(bucket, each.name)[1])


class _Container:
    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        contract = {
            "AIP_STORAGE_URI": str(folder / "model"),
            "AIP_HTTP_PORT": "0",
            "AIP_PREDICT_ROUTE": _ROUTE,
            "AIP_HEALTH_ROUTE": "/healthz",
            "AIP_MODE": "PREDICTION",
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "stderr.log"
        pipe = folder / "stdout"
        os.mkfifo(pipe)
        # Open for both: so it has no end before this container is given up.
        self._output = os.open(pipe, os.O_RDWR)
        command = ("python", "-m", "serving.container")
        with _one_server:
            server = _server()
        self._process = server.start(Container(command, folder, pipe, {**environment, **contract}, errors=self._log))
        wake = os.dup(self._output)
        self._process.status.add_done_callback(lambda _: _last_line(wake))
        self._client: httpx.Client | None = None

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return not self._process.status.done()

    def problem(self) -> str:
        """Waits until it listens; the reason why it never will."""
        with open(self._output, encoding="utf-8", errors="replace", closefd=False) as output:
            for line in output:
                if _READY in line:
                    port = line.partition(_READY)[2].partition(",")[0]
                    address = f"http://127.0.0.1:{port}"
                    self._client = httpx.Client(base_url=address, trust_env=False, timeout=ANSWER_SECONDS)
                    return ""
                if not self.is_running:
                    break
        os.close(self._output)
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].removeprefix("sluice: ") if lines else f"exit code {self._process.wait()}"

    def post(self, body: bytes) -> ContainerAnswer:
        """See ModelHost."""
        assert self._client is not None
        try:
            answer = self._client.post(_ROUTE, content=body, headers={"Content-Type": JSON})
        except httpx.TimeoutException as late:
            raise RequestError(504, f"the model did not answer in {ANSWER_SECONDS:.0f} s") from late
        except httpx.HTTPError as broken:
            raise RequestError(503, f"the model does not answer: {broken}") from broken
        return ContainerAnswer(answer.status_code, answer.content)

    def stop(self) -> None:
        """SIGTERM, upon which it answers what has begun; SIGKILL when that takes too long."""
        self._process.stop(signal.SIGTERM)
        try:
            self._process.status.result(_DRAIN_SECONDS)
        except NotEndedError:
            self._process.stop()
            self._process.wait()
        self.close()
        if self._client is not None:
            self._client.close()

    def close(self) -> None:
        """Closes the pipe of a process that has ended."""
        os.close(self._output)


def _last_line(pipe: int) -> None:
    """Ends the wait of who reads from the pipe."""
    os.write(pipe, b"ended\n")
    os.close(pipe)


@functools.cache
def _server() -> ForkServer:
    """One for this process, whatever clouds it has. A container gets its cloud's variables when it starts."""
    home = tempfile.TemporaryDirectory(prefix="containers-")
    atexit.register(home.cleanup)
    # What the container sets before it imports TensorFlow, which its forks find imported.
    variables = over(os.environ, {"PYTHONPATH": str(_ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"})
    server = ForkServer(variables, Path(home.name) / "server.log", _IMPORTED)
    atexit.register(server.close)
    return server
