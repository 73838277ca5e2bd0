"""What our pipeline jobs and schedules promise: with the real clients over gRPC and REST, locally and with `-m gcp`."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core import exceptions

from cloud.calls import Patience
from cloud.job_runs import job_client
from cloud.job_settings import JobSettings
from cloud.pipeline_jobs import WORKLOAD_LABEL, JobState, PipelineJobs, Transport
from cloud.place import Place
from cloud.run_label import RUN_LABEL
from cloud.schedules import Schedules
from cloud.testing.cloud import LocalCloud
from cloud.testing.vertex.runs import EndsWhenPolled
from cloud.testing.vertex.schedules import run_schedule
from cloud.training_jobs import JobPlace, MachineChoice, Workers, custom_job
from core.errors import ExitCode, SluiceError
from tests.samples.executors import executed_by
from tests.samples.vertex_jobs import compiled_taxi

REGION = "europe-west4"
NIGHTLY = "TZ=Europe/Berlin 0 3 * * *"
SETTINGS = JobSettings("sluice-contract", {WORKLOAD_LABEL: "taxi", "team": "rides"})
# No test waits for a network that is there.
QUICK = Patience(one_try=20, first_wait=0.01, longest_wait=0.02, altogether=20)


def free_name() -> str:
    return f"taxi-{uuid.uuid4().hex[:12]}"


def refused(call: object, *arguments: object) -> SluiceError:
    with pytest.raises(SluiceError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.exit_code == ExitCode.UNUSABLE
    assert caught.value.next_command
    assert "\n" not in caught.value.headline
    return caught.value


class PipelineJobsContract(ABC):
    """Subclasses give `jobs`, `schedules` and a `bucket`, and inherit each test. Every job is cancelled."""

    @pytest.fixture
    @abstractmethod
    def bucket(self) -> str: ...

    @pytest.fixture
    @abstractmethod
    def jobs(self) -> PipelineJobs: ...

    @pytest.fixture
    @abstractmethod
    def schedules(self) -> Schedules: ...

    @pytest.fixture
    def name(self, jobs: PipelineJobs) -> Iterator[str]:
        name = free_name()
        yield name
        if any(each.name == name for each in jobs.find("taxi")):
            jobs.cancel(name)

    def test_a_submitted_job_is_found_by_its_name_its_workload_and_its_labels(
        self, jobs: PipelineJobs, bucket: str, name: str
    ) -> None:
        made = jobs.submit(compiled_taxi(bucket), name, SETTINGS)
        found = jobs.get(name)
        assert (made.name, found.name) == (name, name)
        assert found.state in (JobState.WAITING, JobState.RUNNING)
        assert (found.workload, found.labels["team"]) == ("taxi", "rides")
        assert found.folder == f"gs://{bucket}/sluice/taxi/artifacts/{found.project_number}/{name}"
        assert name in [each.name for each in jobs.find("taxi")]
        assert name in [each.name for each in jobs.find()]
        assert name in [each.name for each in jobs.find("taxi", {"team": "rides"})]
        assert jobs.find("taxi", {"team": "nobody"}) == []

    def test_a_name_in_use_is_refused_with_the_command_that_follows_it(
        self, jobs: PipelineJobs, bucket: str, name: str
    ) -> None:
        jobs.submit(compiled_taxi(bucket), name, SETTINGS)
        problem = refused(jobs.submit, compiled_taxi(bucket), name, SETTINGS)
        assert f"there is a job {name} in" in problem.headline
        assert f"jobs follow {name} --project {jobs.place.project} --region" in problem.next_command

    def test_a_cancelled_job_ends_and_is_deleted(self, jobs: PipelineJobs, bucket: str) -> None:
        name = free_name()
        jobs.submit(compiled_taxi(bucket), name, SETTINGS)
        jobs.cancel(name)
        while not (job := jobs.get(name)).state.is_final:
            assert job.state in (JobState.WAITING, JobState.RUNNING, JobState.CANCELLING)
        assert job.state == JobState.CANCELLED
        jobs.delete(name)
        assert f"the job {name} cannot be read: there is none of that name" in refused(jobs.get, name).headline

    def test_a_job_without_a_folder_for_its_artifacts_is_refused(self, jobs: PipelineJobs, bucket: str) -> None:
        document = compiled_taxi(bucket)
        del document["runtimeConfig"]["gcsOutputDirectory"]
        problem = refused(jobs.submit, document, free_name(), SETTINGS)
        assert "gcs_output_directory" in problem.headline
        assert "--check" in problem.next_command

    def test_a_job_without_a_specification_is_not_sent(self, jobs: PipelineJobs) -> None:
        assert "this is no compiled pipeline job" in refused(jobs.submit, {}, free_name(), SETTINGS).headline

    def test_a_schedule_is_made_once_and_then_changed(self, schedules: Schedules, bucket: str) -> None:
        name = f"sluice-{free_name()}"
        made = schedules.put(name, NIGHTLY, compiled_taxi(bucket), SETTINGS)
        try:
            assert (made.cron, made.state, made.workload) == (NIGHTLY, "active", "taxi")
            changed = schedules.put(name, "TZ=Europe/Berlin 30 4 * * *", compiled_taxi(bucket), SETTINGS)
            assert changed.resource_name == made.resource_name
            [found] = [each for each in schedules.find("taxi") if each.display_name == name]
            assert found.cron == "TZ=Europe/Berlin 30 4 * * *"
            assert found.next_run is not None and found.next_run.minute == 30
        finally:
            schedules.delete(made)
        assert [each for each in schedules.find() if each.display_name == name] == []

    def test_a_cron_expression_that_cannot_be_read_is_refused(self, schedules: Schedules, bucket: str) -> None:
        problem = refused(schedules.put, f"sluice-{free_name()}", "61 3 * * *", compiled_taxi(bucket), SETTINGS)
        assert "`61 3 * * *` is no schedule" in problem.headline
        assert "--schedule" in problem.next_command


class LocalPipelineJobsContract(PipelineJobsContract):
    """What can be asked of the local server alone, because it fails on purpose."""

    transport: Transport

    @pytest.fixture
    def bucket(self, cloud: LocalCloud) -> str:
        bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(bucket, REGION)
        return bucket

    @pytest.fixture
    def jobs(self, cloud: LocalCloud) -> PipelineJobs:
        return PipelineJobs(Place(cloud.project, REGION), self.transport, QUICK)

    @pytest.fixture
    def schedules(self, cloud: LocalCloud) -> Schedules:
        return Schedules(Place(cloud.project, REGION), self.transport, QUICK)

    @pytest.mark.parametrize("region", [REGION, "us-east1"])
    def test_cancelling_a_job_ends_the_custom_job_that_a_task_waits_for_wherever_it_runs(
        self, jobs: PipelineJobs, bucket: str, name: str, cloud: LocalCloud, region: str
    ) -> None:
        jobs.submit(compiled_taxi(bucket), name, SETTINGS)
        place = JobPlace(cloud.project, "image:v1", labels={RUN_LABEL: name})
        workers = Workers([MachineChoice("n1-standard-8", None, 0, region)])
        client = job_client(region, self.transport)
        sent = custom_job("taxi-trainer", workers.choices[0], workers, place)
        started = client.create_custom_job(parent=f"projects/{cloud.project}/locations/{region}", custom_job=sent)
        jobs.cancel(name, elsewhere=[region])
        assert client.get_custom_job(name=started.name).state.name == "JOB_STATE_CANCELLED"

    def test_every_setting_arrives(self, jobs: PipelineJobs, bucket: str, name: str, cloud: LocalCloud) -> None:
        settings = JobSettings(
            "taxi in prod",
            {WORKLOAD_LABEL: "taxi"},
            service_account="sluice@local-project.iam.gserviceaccount.com",
            network="projects/123/global/networks/inner",
            encryption_key="projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k",
            fail_fast=False,
            parameters={"word": "hello", "times": 2, "loud": True},
        )
        document = compiled_taxi(bucket)
        types = {"word": "STRING", "times": "NUMBER_INTEGER", "loud": "BOOLEAN"}
        document["pipelineSpec"]["root"]["inputDefinitions"] = {
            "parameters": {key: {"parameterType": kind} for key, kind in types.items()}
        }
        jobs.submit(document, name, settings)
        [sent] = [each for key, each in cloud.vertex.backend.store.resources.items() if key.endswith(f"/{name}")][:1]
        assert sent.display_name == "taxi in prod"
        assert sent.service_account == settings.service_account
        assert sent.network == settings.network
        assert sent.encryption_spec.kms_key_name == settings.encryption_key
        assert sent.runtime_config.failure_policy.name == "PIPELINE_FAILURE_POLICY_FAIL_SLOW"
        assert sent.preflight_validations
        assert dict(sent.runtime_config.parameter_values) == {"word": "hello", "times": 2.0, "loud": True}

    def test_a_job_that_ends_says_so(self, jobs: PipelineJobs, bucket: str, cloud: LocalCloud) -> None:
        name = free_name()
        with executed_by(cloud, EndsWhenPolled(outcome="FAILED", error="tasks failed: [Trainer].")):
            jobs.submit(compiled_taxi(bucket), name, SETTINGS)
            states = [jobs.get(name).state for _ in range(3)]
        assert states[-1] == JobState.FAILED
        assert jobs.get(name).error == "tasks failed: [Trainer]."

    def test_a_submission_whose_answer_was_lost_makes_one_job(
        self, jobs: PipelineJobs, bucket: str, name: str, cloud: LocalCloud
    ) -> None:
        lost = exceptions.ServiceUnavailable("The connection was reset.")
        cloud.faults.fail_next(lost, "PipelineService.CreatePipelineJob", served=True)
        assert jobs.submit(compiled_taxi(bucket), name, SETTINGS).name == name
        assert [each.name for each in jobs.find("taxi")].count(name) == 1

    def test_a_deletion_is_waited_for_by_the_name_of_its_operation(
        self, jobs: PipelineJobs, bucket: str, cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = free_name()
        jobs.submit(compiled_taxi(bucket), name, SETTINGS)
        jobs.cancel(name)
        while not jobs.get(name).state.is_final:
            pass
        monkeypatch.setattr(cloud.vertex.backend.operations, "polls", 3)
        cloud.faults.calls.clear()
        cloud.faults.fail_next(exceptions.ServiceUnavailable("Try again."), "Operations.GetOperation")
        jobs.delete(name)
        assert cloud.faults.calls.count("Operations.GetOperation") == 4

    def test_an_outage_is_sat_out_and_noticed(self, cloud: LocalCloud, bucket: str, name: str) -> None:
        noticed: list[BaseException] = []
        jobs = PipelineJobs(Place(cloud.project, REGION), self.transport, QUICK, noticed.append)
        jobs.submit(compiled_taxi(bucket), name, SETTINGS)
        cloud.faults.fail_next(exceptions.ServiceUnavailable("Try again."), "PipelineService.GetPipelineJob", times=3)
        assert jobs.get(name).name == name
        assert len(noticed) == 3

    def test_an_outage_that_does_not_end_is_said_with_a_command(self, cloud: LocalCloud) -> None:
        brief = Patience(one_try=20, first_wait=0.01, longest_wait=0.02, altogether=0.05)
        jobs = PipelineJobs(Place(cloud.project, REGION), self.transport, brief)
        cloud.faults.fail_next(exceptions.ServiceUnavailable("Gone."), "PipelineService.ListPipelineJobs", times=1000)
        try:
            problem = refused(jobs.find)
        finally:
            cloud.faults.forget()
        assert f"{REGION}-aiplatform.googleapis.com cannot be reached (" in problem.headline
        assert "curl" in problem.next_command

    def test_a_region_that_does_not_exist_is_refused(self, cloud: LocalCloud) -> None:
        jobs = PipelineJobs(Place(cloud.project, "europe-wset4"), self.transport, QUICK)
        problem = refused(jobs.find)
        assert problem.headline == "Vertex AI has no region `europe-wset4`; did you mean `europe-west4`?"
        assert problem.next_command == "Use another:  --region europe-west4"

    def test_a_project_of_others_is_refused(self, cloud: LocalCloud) -> None:
        problem = refused(PipelineJobs(Place("someone-elses", REGION), self.transport, QUICK).find)
        assert "gcloud projects add-iam-policy-binding someone-elses" in problem.next_command

    def test_credentials_that_have_expired_end_with_the_command_that_renews_them(self, cloud: LocalCloud) -> None:
        cloud.tokens.refuse()
        try:
            problem = refused(PipelineJobs(Place(cloud.project, REGION), self.transport, QUICK).find)
        finally:
            cloud.tokens.refuse("")
        assert "the Google Cloud credentials have expired or were revoked" in problem.headline
        assert problem.next_command == "Log in:  gcloud auth application-default login"

    def test_a_machine_without_credentials_is_told_how_to_log_in(
        self, cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
        problem = refused(PipelineJobs(Place(cloud.project, REGION), self.transport, QUICK).find)
        assert "this machine has no Google Cloud credentials" in problem.headline
        assert problem.next_command == "Log in:  gcloud auth application-default login"

    def test_an_exhausted_quota_is_not_tried_again(self, jobs: PipelineJobs, bucket: str, cloud: LocalCloud) -> None:
        metric = "aiplatform.googleapis.com/custom_model_training_nvidia_l4_gpus"
        error = exceptions.ResourceExhausted(f"The following quotas are exceeded: {metric}")
        cloud.faults.fail_next(error, "PipelineService.CreatePipelineJob")
        name = free_name()
        problem = refused(jobs.submit, compiled_taxi(bucket), name, SETTINGS)
        assert metric in problem.headline
        assert "quotas info list" in problem.next_command
        assert name not in [each.name for each in jobs.find()]

    def test_a_schedule_starts_jobs_that_know_it(
        self, jobs: PipelineJobs, schedules: Schedules, bucket: str, cloud: LocalCloud
    ) -> None:
        made = schedules.put(f"sluice-{free_name()}", NIGHTLY, compiled_taxi(bucket), SETTINGS)
        started = run_schedule(cloud.vertex, made.resource_name)
        job = jobs.get(started.rpartition("/")[2])
        assert (job.schedule, job.workload) == (made.resource_name, "taxi")
        stored = cloud.vertex.backend.store.resources[made.resource_name]
        assert (stored.max_concurrent_active_run_count, stored.allow_queueing) == (1, True)
        schedules.delete(made)


class TestPipelineJobsByGrpc(LocalPipelineJobsContract):
    transport = "grpc"


class TestPipelineJobsByRest(LocalPipelineJobsContract):
    transport = "rest"


@pytest.mark.gcp
class TestRealPipelineJobs(PipelineJobsContract):
    @pytest.fixture
    def bucket(self, gcp) -> str:
        return gcp.bucket

    @pytest.fixture(params=["grpc", "rest"])
    def jobs(self, gcp, request: pytest.FixtureRequest) -> PipelineJobs:
        return PipelineJobs(Place(gcp.project, gcp.region), request.param)

    @pytest.fixture(params=["grpc", "rest"])
    def schedules(self, gcp, request: pytest.FixtureRequest) -> Schedules:
        return Schedules(Place(gcp.project, gcp.region), request.param)
