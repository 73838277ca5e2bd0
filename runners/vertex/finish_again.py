"""`vertex_runner.py jobs finish`: what the exit handler of a job does, once more, from this machine."""

from __future__ import annotations

import dataclasses
import posixpath

from cloud.pipeline_jobs import JobState, PipelineJob, PipelineJobs
from cloud.place import Place
from cloud.task_runs import TaskState
from core.errors import ExitCode, SluiceError
from runners.console.console import RunConsole
from runners.vertex.exit_handler import ExitHandler, ExitInputs, finish

_EXIT_HANDLER = ExitHandler.__name__


def finish_again(place: Place, name: str, console: RunConsole) -> int:
    """Write record and report of a job that has ended, and upload what it pushed, as it was submitted to do.

    Raises:
      SluiceError: when the job still runs, is not ours, or cannot be finished.
    """
    jobs = PipelineJobs(place)
    job = jobs.get(name)
    if not job.state.is_final:
        sentence = f"{name} is {job.state.value}: it has not ended, and finishes by itself."
        raise SluiceError(sentence, f"Follow it:  {place.follow_command(name)}")
    given = _inputs(jobs, name)
    record = finish(_without_exit_handler(job), given, is_latest=False, notifies=False)
    if record.vertex_model:
        console.last_words("UPLOADED", f"{record.registered_version} as {record.vertex_model}")
    console.last_words("FINISHED", posixpath.join(given.runs, name, "report.html"))
    return ExitCode.PUSHED


def _inputs(jobs: PipelineJobs, name: str) -> ExitInputs:
    try:
        task = jobs.specification(name)["root"]["dag"]["tasks"][_EXIT_HANDLER]
        return ExitInputs.from_property(task["inputs"]["parameters"]["config"]["runtimeValue"]["constant"])
    except KeyError as problem:
        sentence = f"the job {name} in {jobs.place} has no exit handler of Sluice."
        command = f"python runners/vertex_runner.py jobs list {jobs.place.options}"
        raise SluiceError(sentence, f"Those that have one:  {command}") from problem


def _without_exit_handler(job: PipelineJob) -> PipelineJob:
    """The job as the tasks before its exit handler have left it."""
    failed = [task.name for task in job.tasks if task.state is TaskState.FAILED]
    if failed == [_EXIT_HANDLER]:
        job = dataclasses.replace(job, state=JobState.SUCCEEDED, error="")
    return dataclasses.replace(job, tasks=tuple(each for each in job.tasks if each.name != _EXIT_HANDLER))
