"""The containers of deployed models: for each the process that `python -m serving` starts for a version, too."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from concurrent.futures import Future, wait
from pathlib import Path

from cloud.testing.loop_thread import LoopThread
from cloud.testing.storage.objects import ObjectStore
from serving.local.state import StoredModel
from serving.local.worker import ANSWER_SECONDS, DRAIN_SECONDS, Worker, WorkerAnswer
from serving.protocol.errors import JSON, RequestError
from serving.worker.plan import WorkerSettings

READY_SECONDS = 300.0
# Draining, SIGTERM and SIGKILL, each with its time.
_STOP_SECONDS = 3.0 * DRAIN_SECONDS


class ModelHost:
    """Starts and stops processes by a key of the caller's; the files of a model come from the local Cloud Storage."""

    def __init__(self, files: ObjectStore) -> None:
        self._files = files
        self._home = tempfile.TemporaryDirectory(prefix="models-")
        self._loop = LoopThread()
        self._workers: dict[str, Worker] = {}
        self._stopping: list[Future[None]] = []
        self._numbers = itertools.count(1)

    def start(self, key: str, deployed: StoredModel, artifact_uri: str) -> str:
        """Returns once the model answers, with an empty text, or with the reason why it never will."""
        if key in self._workers:
            return ""
        folder = Path(self._home.name) / str(next(self._numbers))
        self._copy(artifact_uri, folder / "model")
        worker, problem = self._loop.run(_started(deployed, folder), READY_SECONDS)
        if problem:
            self._loop.run(worker.stop(), _STOP_SECONDS)
        else:
            self._workers[key] = worker
        return problem

    def post(self, key: str, body: bytes) -> WorkerAnswer:
        """What the model answers to a request for predictions.

        Raises:
          RequestError: when it has ended or does not answer in time.
        """
        worker = self._workers.get(key)
        if worker is None:
            raise RequestError(503, "the model is being undeployed")
        return self._loop.run(worker.post(body, JSON), ANSWER_SECONDS + 10.0)

    def stop(self, key: str) -> None:
        """Ends a model's process once the requests that it has are answered; returns at once."""
        worker = self._workers.pop(key, None)
        if worker is not None:
            self._stopping = [each for each in self._stopping if not each.done()]
            self._stopping.append(asyncio.run_coroutine_threadsafe(worker.stop(), self._loop.loop))

    def close(self) -> None:
        """Ends every process."""
        for key in list(self._workers):
            self.stop(key)
        wait(self._stopping, _STOP_SECONDS)
        self._loop.stop()
        self._home.cleanup()

    def _copy(self, artifact_uri: str, folder: Path) -> None:
        bucket, _, prefix = artifact_uri.removeprefix("gs://").partition("/")
        prefix = f"{prefix.rstrip('/')}/"
        for each in self._files.objects(bucket):
            if each.name.startswith(prefix) and not each.name.endswith("/"):
                target = folder / each.name.removeprefix(prefix)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self._files.read(bucket, each.name)[1])


async def _started(deployed: StoredModel, folder: Path) -> tuple[Worker, str]:
    changed = asyncio.Event()
    worker = Worker(deployed, folder / "model", folder, WorkerSettings(), changed.set)
    try:
        while not worker.ready and not worker.problem:
            changed.clear()
            await changed.wait()
    except asyncio.CancelledError:
        # The host is closed while the model is loaded.
        await worker.stop()
        raise
    return worker, "" if worker.ready else worker.problem
