"""The containers of deployed models: each a process of `python -m serving.container`, as the serving image has it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx

from cloud.testing.storage.objects import ObjectStore
from serving.protocol.errors import JSON, RequestError

ANSWER_SECONDS = 60.0
_DRAIN_SECONDS = 60.0
_ROOT = Path(__file__).parents[3]
_ROUTE = "/predict"
_READY = "ready on 0.0.0.0:"


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
            if running is not None and running.process.poll() is None:
                return ""
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
            "PYTHONPATH": str(_ROOT),
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "stderr.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cloud.testing.vertex.container_process"],
                env={**environment, **contract},
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._client: httpx.Client | None = None

    def problem(self) -> str:
        """Waits until it listens; the reason why it never will."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if _READY in line:
                port = line.partition(_READY)[2].partition(",")[0]
                address = f"http://127.0.0.1:{port}"
                self._client = httpx.Client(base_url=address, trust_env=False, timeout=ANSWER_SECONDS)
                return ""
        self.process.wait()
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].removeprefix("sluice: ") if lines else f"exit code {self.process.returncode}"

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
        self.process.terminate()
        try:
            self.process.wait(_DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._client is not None:
            self._client.close()
