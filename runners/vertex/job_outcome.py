"""The outcome of a job on Vertex AI, by the rules of a run on this machine."""

from __future__ import annotations

from collections.abc import Mapping

from cloud.pipeline_jobs import JobState, PipelineJob
from cloud.task_runs import TaskState
from core.errors import ExitCode, SluiceError
from gates.verdict.finding import GateReport
from runners.component_names import NAMES
from runners.results.node_result import NodeResult
from runners.results.outcome import Outcome, outcome_of, outcome_of_error
from runners.vertex.task_errors import read_error

STOPPED = 130  # the exit code of a job that a person has stopped


def outcome_of_job(job: PipelineJob, results: Mapping[str, NodeResult], gates: tuple[GateReport, ...]) -> Outcome:
    """The outcome of a job that has ended, as of a run on this machine."""
    if job.state is JobState.CANCELLED:
        again = "Once more:  the same command with another --job-name"
        return Outcome("stopped", STOPPED, "The job was cancelled; what its tasks had finished is kept.", again)
    failed = next((task for task in job.tasks if task.state is TaskState.FAILED and task.name in NAMES), None)
    if job.state is JobState.FAILED and failed is None:
        if isinstance(problem := _error_of_another(job), SluiceError):
            return outcome_of_error(problem)
        reason = " ".join(job.error.split()) or "Vertex AI gives no reason"
        return Outcome("failed", ExitCode.ERROR, f"the job failed: {reason}", f"See why:  {job.link}")
    log = job.log_link(failed) if failed else job.link
    # Where nothing is to be pushed, the pipeline has no Pusher.
    return outcome_of(results, gates, None, "Pusher" in results, log)


def _error_of_another(job: PipelineJob) -> BaseException | None:
    """What a task that is no component has left: the exit handler, when it could not finish."""
    failed = [task for task in job.tasks if task.state is TaskState.FAILED]
    return read_error(job.folder, failed[0].name) if failed else None
