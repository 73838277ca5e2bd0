"""The command `vertex_runner.py` against the local cloud: processes of their own, the real clients, no patches."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud.aiplatform_v1 import types

from cloud.pipeline_jobs import JobState, PipelineJob, PipelineJobs
from cloud.place import Place
from cloud.testing.cloud import LocalCloud
from runners.provenance import image_code
from tests.samples.dataflow_jobs import dataflow_state, on_dataflow
from tests.samples.executors import executed_by
from tests.samples.folders import ROOT
from tests.samples.preflight import DIGEST, L4
from tests.samples.vertex_jobs import Scripted, Step, pushed_model, registered_model, task
from tests.samples.warm_commands import ran_warm

pytestmark = pytest.mark.e2e

REGION = "europe-west4"


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as cloud, cloud.applied():
        cloud.storage.create_bucket("sluice-bucket", REGION)
        cloud.identity.accounts.add(account(cloud))
        cloud.images.add(repository(cloud), "v1", DIGEST, labels={"sluice.code": image_code()})
        cloud.quotas.add(L4)
        yield cloud


def account(cloud: LocalCloud) -> str:
    return f"sluice@{cloud.project}.iam.gserviceaccount.com"


def repository(cloud: LocalCloud) -> str:
    return f"{REGION}-docker.pkg.dev/{cloud.project}/sluice/jobs/sluice"


@pytest.fixture
def name() -> str:
    return f"taxi-{uuid.uuid4().hex[:8]}"


def command(cloud: LocalCloud, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command line and environment of a process whose clients are led to the local cloud."""
    place = ("--project", cloud.project, "--region", REGION)
    # A command below the command has options of its own.
    environment = ("--bucket", "sluice-bucket", "--image", f"{repository(cloud)}:v1")
    words = (*arguments, *place) if arguments[0] == "jobs" else (*place, *environment, *arguments)
    return [sys.executable, str(ROOT / "runners/vertex_runner.py"), *words], cloud.child_environment()


def ran(cloud: LocalCloud, *arguments: str, cold: bool = False) -> subprocess.CompletedProcess[str]:
    """`cold`: in a process that has to import everything itself."""
    words, environment = command(cloud, *arguments)
    if cold:
        done = subprocess.run(words, capture_output=True, text=True, timeout=800, env=environment)
    else:
        done = ran_warm(words, Path.cwd(), environment)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


def job(cloud: LocalCloud, name: str) -> PipelineJob:
    return PipelineJobs(Place(cloud.project, REGION)).get(name)


def stored(cloud: LocalCloud, name: str) -> Any:
    return next(each for key, each in cloud.vertex.backend.store.resources.items() if key.endswith(f"Jobs/{name}"))


def names(cloud: LocalCloud) -> list[str]:
    return [each.name for each in PipelineJobs(Place(cloud.project, REGION)).find()]


def ends_after(polls: int) -> Scripted:
    push = task("Pusher", "SUCCEEDED", pushed_model=pushed_model("gs://sluice-bucket/sluice/taxi", "17"))
    return Scripted(*[Step("RUNNING")] * polls, Step("SUCCEEDED", (push,)))


def test_submits_what_the_options_say_and_follows_it_to_the_end(cloud: LocalCloud, tmp_path: Path, name: str) -> None:
    with executed_by(cloud, ends_after(1)):
        done = ran(
            cloud,
            *("--job-name", name, "--output-dir", str(tmp_path), "--yes"),
            *("--labels", "team=rides", "--service-account", account(cloud)),
            cold=True,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUBMITTED  {name}" in done.stdout
    assert "push          version 17" in done.stdout
    assert "PUSHED  taxi/17" in done.stdout
    sent = stored(cloud, name)
    assert dict(sent.labels) | {"sluice_submission": ""} == {
        "team": "rides",
        "sluice_workload": "taxi",
        "sluice_environment": "dev",
        "sluice_submission": "",
    }
    assert sent.service_account == account(cloud)
    assert sent.preflight_validations
    # By the digest that the preflight has seen, for a tag may move.
    executors = sent.pipeline_spec["deploymentSpec"]["executors"].values()
    assert {each["container"]["image"] for each in executors if "container" in each} == {
        f"{repository(cloud)}@{DIGEST}"
    }
    tasks = json.loads((tmp_path / "taxi/vertex-job.json").read_text())["pipelineSpec"]["root"]["dag"]["tasks"]
    assert set(tasks) == set(dict(sent.pipeline_spec["root"]["dag"]["tasks"]))


def test_a_job_that_uploads_names_the_digest_of_the_image_and_is_finished_again_by_its_command(
    cloud: LocalCloud, tmp_path: Path, name: str
) -> None:
    serving, digest = repository(cloud).replace("/jobs/sluice", "/jobs/serving"), "sha256:" + "ef" * 32
    cloud.images.add(serving, "v1", digest)
    environment = tmp_path / "uploading.yaml"
    text = (ROOT / "configs/environments/dev.yaml").read_text()
    environment.write_text(f"{text}\nserving_image: {serving}:v1\n")
    place = ("--environment", str(environment))
    done_tasks = (
        task("Registrar", "SUCCEEDED", registered=registered_model("gs://sluice-bucket/sluice/taxi", "1.0.0")),
        task("Pusher", "SUCCEEDED", pushed_model=pushed_model("gs://sluice-bucket/sluice/taxi", "17")),
    )
    with executed_by(cloud, Scripted(Step("SUCCEEDED", done_tasks))):
        options = ("--job-name", name, "--output-dir", str(tmp_path), "--yes", "--no-follow")
        submitted = ran(cloud, *place, *options, "--enable-model-registry")
        assert submitted.returncode == 0, submitted.stdout + submitted.stderr
        finished = ran(cloud, "jobs", "finish", name, "--output-dir", str(tmp_path))
    job_text = (tmp_path / "taxi/vertex-job.json").read_text()
    assert f"{serving}@{digest}" in job_text
    assert f"{serving}:v1" not in job_text
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stderr == ""
    assert "UPLOADED  1.0.0 as projects/" in finished.stdout
    assert f"FINISHED  gs://sluice-bucket/sluice/taxi/runs/{name}/report.html" in finished.stdout
    [model] = [each for each in cloud.vertex.backend.store.resources.values() if isinstance(each, types.Model)]
    assert model.container_spec.image_uri == f"{serving}@{digest}"


def test_a_job_that_is_not_there_is_not_finished(cloud: LocalCloud, name: str, tmp_path: Path) -> None:
    done = ran(cloud, "jobs", "finish", name, "--output-dir", str(tmp_path))
    assert done.returncode == 3
    assert f"the job {name} cannot be read: there is none of that name" in done.stderr


def test_without_a_yes_nothing_is_submitted_where_nobody_can_answer(
    cloud: LocalCloud, tmp_path: Path, name: str
) -> None:
    done = ran(cloud, "--job-name", name, "--output-dir", str(tmp_path))
    assert done.returncode == 3
    assert f"sluice: the job {name} costs money and needs a yes, and nobody can answer here." in done.stderr
    assert "--yes" in done.stderr
    assert name not in names(cloud)


def test_a_dry_run_prints_what_would_be_sent_and_sends_nothing(cloud: LocalCloud, tmp_path: Path, name: str) -> None:
    done = ran(cloud, "--job-name", name, "--output-dir", str(tmp_path), "--labels", "team=rides", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.sub(r"\s+", " ", done.stdout)
    assert f"name: projects/{cloud.project}/locations/{REGION}/pipelineJobs/{name}" in shown
    assert "team: rides" in shown
    assert "gcsOutputDirectory: gs://sluice-bucket/sluice/taxi/artifacts" in shown
    assert (tmp_path / "taxi/vertex-job.json").exists()
    assert name not in names(cloud)


def test_what_the_preflight_finds_is_refused_and_nothing_is_submitted(
    cloud: LocalCloud, tmp_path: Path, name: str
) -> None:
    done = ran(cloud, "--job-name", name, "--output-dir", str(tmp_path), "--yes", "--bucket", "no-such-bucket")
    assert done.returncode == 3
    assert "no-such-bucket" in done.stderr.splitlines()[0]
    assert "gcloud storage buckets create gs://no-such-bucket" in done.stderr
    assert name not in names(cloud)


def test_an_unknown_accelerator_is_refused_with_the_one_that_is_meant(cloud: LocalCloud, tmp_path: Path) -> None:
    done = ran(cloud, "--output-dir", str(tmp_path), "--yes", "--accelerator-type", "NVIDIA_L5")
    assert done.returncode == 3
    assert "NVIDIA_L5" in done.stderr.splitlines()[0] and "NVIDIA_L4" in done.stderr


def test_a_run_that_may_cost_too_much_is_refused(cloud: LocalCloud, tmp_path: Path, name: str) -> None:
    done = ran(cloud, "--job-name", name, "--output-dir", str(tmp_path), "--yes", "--max-cost", "0.01")
    assert done.returncode == 3
    assert "--max-cost 0.01" in done.stderr
    assert name not in names(cloud)


def test_a_name_in_use_is_refused(cloud: LocalCloud, tmp_path: Path, name: str) -> None:
    with executed_by(cloud, ends_after(1000)):
        first = ran(cloud, "--job-name", name, "--output-dir", str(tmp_path), "--yes", "--no-follow")
        assert first.returncode == 0, first.stdout + first.stderr
        assert f"jobs follow {name} --project {cloud.project}" in first.stdout
        second = ran(cloud, "--job-name", name, "--output-dir", str(tmp_path), "--yes")
        assert second.returncode == 3
        assert f"sluice: job name: a job called {name} is there already" in second.stderr
        assert f"jobs follow {name} --project {cloud.project} --region {REGION}" in second.stderr
        assert ran(cloud, "jobs", "cancel", name).returncode == 0
        assert job(cloud, name).state is JobState.CANCELLED


def test_expired_credentials_are_said_in_one_sentence(cloud: LocalCloud) -> None:
    cloud.tokens.refuse()
    try:
        done = ran(cloud, "jobs", "list")
    finally:
        cloud.tokens.refuse("")
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "sluice: the jobs cannot be listed: the Google Cloud credentials have expired or were revoked.",
        "        Log in:  gcloud auth application-default login",
    ]


def test_a_schedule_is_made_listed_and_ended(cloud: LocalCloud, tmp_path: Path) -> None:
    every_night = "TZ=Europe/Berlin 0 3 * * *"
    done = ran(cloud, "--schedule", every_night, "--yes", "--output-dir", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SCHEDULED  sluice-taxi-dev · {every_night} · next run 20" in done.stdout
    job = json.loads((tmp_path / "taxi/vertex-job.json").read_text())
    ingest = job["pipelineSpec"]["components"]["tfx-dag"]["dag"]["tasks"]["ExampleGen"]["inputs"]["parameters"]
    files = json.loads(ingest["config"]["runtimeValue"]["constant"])["files"]
    assert files == [], "each run looks for the files of its day"
    listed = ran(cloud, "jobs", "list", "--workload", "taxi")
    assert listed.returncode == 0
    assert re.search(rf"sluice-taxi-dev +active +taxi +{re.escape(every_night)} +20", listed.stdout)
    assert ran(cloud, "jobs", "cancel", "sluice-taxi-dev").returncode == 0
    assert "sluice-taxi-dev" not in ran(cloud, "jobs", "list").stdout


def test_a_bad_cron_expression_is_refused(cloud: LocalCloud, tmp_path: Path) -> None:
    done = ran(cloud, "--schedule", "0 25 * * *", "--yes", "--output-dir", str(tmp_path))
    assert done.returncode == 3
    assert "sluice: `0 25 * * *` is no schedule: " in done.stderr
    assert '--schedule "TZ=Europe/Berlin 0 3 * * *"' in done.stderr


def test_ended_jobs_are_cleaned_up_and_others_stay(cloud: LocalCloud, tmp_path: Path) -> None:
    from cloud.job_settings import JobSettings
    from cloud.pipeline_jobs import WORKLOAD_LABEL
    from tests.samples.vertex_jobs import compiled_taxi

    jobs = PipelineJobs(Place(cloud.project, REGION))
    settings = JobSettings("clean", {WORKLOAD_LABEL: "cleaned"})
    with executed_by(cloud, ends_after(1000)):
        for name in ("clean-ended", "clean-running"):
            jobs.submit(compiled_taxi("sluice-bucket"), name, settings)
        jobs.submit(compiled_taxi("sluice-bucket"), "clean-not-ours", JobSettings("others"))
        for name in ("clean-ended", "clean-not-ours"):
            jobs.cancel(name)
        assert ran(cloud, "jobs", "clean", "--workload", "cleaned", "--yes").stdout.strip().startswith("none")
        refused = ran(cloud, "jobs", "clean", "--workload", "cleaned", "--older-than", "0")
        assert (refused.returncode, "needs a yes" in refused.stderr) == (3, True)
        done = ran(cloud, "jobs", "clean", "--workload", "cleaned", "--older-than", "0", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "DELETED  1 job" in done.stdout
        assert [each.name for each in jobs.find("cleaned")] == ["clean-running"]
        assert jobs.get("clean-not-ours").state is JobState.CANCELLED
        jobs.cancel("clean-running")


def test_what_runs_on_dataflow_for_a_job_ends_with_it_or_is_cleaned_up(
    cloud: LocalCloud, tmp_path: Path, name: str
) -> None:
    with executed_by(cloud, ends_after(1000)):
        submitted(cloud, name)
        submitted(cloud, f"{name}-2")
        ours, other = on_dataflow(cloud, REGION, name), on_dataflow(cloud, REGION, f"{name}-2")
        assert ran(cloud, "jobs", "cancel", name).returncode == 0
        assert [dataflow_state(cloud, each) for each in (ours, other)] == ["CANCELLED", "RUNNING"]
        late = on_dataflow(cloud, REGION, name)  # a task that was under way has submitted it meanwhile
        again = ran(cloud, "jobs", "cancel", name)
        assert f"{name} has cancelled already. What it had left behind is cancelled: 1 Dataflow job." in again.stdout
        assert dataflow_state(cloud, late) == "CANCELLED"
        late = on_dataflow(cloud, REGION, name)
        cleaned = ran(cloud, "jobs", "clean", "--older-than", "30", "--yes")
        assert f"({late}) of {name}" in cleaned.stdout
        assert "STOPPED  1 Dataflow job of jobs that have ended." in cleaned.stdout
        assert [dataflow_state(cloud, each) for each in (late, other)] == ["CANCELLED", "RUNNING"]
        assert ran(cloud, "jobs", "cancel", f"{name}-2").returncode == 0
        assert dataflow_state(cloud, other) == "CANCELLED"


def submitted(cloud: LocalCloud, name: str) -> None:
    from cloud.job_settings import JobSettings
    from cloud.pipeline_jobs import WORKLOAD_LABEL
    from tests.samples.vertex_jobs import compiled_taxi

    settings = JobSettings("follow", {WORKLOAD_LABEL: "taxi"})
    PipelineJobs(Place(cloud.project, REGION)).submit(compiled_taxi("sluice-bucket"), name, settings)


def polled(cloud: LocalCloud, times: int) -> None:
    """Waits until the job was looked at so often."""
    deadline = time.monotonic() + 120
    while cloud.faults.calls.count("PipelineService.GetPipelineJob") < times:
        assert time.monotonic() < deadline, "the job was never looked at"
        time.sleep(0.1)


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGKILL])
def test_a_follower_that_ends_leaves_the_job_and_another_one_takes_over(
    cloud: LocalCloud, tmp_path: Path, name: str, way: signal.Signals
) -> None:
    cloud.faults.calls.clear()
    with executed_by(cloud, ends_after(2)):
        submitted(cloud, name)
        words, environment = command(cloud, "jobs", "follow", name, "--output-dir", str(tmp_path))
        first = subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        polled(cloud, 1)
        first.send_signal(way)
        output, errors = first.communicate(timeout=120)
        assert first.returncode == (130 if way is signal.SIGINT else -9), output + errors
        assert way is signal.SIGKILL or f"jobs follow {name} --project {cloud.project}" in output
        assert not job(cloud, name).state.is_final
        done = ran(cloud, "jobs", "follow", name, "--output-dir", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PUSHED  taxi/17" in done.stdout


@pytest.mark.parametrize(("answer", "state"), [("y", JobState.CANCELLED), ("n", JobState.RUNNING)])
def test_on_a_terminal_ctrl_c_asks_whether_to_cancel(
    cloud: LocalCloud, tmp_path: Path, name: str, answer: str, state: JobState
) -> None:
    cloud.faults.calls.clear()
    with executed_by(cloud, ends_after(1000)):
        submitted(cloud, name)
        words, environment = command(cloud, "jobs", "follow", name, "--output-dir", str(tmp_path))
        ours, theirs = pty.openpty()
        process = subprocess.Popen(words, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        polled(cloud, 1)
        process.send_signal(signal.SIGINT)
        shown = read_until(ours, "[y/n]")
        os.write(ours, f"{answer}\n".encode())
        shown += read_until(ours, "jobs follow")
        assert process.wait(timeout=120) == 130, shown
        os.close(ours)
        assert job(cloud, name).state is state
        PipelineJobs(Place(cloud.project, REGION)).cancel(name)


def read_until(terminal: int, text: str) -> str:
    shown = ""
    while text not in shown:
        read = os.read(terminal, 4096).decode(errors="replace")
        assert read, shown
        shown += read
    return shown
