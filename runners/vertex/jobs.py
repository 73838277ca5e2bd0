"""`vertex_runner.py jobs`: the jobs and schedules that are there, and what can be done to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rich.table import Table

from cloud.dataflow_jobs import DataflowJobs
from cloud.pipeline_jobs import JobState, PipelineJob, PipelineJobs, is_job_id
from cloud.place import Place
from cloud.schedules import Schedule, Schedules
from core.errors import ExitCode, SluiceError
from core.text import counted, listed
from pipeline.config.load import load_environment
from runners.console.console import RunConsole
from runners.local.log_redirect import output_redirected_to
from runners.vertex.cancel import cancel_everywhere, cancel_what_is_left
from runners.vertex.follow import follow

_STYLES = {JobState.SUCCEEDED: "green", JobState.FAILED: "red", JobState.CANCELLED: "yellow"}
_NOT_DELETED = 130


def place_of(environment: str, overrides: Sequence[str]) -> Place:
    """The project and region of an environment and its overrides.

    Raises:
      SluiceError: when there is no such environment.
    """
    config = load_environment(environment, overrides)
    return Place(config.project, config.region)


def dataflow_region_of(environment: str, overrides: Sequence[str]) -> str:
    """Where the Beam parts of an environment run.

    Raises:
      SluiceError: when there is no such environment.
    """
    config = load_environment(environment, overrides)
    return config.dataflow.region or config.region


def checked_name(place: Place, name: str) -> str:
    """The name of a job or of a schedule as it was typed.

    Raises:
      SluiceError: when nothing can have that name.
    """
    if is_job_id(name):
        return name
    sentence = f"`{name}` is the name of no job: that has up to 128 of a-z, 0-9 and -, and starts with a letter."
    raise SluiceError(sentence, f"What is there:  python runners/vertex_runner.py jobs list {place.options}")


def list_jobs(place: Place, workload: str, most: int, console: RunConsole) -> int:
    """Print the newest jobs and all schedules of ours.

    Raises:
      SluiceError: when they cannot be read.
    """
    jobs, schedules = PipelineJobs(place).find(workload), Schedules(place).find(workload)
    if not jobs and not schedules:
        of = f" of {workload}" if workload else ""
        console.last_words("none", f"there is no job{of} of Sluice in {place}.")
        return ExitCode.PUSHED
    names = {each.resource_name: each.display_name for each in schedules}
    if jobs:
        table = Table("job", "state", "workload", "started", "took", "by", box=None, padding=(0, 2, 0, 2))
        for job in jobs[:most]:
            table.add_row(*_row(job, names), style=_STYLES.get(job.state, ""))
        console.table(table)
    if len(jobs) > most:
        console.last_words("and", f"{counted(len(jobs) - most, 'older job')}: --limit shows more")
    if schedules:
        table = Table("schedule", "state", "workload", "cron", "next run", box=None, padding=(0, 2, 0, 2))
        for each in schedules:
            table.add_row(each.display_name, each.state, each.workload, each.cron, _moment(each.next_run))
        console.table(table)
    return ExitCode.PUSHED


def follow_job(place: Place, name: str, output_dir: Path) -> int:
    """Follow a job to its end; returns its exit code.

    Raises:
      SluiceError: when there is none, or it cannot be followed.
    """
    checked_name(place, name)
    with logged_console(output_dir) as console:
        return follow(place, name, console)


def finish_job(place: Place, name: str, output_dir: Path) -> int:
    """Write record and report of a job that has ended, and upload what it pushed, once more.

    Raises:
      SluiceError: when there is none, it still runs, or it cannot be finished.
    """
    checked_name(place, name)
    with logged_console(output_dir) as console:
        from runners.vertex.finish_again import finish_again  # with TFX, which prints a lot

        return finish_again(place, name, console)


@contextmanager
def logged_console(output_dir: Path) -> Iterator[RunConsole]:
    """A console beside which the output of libraries goes to `vertex.log` in a folder.

    Raises:
      SluiceError: when the folder cannot be made.
    """
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        sentence = f"the output folder {output_dir} cannot be made: {problem.strerror}."
        raise SluiceError(sentence, "Use another:  --output-dir FOLDER") from problem
    with output_redirected_to(output_dir / "vertex.log") as stream, RunConsole(stream) as console:
        yield console


def cancel(place: Place, name: str, console: RunConsole) -> int:
    """Cancel a job, or delete the schedule of that name.

    Raises:
      SluiceError: when there is neither.
    """
    checked_name(place, name)
    if schedule := next((each for each in Schedules(place).find() if each.display_name == name), None):
        return _end(schedule, place, console)
    jobs = PipelineJobs(place)
    job = jobs.get(name)
    if job.state.is_final:
        left = cancel_what_is_left(jobs, name)
        more = f" What it had left behind is cancelled: {counted(len(left), 'Dataflow job')}." if left else ""
        console.last_words("ENDED", f"{name} has {job.state.value} already.{more}")
        return ExitCode.PUSHED
    cancel_everywhere(jobs, name)
    console.last_words("CANCELLED", f"{name} stops in a moment.")
    return ExitCode.PUSHED


def clean(place: Place, dataflow_region: str, workload: str, days: float, is_agreed: bool, console: RunConsole) -> int:
    """Delete the jobs of ours that ended more than `days` ago, and cancel the Dataflow jobs that any that has ended
    left running; what they wrote into the bucket stays.

    Raises:
      SluiceError: when nobody agrees, or one cannot be deleted.
    """
    jobs, dataflow = PipelineJobs(place), DataflowJobs(place.project, dataflow_region)
    before = datetime.now(timezone.utc) - timedelta(days=days)
    ended = [job for job in jobs.find(workload) if job.state.is_final]
    old = [job for job in ended if (job.ended or job.created) < before]
    left = dataflow.running([job.name for job in ended])
    if not old and not left:
        console.last_words("none", f"no job in {place} ended more than {days:g} days ago, and none left anything.")
        return ExitCode.PUSHED
    for job in old:
        console.last_words("old:", f"{job.name} · {job.state.value} {_moment(job.ended)}", "dim")
    for each in left:
        console.last_words("left running:", f"the Dataflow job {each.name} ({each.number}) of {each.run}", "dim")
    what = [f"delete {counted(len(old), 'job')}"] if old else []
    what += [f"stop {counted(len(left), 'Dataflow job')}"] if left else []
    if not (is_agreed or _agrees(listed(what), console)):
        return _NOT_DELETED
    dataflow.cancel(left)
    if left:
        console.last_words("STOPPED", f"{counted(len(left), 'Dataflow job')} of jobs that have ended.")
    for job in old:
        jobs.delete(job.name)
    if old:
        console.last_words("DELETED", f"{counted(len(old), 'job')}; what they wrote into the bucket is still there.")
    return ExitCode.PUSHED


def _agrees(what: str, console: RunConsole) -> bool:
    if not console.can_ask:
        sentence = f"to {what} needs a yes, and nobody can answer here."
        raise SluiceError(sentence, "Agree beforehand:  the same command with --yes")
    return console.ask(f"{what[0].upper()}{what[1:]}? What they wrote into the bucket stays.")


def _end(schedule: Schedule, place: Place, console: RunConsole) -> int:
    Schedules(place).delete(schedule)
    console.last_words("DELETED", f"the schedule {schedule.display_name}; the jobs that it started go on.")
    return ExitCode.PUSHED


def _row(job: PipelineJob, schedules: dict[str, str]) -> tuple[str, ...]:
    end = job.ended or datetime.now(timezone.utc)
    took = str(end - job.started).partition(".")[0] if job.started else ""
    by = schedules.get(job.schedule, "a deleted schedule") if job.schedule else "a person"
    return job.name, job.state.value, job.workload, _moment(job.started), took, by


def _moment(time: datetime | None) -> str:
    return time.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M") if time else ""
