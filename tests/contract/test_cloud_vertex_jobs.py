"""What Vertex AI promises of jobs and schedules: to the real client, over REST and gRPC, locally and with `-m gcp`."""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform, storage
from google.cloud.aiplatform import hyperparameter_tuning
from google.cloud.aiplatform_v1.types import JobState, PipelineState, Schedule, Scheduling

from cloud.testing.cloud import LocalCloud
from cloud.testing.vertex.runs import EndsWhenPolled, Run
from cloud.testing.vertex.schedules import run_schedule
from tests.samples.executors import executed_by

REGION = "us-central1"
IMAGE = "us-docker.pkg.dev/google.com/cloudsdktool/google-cloud-cli:slim"
WORKERS = [
    {"machine_spec": {"machine_type": "n1-standard-4"}, "replica_count": 1, "container_spec": {"image_uri": IMAGE}}
]
# One task that does nothing but print, as a pipeline compiler would write it.
SPECIFICATION = {
    "pipelineInfo": {"name": "sluice-contract"},
    "root": {
        "dag": {"tasks": {"say": {"taskInfo": {"name": "say"}, "componentRef": {"name": "say"}}}},
        "inputDefinitions": {"parameters": {"word": {"parameterType": "STRING"}}},
    },
    "components": {"say": {"executorLabel": "say"}},
    "deploymentSpec": {"executors": {"say": {"container": {"image": IMAGE, "command": ["echo", "hello"]}}}},
    "schemaVersion": "2.1.0",
    "sdkVersion": "tfx-1.16.0",
}


@dataclass(frozen=True)
class Place:
    """Where a test may work: a folder in a bucket that is there."""

    project: str
    folder: str


def _initialise(project: str, region: str, bucket: str, transport: str) -> Place:
    folder = f"sluice-tests/{uuid.uuid4().hex}"
    aiplatform.init(project=project, location=region, staging_bucket=f"gs://{bucket}/{folder}", api_transport=transport)
    return Place(project, f"gs://{bucket}/{folder}")


def _empty(folder: str, client: storage.Client) -> None:
    bucket, _, prefix = folder.removeprefix("gs://").partition("/")
    for blob in list(client.list_blobs(bucket, prefix=prefix)):
        blob.delete()


def pipeline_job(place: Place, **arguments: Any) -> aiplatform.PipelineJob:
    """A job that is not yet submitted, of a compiled pipeline in the bucket."""
    template = f"{place.folder}/pipeline.json"
    storage.Blob.from_string(template, storage.Client()).upload_from_string(json.dumps(SPECIFICATION))
    arguments = {
        "display_name": "sluice-contract",
        "pipeline_root": f"{place.folder}/root",
        "parameter_values": {"word": "hello"},
        "job_id": f"sluice-{uuid.uuid4().hex[:12]}",
        "enable_caching": False,
        **arguments,
    }
    return aiplatform.PipelineJob(template_path=template, **arguments)


class JobsContract(ABC):
    """Subclasses give `place` and inherit each test. No test lets a machine be provisioned for long."""

    @pytest.fixture
    @abstractmethod
    def place(self) -> Place: ...

    def test_a_submitted_pipeline_is_found_by_its_name(self, place: Place) -> None:
        job = pipeline_job(place, labels={"workload": "taxi"})
        job.submit(enable_preflight_validations=True)
        again = aiplatform.PipelineJob.get(job.resource_name)
        assert again.resource_name == job.resource_name
        assert again.labels["workload"] == "taxi"
        assert again.gca_resource.runtime_config.gcs_output_directory == f"{place.folder}/root"
        assert [each.name for each in aiplatform.PipelineJob.list(filter='labels.workload="taxi"')].count(job.name) == 1
        job.cancel()

    def test_a_cancelled_pipeline_ends_and_is_deleted(self, place: Place) -> None:
        job = pipeline_job(place)
        job.submit()
        job.cancel()
        job.wait()
        assert job.state == PipelineState.PIPELINE_STATE_CANCELLED
        job.delete()
        with pytest.raises(exceptions.NotFound):
            aiplatform.PipelineJob.get(job.resource_name)

    def test_refuses_a_job_id_that_is_in_use(self, place: Place) -> None:
        job = pipeline_job(place)
        job.submit()
        with pytest.raises((exceptions.AlreadyExists, exceptions.Conflict)):
            pipeline_job(place, job_id=job.name).submit()
        job.cancel()

    def test_refuses_a_parameter_that_the_pipeline_does_not_have(self, place: Place) -> None:
        job = pipeline_job(place)
        job._gca_resource.runtime_config.parameter_values["wrod"] = "hello"
        with pytest.raises(exceptions.BadRequest, match="wrod"):
            job.submit()

    def test_refuses_a_custom_job_without_a_name(self, place: Place) -> None:
        client = aiplatform.CustomJob(display_name="x", worker_pool_specs=WORKERS)
        client._gca_resource.display_name = ""
        with pytest.raises(exceptions.BadRequest, match="display_name"):
            client.submit()

    def test_refuses_half_an_accelerator(self, place: Place) -> None:
        machine = {"machine_type": "n1-standard-4", "accelerator_type": "NVIDIA_TESLA_T4"}
        job = aiplatform.CustomJob(display_name="x", worker_pool_specs=[{**WORKERS[0], "machine_spec": machine}])
        with pytest.raises(exceptions.BadRequest, match="accelerator_count"):
            job.submit()

    def test_a_custom_job_is_submitted_and_cancelled(self, place: Place) -> None:
        job = aiplatform.CustomJob(display_name="sluice-contract", worker_pool_specs=WORKERS)
        job.submit()
        assert aiplatform.CustomJob.get(job.resource_name).display_name == "sluice-contract"
        job.cancel()
        with pytest.raises(RuntimeError, match="Job failed"):
            job._block_until_complete()
        assert job.state == JobState.JOB_STATE_CANCELLED
        job.delete()

    def test_a_schedule_is_paused_resumed_and_deleted(self, place: Place) -> None:
        schedule = pipeline_job(place).create_schedule(cron="TZ=Europe/Berlin 30 3 1 1 *", display_name="yearly")
        assert schedule.state == Schedule.State.ACTIVE
        due = schedule.gca_resource.next_run_time
        assert (due.month, due.day, due.hour, due.minute) == (1, 1, 2, 30)
        schedule.pause()
        assert schedule.state == Schedule.State.PAUSED
        schedule.resume(catch_up=False)
        assert aiplatform.PipelineJobSchedule.get(schedule.resource_name).state == Schedule.State.ACTIVE
        schedule.delete()
        with pytest.raises(exceptions.NotFound):
            aiplatform.PipelineJobSchedule.get(schedule.resource_name)

    def test_refuses_a_schedule_that_cannot_be_read(self, place: Place) -> None:
        with pytest.raises(exceptions.BadRequest, match="cron"):
            pipeline_job(place).create_schedule(cron="61 3 * * *", display_name="never")


class LocalJobsContract(JobsContract):
    """What can be asked of the local server alone, because here jobs cost nothing."""

    transport: str

    @pytest.fixture
    def place(self, cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Place:
        # The client looks again after five seconds; a job here moves on whenever it is asked.
        for module in ("pipeline_jobs", "jobs"):
            monkeypatch.setattr(f"google.cloud.aiplatform.{module}._JOB_WAIT_TIME", 0.01, raising=False)
            monkeypatch.setattr(f"google.cloud.aiplatform.{module}._PIPELINE_WAIT_TIME", 0.01, raising=False)
        bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(bucket, REGION)
        return _initialise(cloud.project, REGION, bucket, self.transport)

    def test_a_pipeline_runs_and_succeeds(self, place: Place) -> None:
        job = pipeline_job(place)
        job.submit()
        assert job.state == PipelineState.PIPELINE_STATE_RUNNING
        job.wait()
        assert job.state == PipelineState.PIPELINE_STATE_SUCCEEDED
        assert job.gca_resource.end_time >= job.gca_resource.start_time

    def test_a_failed_pipeline_says_why(self, place: Place, cloud: LocalCloud) -> None:
        with executed_by(cloud, EndsWhenPolled(outcome="FAILED", error="The DAG failed because tasks failed: [say].")):
            job = pipeline_job(place)
            job.submit()
            with pytest.raises(RuntimeError, match=r"tasks failed: \[say\]"):
                job.wait()
        assert job.state == PipelineState.PIPELINE_STATE_FAILED

    def test_an_executor_moves_jobs_as_it_likes(self, place: Place, cloud: LocalCloud) -> None:
        started = Started()
        with executed_by(cloud, started):
            job = aiplatform.CustomJob(display_name="x", worker_pool_specs=WORKERS)
            job.submit()
            (run,) = started.runs
            assert run.job.job_spec.worker_pool_specs[0].container_spec.image_uri == IMAGE
            assert job.state == JobState.JOB_STATE_PENDING
            run.set_state("RUNNING")
            assert job.state == JobState.JOB_STATE_RUNNING
            run.set_state("SUCCEEDED")
            run.set_state("RUNNING")
            assert job.state == JobState.JOB_STATE_SUCCEEDED

    def test_a_tuning_job_returns_trials_within_their_bounds(self, place: Place) -> None:
        job = tuning_job()
        job.run()
        assert job.state == JobState.JOB_STATE_SUCCEEDED
        rates = [trial.parameters[0].value for trial in job.trials]
        assert [round(rate, 6) for rate in rates] == [0.0001, 0.001, 0.01, 0.1]
        assert {trial.parameters[1].value for trial in job.trials} == {"adam", "sgd"}
        best = max(job.trials, key=lambda trial: trial.final_measurement.metrics[0].value)
        assert best.id == "4"

    def test_refuses_a_logarithmic_parameter_from_zero(self, place: Place) -> None:
        with pytest.raises(exceptions.BadRequest, match=r"parameters\[0\].double_value_spec.min_value"):
            tuning_job(lowest=0.0).run()

    def test_a_schedule_makes_jobs(self, place: Place, cloud: LocalCloud) -> None:
        schedule = pipeline_job(place).create_schedule(cron="0 3 * * *", display_name="nightly")
        name = run_schedule(cloud.vertex, schedule.resource_name)
        assert [job.resource_name for job in schedule.list_jobs()] == [name]
        assert aiplatform.PipelineJob.get(name).gca_resource.schedule_name == schedule.resource_name

    def test_a_schedule_stays_as_it_was_when_a_change_is_refused(self, place: Place) -> None:
        schedule = pipeline_job(place).create_schedule(cron="0 3 * * *", display_name="nightly")
        with pytest.raises(exceptions.BadRequest, match="cron"):
            schedule.update(cron="0 25 * * *")
        assert aiplatform.PipelineJobSchedule.get(schedule.resource_name).cron == "0 3 * * *"
        schedule.update(cron="0 4 * * *")
        assert aiplatform.PipelineJobSchedule.get(schedule.resource_name).gca_resource.next_run_time.hour == 4

    def test_refuses_an_image_that_is_not_named(self, place: Place) -> None:
        job = aiplatform.CustomJob(
            display_name="x", worker_pool_specs=[{**WORKERS[0], "container_spec": {"image_uri": ""}}]
        )
        with pytest.raises(exceptions.BadRequest, match=r"worker_pool_specs\[0\].container_spec.image_uri"):
            job.submit()

    def test_refuses_an_accelerator_that_does_not_exist(self, place: Place) -> None:
        machine = {"machine_type": "n1-standard-4", "accelerator_type": 999, "accelerator_count": 1}
        job = aiplatform.CustomJob(display_name="x", worker_pool_specs=[{**WORKERS[0], "machine_spec": machine}])
        with pytest.raises(exceptions.BadRequest, match=r"machine_spec\.accelerator_type"):
            job.submit()

    @pytest.mark.parametrize(
        ("machine_type", "accelerator_type", "count", "sentence"),
        [
            ("e2-standard-4", "NVIDIA_TESLA_T4", 1, "e2-standard-4 cannot carry NVIDIA_TESLA_T4"),
            ("n1-standard-8", "NVIDIA_TESLA_T4", 3, "carries 1, 2 and 4 of NVIDIA_TESLA_T4, not 3"),
            ("a3-highgpu-1g", "NVIDIA_H100_80GB", 1, "cannot be had at once"),
        ],
    )
    def test_refuses_a_machine_that_does_not_carry_its_accelerators(
        self, place: Place, machine_type: str, accelerator_type: str, count: int, sentence: str
    ) -> None:
        job = job_on(machine_type, accelerator_type, count)
        with pytest.raises(exceptions.BadRequest, match=rf"machine_spec\.machine_type.*{sentence}"):
            job.submit()

    def test_a_machine_that_is_only_spot_is_accepted_as_spot(self, place: Place) -> None:
        job = job_on("a3-highgpu-1g", "NVIDIA_H100_80GB", 1)
        job.submit(scheduling_strategy=Scheduling.Strategy.SPOT)
        assert job.gca_resource.job_spec.scheduling.strategy == Scheduling.Strategy.SPOT

    def test_refuses_a_network_by_its_short_name(self, place: Place) -> None:
        job = aiplatform.CustomJob(display_name="x", worker_pool_specs=WORKERS)
        with pytest.raises(exceptions.BadRequest, match=r"job_spec.network.*malformed"):
            job.submit(network="default")

    def test_refuses_a_project_of_others(self, place: Place) -> None:
        job = aiplatform.CustomJob(display_name="x", worker_pool_specs=WORKERS, project="someone-elses")
        with pytest.raises((exceptions.PermissionDenied, exceptions.Forbidden)):
            job.submit()

    def test_an_exhausted_quota_is_told_as_it_is(self, place: Place, cloud: LocalCloud) -> None:
        sentence = (
            "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_cpus"
        )
        cloud.faults.fail_next(exceptions.ResourceExhausted(sentence), "JobService.CreateCustomJob")
        job = aiplatform.CustomJob(display_name="x", worker_pool_specs=WORKERS)
        with pytest.raises(exceptions.TooManyRequests, match="custom_model_training_cpus"):
            job.submit()
        job.submit()

    def test_a_poll_survives_an_outage(self, place: Place, cloud: LocalCloud) -> None:
        job = pipeline_job(place)
        job.submit()
        cloud.faults.fail_next(exceptions.ServiceUnavailable("Try again."), "PipelineService.GetPipelineJob", times=2)
        job.wait()
        assert job.state == PipelineState.PIPELINE_STATE_SUCCEEDED


def job_on(machine_type: str, accelerator_type: str, count: int) -> aiplatform.CustomJob:
    machine = {"machine_type": machine_type, "accelerator_type": accelerator_type, "accelerator_count": count}
    return aiplatform.CustomJob(display_name="x", worker_pool_specs=[{**WORKERS[0], "machine_spec": machine}])


class Started:
    """An executor that leaves jobs to the test."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def start(self, run: Run) -> None:
        self.runs.append(run)

    def poll(self, run: Run) -> None: ...

    def cancel(self, run: Run) -> None: ...


def tuning_job(lowest: float = 1e-4) -> aiplatform.HyperparameterTuningJob:
    return aiplatform.HyperparameterTuningJob(
        display_name="sluice-contract",
        custom_job=aiplatform.CustomJob(display_name="x", worker_pool_specs=WORKERS),
        metric_spec={"auc": "maximize"},
        parameter_spec={
            "learning_rate": hyperparameter_tuning.DoubleParameterSpec(min=lowest, max=0.1, scale="log"),
            "optimizer": hyperparameter_tuning.CategoricalParameterSpec(values=["adam", "sgd"]),
        },
        max_trial_count=4,
        parallel_trial_count=2,
    )


class TestLocalJobsByGrpc(LocalJobsContract):
    transport = "grpc"


class TestLocalJobsByRest(LocalJobsContract):
    transport = "rest"


@pytest.mark.gcp
@pytest.mark.parametrize("transport", ["grpc", "rest"])
class TestRealJobs(JobsContract):
    @pytest.fixture
    def place(self, gcp, transport: str) -> Iterator[Place]:
        place = _initialise(gcp.project, gcp.region, gcp.bucket, transport)
        yield place
        _empty(place.folder, storage.Client(project=gcp.project))
