"""Follows a job on Vertex AI to its end: a line for each component, the verdict, and the exit code of a local run."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from cloud.calls import Patience
from cloud.pipeline_jobs import PipelineJob, PipelineJobs, Transport
from cloud.place import Place
from cloud.task_runs import TaskRun, TaskState
from core.errors import SluiceError
from gates.verdict.finding import GateReport
from runners.component_names import NAMES, name_of
from runners.console.console import RunConsole
from runners.console.ending import print_ending
from runners.interruption import Interrupted, Interruption, interruptible
from runners.results.node_result import NodeResult
from runners.vertex.cancel import cancel_everywhere
from runners.vertex.job_outcome import STOPPED, outcome_of_job

# A laptop that slept finds its job again.
PATIENT = Patience(longest_wait=60.0, altogether=3600.0)
_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 2.0, 30.0, 1.5
_ENDED = (TaskState.RAN, TaskState.REUSED, TaskState.FAILED, TaskState.CANCELLED)


def follow(
    place: Place,
    name: str,
    console: RunConsole,
    transport: Transport = "grpc",
    patience: Patience = PATIENT,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Print what becomes of a job until it has ended; returns the exit code. Any process may follow any job.

    Ctrl-C asks whether the job is to be cancelled, and leaves it alone where nobody can answer.

    Args:
      place: where the job runs.
      name: its id.
      console: where to print.
      transport: how Vertex AI is called.
      patience: how long an outage is sat out.
      sleep: waits between two looks at the job, in seconds.

    Raises:
      SluiceError: when there is no such job, Vertex AI stays away, or the job's results cannot be read.
    """
    following = _Following(place, name, console, transport, patience)
    try:
        with interruptible([signal.SIGINT]) as interruption:
            return following.to_the_end(sleep, interruption)
    except Interrupted:
        return following.interrupted()


class _Following:
    def __init__(self, place: Place, name: str, console: RunConsole, transport: Transport, patience: Patience) -> None:
        self._place = place
        self._name = name
        self._console = console
        self._jobs = PipelineJobs(place, transport, patience, self._lost)
        self._shown: set[str] = set()
        self._is_lost = False

    def to_the_end(self, sleep: Callable[[float], None], interruption: Interruption) -> int:
        job = self._look(interruption)
        self._console.headline(job.workload or "a pipeline of others", f"job {job.name}", job.place.title)
        self._console.last_words(f"{job.place.page_title}:", job.link, "dim")
        wait = _FIRST_WAIT
        while True:
            wait = _FIRST_WAIT if self._show(job) else min(wait * _GROWTH, _LONGEST_WAIT)
            if job.state.is_final:
                return self._end(job)
            sleep(wait)
            job = self._look(interruption)

    def interrupted(self) -> int:
        """Cancel the job or leave it, as a person decides."""
        again = f"Follow it again:  {self._place.follow_command(self._name)}"
        if self._console.ask(f"Cancel the job {self._name}? Otherwise it {self._place.when_left}."):
            cancel_everywhere(self._jobs, self._name)
            self._console.last_words("CANCELLED", f"{self._name} stops in a moment.  {again}")
        else:
            self._console.last_words("LEFT", f"{self._name} {self._place.when_left}.  {again}")
        return STOPPED

    def _look(self, interruption: Interruption) -> PipelineJob:
        job = self._jobs.get(self._name)
        interruption.raise_again()
        if self._is_lost:
            self._is_lost = False
            self._console.component("connection", "is back", None)
        return job

    def _lost(self, problem: BaseException) -> None:
        """One line for each outage, however many tries it takes."""
        if not self._is_lost:
            self._is_lost = True
            lines = str(problem).splitlines() or [type(problem).__name__]
            reason = lines[0][:120].rstrip(". ")
            self._console.component("connection", f"lost ({reason}); the job goes on, trying again", None, "yellow")

    def _show(self, job: PipelineJob) -> bool:
        """Print the components that have ended since the last look; returns whether there are any."""
        fresh = [task for task in job.tasks if task.state in _ENDED and task.name not in self._shown]
        for task in fresh:
            self._shown.add(task.name)
            if task.name in NAMES or task.state is TaskState.FAILED:
                self._print(job, task)
        running = [name_of(task.name) for task in job.tasks if task.state is TaskState.RUNNING and task.name in NAMES]
        if not job.state.is_final and (fresh or running):
            self._console.working_on(", ".join(running) or "waiting")
        return bool(fresh)

    def _print(self, job: PipelineJob, task: TaskRun) -> None:
        name = name_of(task.name)
        if task.state is TaskState.FAILED:
            reason = (task.error.strip().splitlines() or ["Vertex AI gives no reason"])[0]
            self._console.component(name, f"failed: {reason}", task.seconds, "red")
            self._console.last_words("log:", job.log_link(task), "dim")
        elif task.state is TaskState.CANCELLED:
            self._console.component(name, "cancelled", task.seconds)
        else:
            self._console.component(name, _sentence(job, task), task.seconds)

    def _end(self, job: PipelineJob) -> int:
        results = _results(job)
        with _reading(job):
            gates = _gate_reports(results)
            outcome = outcome_of_job(job, results, gates)
        self._console.verdict(gates)
        print_ending(self._console, outcome, job.workload, outcome.pushed_to or f"{_workload_folder(job)}/serving")
        report = f"{_workload_folder(job)}/runs/{job.name}/report.html"
        with _reading(job):
            shown = report if _exists(report) else f"none at {report}: the job ended before it was written"
        self._console.last_words("report:", shown, "dim")
        return outcome.exit_code


def _workload_folder(job: PipelineJob) -> str:
    return job.root.rstrip("/").rpartition("/")[0]


def _sentence(job: PipelineJob, task: TaskRun) -> str:
    from runners.console.component_lines import sentence_for

    with _reading(job):
        sentence = sentence_for(_results(job)[task.name])
    if task.state is TaskState.REUSED:
        return f"reused · {sentence}" if sentence else "reused"
    return sentence


def _results(job: PipelineJob) -> dict[str, NodeResult]:
    from runners.vertex.results import results_of  # TFX takes seconds to load

    return results_of(job.tasks, job.folder)


def _gate_reports(results: Mapping[str, NodeResult]) -> tuple[GateReport, ...]:
    from runners.results.read_back import gate_reports

    return gate_reports(results)


def _exists(place: str) -> bool:
    from tfx.dsl.io import fileio

    return bool(fileio.exists(place))


@contextmanager
def _reading(job: PipelineJob) -> Iterator[None]:
    """A block that reads what the tasks have left in the bucket."""
    from tensorflow import errors

    try:
        yield
    except (errors.OpError, OSError) as problem:
        lines = str(problem).strip().splitlines() or [type(problem).__name__]
        bucket = job.root.removeprefix("gs://").partition("/")[0]
        raise SluiceError(
            f"the results of {job.name} cannot be read from {job.folder}: {lines[0][:200].rstrip('. ')}.",
            f"Try it:  gcloud storage ls gs://{bucket}",
        ) from problem
