"""A custom job is run to its end against the local Vertex AI, by the real client over gRPC and REST."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types
from google.rpc import code_pb2, status_pb2

from cloud.job_runs import Attempt, Identity, JobRunner, cancel_jobs_of, job_client
from cloud.run_label import RUN_LABEL
from cloud.testing.cloud import LocalCloud
from cloud.testing.vertex.runs import Run
from cloud.training_jobs import JobPlace, MachineChoice, Workers, custom_job
from core.errors import ExitCode, SluiceError

REGION, OTHER = "us-central1", "us-east4"
L4 = MachineChoice("g2-standard-12", "NVIDIA_L4", 1, REGION)
T4 = MachineChoice("n1-standard-8", "NVIDIA_TESLA_T4", 1, REGION)
L4_THERE = MachineChoice("g2-standard-12", "NVIDIA_L4", 1, OTHER)

pytestmark = pytest.mark.parametrize("transport", ["grpc", "rest"])


def succeeds(run: Run) -> None:
    run.set_state("RUNNING" if run.state == "PENDING" else "SUCCEEDED")


def ends(state: str, error: str = "", code: int = code_pb2.INTERNAL, started: bool = True) -> Callable[[Run], None]:
    """A behaviour that ends a job in a state."""

    def end(run: Run) -> None:
        if started:
            run.set_state("RUNNING")
        if error:
            run.change(lambda job: setattr(job, "error", status_pb2.Status(code=code, message=error)))
        run.set_state(state)

    return end


class Scripted:
    """An executor that treats each machine type in a way of its own."""

    def __init__(self) -> None:
        self.ways: dict[str, Callable[[Run], None]] = {}
        self.started: list[str] = []

    def start(self, run: Run) -> None:
        self.started.append(machine_of(run.job))

    def poll(self, run: Run) -> None:
        if run.state == "CANCELLING":
            run.set_state("CANCELLED")
        else:
            self.ways.get(machine_of(run.job), succeeds)(run)

    def cancel(self, run: Run) -> None: ...


def machine_of(job: types.CustomJob) -> str:
    found: str = job.job_spec.worker_pool_specs[0].machine_spec.machine_type
    return found


@pytest.fixture
def executor(cloud: LocalCloud) -> Iterator[Scripted]:
    backend, scripted = cloud.vertex.backend, Scripted()
    before, backend.executor = backend.executor, scripted
    yield scripted
    backend.executor = before


@pytest.fixture
def runner(cloud: LocalCloud, executor: Scripted, transport: str) -> JobRunner:
    return JobRunner(cloud.project, transport=transport, poll_seconds=0.01)


def attempts(cloud: LocalCloud, *choices: MachineChoice) -> list[Attempt]:
    workers = Workers(choices=choices)
    place = JobPlace(cloud.project, "image", labels={"team": "rides"})
    return [Attempt(each.region, str(each), custom_job("taxi-trainer", each, workers, place)) for each in choices]


def identity(task: str = "", outputs: str = "here") -> Identity:
    return Identity("taxi-run-1", task or uuid.uuid4().hex, outputs)


def test_a_job_is_run_to_its_end_with_its_labels(cloud: LocalCloud, runner: JobRunner, executor: Scripted) -> None:
    job = runner.run(identity(), attempts(cloud, L4))
    assert job.state == types.JobState.JOB_STATE_SUCCEEDED
    assert (job.labels["team"], job.labels[RUN_LABEL]) == ("rides", "taxi-run-1")
    assert executor.started == ["g2-standard-12"]


def test_a_retry_goes_on_with_the_job_of_the_attempt_before(
    cloud: LocalCloud, runner: JobRunner, executor: Scripted
) -> None:
    same, [attempt] = identity(), attempts(cloud, L4)
    first = runner._created(job_client(REGION, runner.transport), attempt, same)
    assert runner.run(same, [attempt]).name == first.name
    # And once it has ended, a further retry runs nothing.
    assert runner.run(same, [attempt]).name == first.name
    assert len(executor.started) == 1


def test_a_job_that_writes_elsewhere_is_cancelled_before_another_begins(
    cloud: LocalCloud, runner: JobRunner, executor: Scripted
) -> None:
    before = identity(outputs="there")
    client, [attempt] = job_client(REGION, runner.transport), attempts(cloud, L4)
    first = runner._created(client, attempt, before)
    assert runner.run(identity(before.task, outputs="here"), [attempt]).name != first.name
    assert client.get_custom_job(name=first.name).state == types.JobState.JOB_STATE_CANCELLED


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        (ends("FAILED", "The replica workerpool0-0 exited with a non-zero status of 1."), "failed: The replica"),
        (ends("CANCELLED"), "was cancelled"),
        (ends("EXPIRED"), "expired"),
    ],
)
def test_every_last_state_ends_the_wait_with_a_sentence(
    cloud: LocalCloud, runner: JobRunner, executor: Scripted, way: Callable[[Run], None], sentence: str
) -> None:
    executor.ways["g2-standard-12"] = way
    with pytest.raises(SluiceError, match=sentence) as caught:
        runner.run(identity(), attempts(cloud, L4, T4))
    assert caught.value.next_command.startswith("Its log:  gcloud ai custom-jobs stream-logs projects/")
    assert caught.value.exit_code == ExitCode.ERROR
    assert executor.started == ["g2-standard-12"]


@pytest.mark.parametrize(
    "way",
    [
        ends("FAILED", "Resources are insufficient in region: us-central1. Please try a different region."),
        ends("FAILED", "There was no machine.", code_pb2.RESOURCE_EXHAUSTED),
        ends("EXPIRED", started=False),
    ],
)
def test_without_capacity_the_next_machine_is_tried(
    cloud: LocalCloud, runner: JobRunner, executor: Scripted, way: Callable[[Run], None]
) -> None:
    executor.ways["g2-standard-12"] = way
    job = runner.run(identity(), attempts(cloud, L4, T4))
    assert machine_of(job) == "n1-standard-8"
    assert executor.started == ["g2-standard-12", "n1-standard-8"]


def test_without_quota_the_next_region_is_tried(cloud: LocalCloud, runner: JobRunner, executor: Scripted) -> None:
    sentence = "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_cpus"
    cloud.faults.fail_next(exceptions.ResourceExhausted(sentence), "JobService.CreateCustomJob")
    job = runner.run(identity(), attempts(cloud, L4, L4_THERE))
    assert f"/locations/{OTHER}/" in job.name


def test_a_job_that_waits_too_long_is_cancelled_and_the_next_is_tried(
    cloud: LocalCloud, runner: JobRunner, executor: Scripted
) -> None:
    executor.ways["g2-standard-12"] = lambda run: None
    runner.longest_wait = timedelta(seconds=0.2)
    assert machine_of(runner.run(identity(), attempts(cloud, L4, T4))) == "n1-standard-8"


def test_with_no_machine_at_all_the_sentence_names_each(
    cloud: LocalCloud, runner: JobRunner, executor: Scripted
) -> None:
    out = ends("FAILED", "Resources are insufficient in region: us-central1.")
    executor.ways |= {"g2-standard-12": out, "n1-standard-8": out}
    with pytest.raises(SluiceError, match="no machine is to be had") as caught:
        runner.run(identity(), attempts(cloud, L4, T4))
    assert "g2-standard-12 with 1 NVIDIA_L4 in us-central1 (Resources are insufficient" in caught.value.headline
    assert "n1-standard-8 with 1 NVIDIA_TESLA_T4 in us-central1" in caught.value.headline
    assert "fallbacks" in caught.value.next_command


def test_an_outage_is_waited_out(cloud: LocalCloud, runner: JobRunner, executor: Scripted) -> None:
    cloud.faults.fail_next(exceptions.ServiceUnavailable("Try again."), "JobService.CreateCustomJob")
    cloud.faults.fail_next(exceptions.ServiceUnavailable("Try again."), "JobService.GetCustomJob")
    runner.run(identity(), attempts(cloud, L4))
    assert len(executor.started) == 1


def test_a_refused_job_ends_with_what_the_service_says(
    cloud: LocalCloud, runner: JobRunner, executor: Scripted
) -> None:
    impossible = MachineChoice("n1-standard-8", "NVIDIA_TESLA_T4", 3, REGION)
    with pytest.raises(SluiceError, match=r"Vertex AI refused the job taxi-trainer on .*not 3") as caught:
        runner.run(identity(), attempts(cloud, impossible, L4))
    assert caught.value.next_command.endswith("--check")
    assert executor.started == []


@pytest.mark.parametrize("ids", [1, 3])  # three: longer than a label's value may be
def test_the_jobs_of_a_cancelled_run_are_cancelled_and_no_others(
    cloud: LocalCloud, runner: JobRunner, executor: Scripted, ids: int
) -> None:
    client, [attempt] = job_client(REGION, runner.transport), attempts(cloud, L4)
    run = "-".join(["taxi", *(uuid.uuid4().hex for _ in range(ids))])
    ours = runner._created(client, attempt, Identity(run, "task", "here"))
    other = runner._created(client, attempt, Identity(f"{run}-2", "task", "here"))
    assert cancel_jobs_of(cloud.project, REGION, run, runner.transport) == [ours.name]
    assert client.get_custom_job(name=ours.name).state == types.JobState.JOB_STATE_CANCELLED
    assert client.get_custom_job(name=other.name).state == types.JobState.JOB_STATE_RUNNING
