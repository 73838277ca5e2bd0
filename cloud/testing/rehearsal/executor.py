"""`Rehearsal`: the executor that really runs the jobs of a local cloud, and the local cloud that has it."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from google.cloud.aiplatform_v1 import types

from cloud.testing.cloud import PROJECT_NUMBER, LocalCloud
from cloud.testing.processes import HEAVY, ForkServer
from cloud.testing.rehearsal.folder import RehearsalFolder
from cloud.testing.rehearsal.pipeline_run import PipelineRun
from cloud.testing.rehearsal.tasks import Settings, TaskRunner
from cloud.testing.rehearsal.workers import WorkerRun
from cloud.testing.storage.objects import ObjectStore
from cloud.testing.vertex.runs import Run

# In this process, in memory. The full name: `DirectRunner` looks for the Prism runner and tries to download it.
LOCAL_BEAM = (
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
)


class _Work(Protocol):
    def carry_out(self) -> None: ...

    def stop(self) -> None: ...


class Rehearsal:
    """A `JobExecutor` whose jobs run as processes of this machine, each job on a thread.

    A job that a killed process left is taken up when a client polls it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server: ForkServer | None = None
        self._files: ObjectStore | None = None
        self._under_way: dict[str, tuple[_Work, threading.Thread]] = {}
        self._lock = threading.Lock()

    def open(self, server: ForkServer, files: ObjectStore) -> None:
        """From here on jobs can run."""
        self._server, self._files = server, files

    def close(self) -> None:
        """Ends what is under way; its jobs stay as they are, for the next rehearsal."""
        with self._lock:
            self._server = None
            under_way = list(self._under_way.values())
        for work, thread in under_way:
            work.stop()
            thread.join()

    def start(self, run: Run) -> None:
        """Carries a job out on a thread of its own."""
        with self._lock:
            if self._server is None or self._files is None or run.name in self._under_way:
                return
            work = self._work(run, self._server, self._files)
            thread = threading.Thread(target=self._carry_out, args=(run, work), name=run.name, daemon=True)
            self._under_way[run.name] = (work, thread)
            thread.start()

    def poll(self, run: Run) -> None:
        """Takes up what an earlier process left; else nothing, for jobs move on by themselves."""
        self.start(run)

    def cancel(self, run: Run) -> None:
        """Ends the job's processes."""
        with self._lock:
            under_way = self._under_way.get(run.name)
        if under_way is None:
            run.set_state("CANCELLED")
        else:
            threading.Thread(target=under_way[0].stop, daemon=True).start()

    def _work(self, run: Run, server: ForkServer, files: ObjectStore) -> _Work:
        if isinstance(run.job, types.PipelineJob):
            return PipelineRun(run, TaskRunner(server, files, self._settings, run.job))
        return WorkerRun(run, server, self._settings)

    def _carry_out(self, run: Run, work: _Work) -> None:
        try:
            work.carry_out()
        except Exception as defect:
            # No thread joins this one: the end must show in the job, which clients poll.
            logging.getLogger("sluice").exception("the rehearsal of %s ended in an unexpected way", run.name)
            run.set_state("FAILED", f"The rehearsal itself has a defect: {type(defect).__name__}: {defect}")
        finally:
            with self._lock:
                del self._under_way[run.name]


@contextmanager
def rehearsing(
    place: RehearsalFolder,
    project: str,
    environment: Mapping[str, str],
    beam_arguments: Sequence[str] = LOCAL_BEAM,
    modules: Sequence[str] = HEAVY,
    serves: bool = False,
) -> Iterator[LocalCloud]:
    """A local cloud whose jobs really run, with `environment` and in processes that have imported `modules`. When it
    `serves`, so do the models that they deploy."""
    place.logs.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place.folder / "work", ignore_errors=True)  # what a killed rehearsal left
    settings = Settings(place.folder / "work", place.logs, PROJECT_NUMBER, beam_arguments)
    rehearsal = Rehearsal(settings)
    log = place.logs / "fork-server.log"
    with (
        LocalCloud(project, place.cloud, rehearsal, serves) as cloud,
        ForkServer(cloud.child_environment(environment), log, modules) as server,
    ):
        rehearsal.open(server, cloud.storage)
        try:
            yield cloud
        finally:
            rehearsal.close()
