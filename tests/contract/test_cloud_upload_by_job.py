"""A job of an environment with `model_registry` uploads what it has pushed: through the container of its exit handler,
beside the local cloud."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform

from cloud.place import Place
from cloud.testing.cloud import LocalCloud
from core.errors import ExitCode, SluiceError
from runners.console.console import RunConsole
from runners.vertex.finish_again import finish_again
from runners.vertex.follow import follow
from serving.rollout.record import Phase
from tests.contract.test_cloud_exit_handler import BAD, REGION, Ended, compiled
from tests.samples.executors import executed_by
from tests.samples.vertex_jobs import Scripted, Step, gate_report, pushed_model, registered_model, rolled_out, task

IMAGE = f"{REGION}-docker.pkg.dev/my-project/sluice/serving:v1"
UPLOADS = ("model_registry=true", f"serving_image={IMAGE}", "service_account=runner@p.iam.gserviceaccount.com")
MODEL = "sluice-taxi-dev"
DENIED = exceptions.PermissionDenied("Permission 'aiplatform.models.upload' denied on resource.")


@pytest.fixture(scope="module")
def bucket(local_cloud: LocalCloud) -> str:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    local_cloud.storage.create_bucket(name, REGION)
    return name


@pytest.fixture
def ended(cloud: LocalCloud, bucket: str) -> Iterator[Ended]:
    yield Ended(cloud, bucket, UPLOADS)
    cloud.faults.forget()
    for model in models(cloud):
        model.delete()


def models(cloud: LocalCloud) -> list[aiplatform.Model]:
    """Those of this workload in this environment: other tests leave some of theirs."""
    found = aiplatform.Model.list(project=cloud.project, location=REGION)
    return [model for model in found if model.name == MODEL]


def tasks(ended: Ended, number: str, push: str) -> list:
    return [
        task("Evaluator", "SUCCEEDED", report=gate_report(ended.artifacts, "evaluator")),
        task("Registrar", "SUCCEEDED", registered=registered_model(ended.artifacts, number)),
        task("Pusher", "SUCCEEDED", pushed_model=pushed_model(ended.artifacts, push)),
    ]


def exit_handler_failed(ended: Ended, number: str, push: str) -> Scripted:
    """How Vertex AI shows the job whose exit handler has failed."""
    return Scripted(Step("FAILED", (*tasks(ended, number, push), task("ExitHandler", "FAILED")), "tasks failed"))


def test_what_a_job_pushed_is_uploaded_and_named_in_record_report_and_experiment(ended: Ended) -> None:
    record = ended.run("SUCCEEDED", *tasks(ended, "1.0.0", "17"))
    assert record["vertex_model"].endswith(f"/locations/{REGION}/models/{MODEL}@1")
    [model] = models(ended.cloud)
    assert (model.resource_name, sorted(model.version_aliases)) == (
        record["vertex_model"].partition("@")[0],
        ["default", "production", "v1-0-0"],
    )
    folder = f"{ended.artifacts}/registry/taxi/1.0.0-a1"
    assert (model.uri, model.container_spec.image_uri) == (f"{folder}/model", IMAGE)
    assert model.version_description.startswith("major: the first version\n")
    assert f"{folder}/model_card.md" in model.version_description
    labels = model.labels
    assert (labels["sluice_version"], labels["sluice_deployment"]) == ("1-0-0", "pushed-17")
    assert (labels["sluice_gates"], labels["sluice_workload"], labels["sluice_environment"]) == (
        "passed",
        "taxi",
        "dev",
    )
    assert record["git_commit"].startswith(labels["sluice_commit"].partition("-")[0])
    report = ended.read(f"runs/{ended.name}/report.html")
    assert "registered in Vertex AI as" in report and record["vertex_model"] in report
    run = aiplatform.ExperimentRun(ended.name, "rides", project=ended.cloud.project, location=REGION)
    assert run.get_params()["vertex_model"] == record["vertex_model"]


def test_the_next_push_becomes_the_next_version_and_production(ended: Ended) -> None:
    ended.run("SUCCEEDED", *tasks(ended, "1.0.0", "17"))
    record = ended.run("SUCCEEDED", *tasks(ended, "1.1.0", "18"))
    assert record["vertex_model"].endswith("@2")
    older = aiplatform.Model(f"{MODEL}@1", project=ended.cloud.project, location=REGION)
    assert list(older.version_aliases) == ["v1-0-0"]


@pytest.mark.parametrize("environment", [UPLOADS, ()], ids=["refused", "not asked for"])
def test_nothing_is_uploaded_that_was_refused_or_that_no_environment_wants(
    ended: Ended, environment: tuple[str, ...]
) -> None:
    ended.environment = environment
    if environment:
        gate = task("Evaluator", "SUCCEEDED", report=gate_report(ended.artifacts, "evaluator", BAD))
        record = ended.run("SUCCEEDED", gate, task("Pusher", "NOT_TRIGGERED"))
    else:
        record = ended.run("SUCCEEDED", *tasks(ended, "1.0.0", "17"))
    assert record["vertex_model"] is None
    assert models(ended.cloud) == []


@pytest.mark.parametrize("phase", [Phase.CANARY, Phase.APPROVAL, Phase.ROLLED_BACK])
def test_production_stays_where_it_was_until_a_rollout_is_done(ended: Ended, phase: Phase) -> None:
    ended.run("SUCCEEDED", *tasks(ended, "1.0.0", "17"))
    next_tasks = tasks(ended, "1.1.0", "18")
    findings = [BAD] if phase is Phase.ROLLED_BACK else []
    report = gate_report(ended.artifacts, "rollout", *findings)
    rollout = task("Rollout", "SUCCEEDED", rollout=rolled_out(ended.artifacts, "18", phase), report=report)
    record = ended.run("SUCCEEDED", *next_tasks, rollout)
    assert (record["outcome"], record["vertex_model"]) == ("refused" if findings else "undecided", None)
    assert record["pushed_version"] == "18"
    assert "production" in aiplatform.Model(f"{MODEL}@1", project=ended.cloud.project, location=REGION).version_aliases
    # The next job goes on with the rollout.
    done = task("Rollout", "SUCCEEDED", rollout=rolled_out(f"{ended.artifacts}/next", "18", Phase.DONE))
    record = ended.run("SUCCEEDED", *next_tasks, done)
    assert (record["outcome"], record["vertex_model"].rpartition("@")[2]) == ("pushed", "2")
    newer = aiplatform.Model(f"{MODEL}@2", project=ended.cloud.project, location=REGION)
    assert sorted(newer.version_aliases) == ["default", "production", "v1-1-0"]


def test_a_refused_upload_fails_the_exit_handler_and_the_record_stays_true(ended: Ended) -> None:
    ended.cloud.faults.fail_next(DENIED, "ModelService.UploadModel")
    ended.exit_code = ExitCode.UNUSABLE
    record = ended.run("SUCCEEDED", *tasks(ended, "1.0.0", "17"))
    assert (record["outcome"], record["exit_code"], record["pushed_version"]) == ("pushed", 0, "17")
    assert record["vertex_model"] is None
    assert record["reason"] == (
        "the model is pushed, but version 1.0.0 of taxi cannot be uploaded to Vertex AI Model Registry: "
        f"the account lacks the right aiplatform.models.upload in {ended.cloud.project}."
    )
    report = ended.read(f"runs/{ended.name}/report.html")
    assert "serviceAccount:runner@p.iam.gserviceaccount.com --role=roles/aiplatform.user" in report
    assert f"jobs finish {ended.name} --project {ended.cloud.project} --region {REGION}" in report
    assert ended.read("runs/latest") == ended.name


def test_who_follows_such_a_job_sees_why_it_failed(ended: Ended) -> None:
    ended.cloud.faults.fail_next(DENIED, "ModelService.UploadModel")
    ended.exit_code = ExitCode.UNUSABLE
    ended.run("SUCCEEDED", *tasks(ended, "1.0.0", "17"))
    shown = io.StringIO()
    with executed_by(ended.cloud, exit_handler_failed(ended, "1.0.0", "17")), RunConsole(shown) as console:
        code = follow(Place(ended.cloud.project, REGION), ended.name, console)
    assert code == ExitCode.UNUSABLE
    words = " ".join(shown.getvalue().split())
    assert "the model is pushed, but version 1.0.0 of taxi cannot be uploaded" in words
    assert f"jobs finish {ended.name}" in words


def test_a_job_that_is_finished_again_uploads_and_its_record_says_so(ended: Ended) -> None:
    ended.cloud.faults.fail_next(DENIED, "ModelService.UploadModel")
    ended.exit_code = ExitCode.UNUSABLE
    ended.run("SUCCEEDED", *tasks(ended, "1.0.0", "17"))
    older = ended.name
    ended.exit_code = 0
    ended.run("SUCCEEDED", task("Pusher", "NOT_TRIGGERED"))
    place = Place(ended.cloud.project, REGION)
    shown = io.StringIO()
    with executed_by(ended.cloud, exit_handler_failed(ended, "1.0.0", "17")), RunConsole(shown) as console:
        for _ in range(2):
            assert finish_again(place, older, console) == 0
    [model] = models(ended.cloud)
    assert model.resource_name in "".join(shown.getvalue().split())
    assert f"{model.resource_name}@1" in ended.read(f"runs/{older}/run.json")
    assert f"{model.resource_name}@1" in ended.read(f"runs/{older}/report.html")
    # It is not the newest job.
    assert ended.read("runs/latest") == ended.name


def test_a_job_that_runs_is_not_finished_from_outside(ended: Ended) -> None:
    ended.run("SUCCEEDED", *tasks(ended, "1.0.0", "17"))
    with (
        executed_by(ended.cloud, Scripted(Step("RUNNING"))),
        RunConsole(io.StringIO()) as console,
        pytest.raises(SluiceError, match="has not ended, and finishes by itself") as caught,
    ):
        finish_again(Place(ended.cloud.project, REGION), ended.name, console)
    assert f"jobs follow {ended.name}" in caught.value.next_command


def test_a_push_that_was_not_registered_is_not_uploaded_and_it_is_said(ended: Ended) -> None:
    ended.exit_code = ExitCode.UNUSABLE
    gate = task("Evaluator", "SUCCEEDED", report=gate_report(ended.artifacts, "evaluator"))
    pushed = task("Pusher", "SUCCEEDED", pushed_model=pushed_model(ended.artifacts, "17"))
    record = ended.run("SUCCEEDED", gate, pushed)
    assert record["outcome"] == "pushed"
    assert "has pushed a model without registering it" in record["reason"]


def test_the_job_names_neither_image_nor_upload_where_nothing_is_uploaded(cloud: LocalCloud, bucket: str) -> None:
    assert IMAGE in compiled(cloud.project, bucket, (), *UPLOADS)
    assert "serving_image" not in compiled(cloud.project, bucket, ())
