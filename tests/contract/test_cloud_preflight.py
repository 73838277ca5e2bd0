"""Every row of the preflight, passing and failing, asked with the real HTTP clients of the local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import google.auth
import pytest
from google.auth.transport.requests import AuthorizedSession
from google.cloud import storage

from cloud.preflight.images import pinned
from cloud.preflight.outcome import Failed, NotChecked, Outcome, Passed, Warned
from cloud.preflight.plan import Plan, ServingDemand
from cloud.preflight.run import CHECKS, run_preflight
from cloud.prices import PRICE_FILE
from cloud.testing.cloud import LocalCloud
from cloud.testing.services.quotas import Quota
from tests.contract.conftest import RealCloud
from tests.samples.preflight import (
    ACCOUNT,
    DIGEST,
    L4,
    PLAN,
    PROJECT,
    REGION,
    REPOSITORY,
    TRAINER,
    only_failure,
    ready_cloud,
)


@pytest.fixture
def ready() -> Iterator[LocalCloud]:
    with ready_cloud() as cloud:
        yield cloud


def checked(name: str, plan: Plan = PLAN) -> Outcome:
    return run_preflight(plan).outcome(name)


def failed(name: str, plan: Plan = PLAN) -> tuple[str, str]:
    """The sentence and the command of a check that fails, and no other with it that is not named."""
    outcome = checked(name, plan)
    assert isinstance(outcome, Failed), outcome
    return outcome.sentence, outcome.command


def test_a_project_that_is_ready_passes_every_check(ready: LocalCloud) -> None:
    result = run_preflight(PLAN)
    assert {row.check: row.outcome for row in result.rows if not isinstance(row.outcome, Passed)} == {}
    assert [row.check for row in result.rows] == ["credentials", *(check.name for check in CHECKS)]
    assert result.image_digest == DIGEST
    assert pinned(PLAN.image, result.image_digest) == f"{REPOSITORY}/jobs/sluice@{DIGEST}"


def test_an_image_that_is_named_by_its_digest_keeps_it(ready: LocalCloud) -> None:
    result = run_preflight(replace(PLAN, image=f"{REPOSITORY}/jobs/sluice@{DIGEST}"))
    assert result.failures == ()
    assert result.image_digest == DIGEST


def test_a_region_that_does_not_exist_fails(ready: LocalCloud) -> None:
    sentence, command = failed("region", replace(PLAN, region="europe-west44", machines=()))
    assert sentence.startswith("Vertex AI has no region `europe-west44`")
    assert "did you mean `europe-west4`" in sentence
    assert "us-central1" in command


def test_apis_that_are_not_enabled_fail_together(ready: LocalCloud) -> None:
    ready.service_usage.disabled |= {"dataflow.googleapis.com", "aiplatform.googleapis.com"}
    assert failed("apis") == (
        f"aiplatform.googleapis.com and dataflow.googleapis.com are not enabled in {PROJECT}.",
        f"gcloud services enable aiplatform.googleapis.com dataflow.googleapis.com --project={PROJECT}",
    )


def test_a_bucket_that_does_not_exist_fails(ready: LocalCloud) -> None:
    sentence, command = failed("bucket", replace(PLAN, bucket="absent"))
    assert sentence == "the bucket gs://absent does not exist."
    flags = f"--project={PROJECT} --location={REGION} --uniform-bucket-level-access"
    assert command == f"Make it:  gcloud storage buckets create gs://absent {flags}"


def test_a_bucket_in_another_region_fails(ready: LocalCloud) -> None:
    storage.Client().create_bucket("elsewhere", location="us-central1")
    sentence, command = failed("bucket", replace(PLAN, bucket="elsewhere"))
    assert sentence == f"the bucket gs://elsewhere is in us-central1, the job runs in {REGION}."
    assert f"gcloud storage buckets create gs://elsewhere-{REGION}" in command


def test_a_bucket_in_the_multi_region_around_passes(ready: LocalCloud) -> None:
    storage.Client().create_bucket("around", location="EU")
    assert checked("bucket", replace(PLAN, bucket="around")) == Passed("gs://around is in eu.")


def test_a_bucket_that_may_not_be_looked_up_is_not_checked(ready: LocalCloud) -> None:
    ready.access.deny("storage.buckets.get")
    outcome = checked("bucket")
    assert isinstance(outcome, NotChecked)
    assert "storage.buckets.get" in outcome.why


def test_missing_rights_in_the_project_are_named_with_the_role_that_has_them(ready: LocalCloud) -> None:
    ready.access.deny("aiplatform.pipelineJobs.create", caller=ready.tokens.email)
    sentence, command = failed("project_rights")
    assert sentence == "you have no right to aiplatform.pipelineJobs.create."
    member = f'--member="serviceAccount:{ready.tokens.email}"'
    assert command == f"gcloud projects add-iam-policy-binding {PROJECT} {member} --role=roles/aiplatform.user"


def test_missing_rights_in_the_bucket_are_named_with_the_role_that_has_them(ready: LocalCloud) -> None:
    ready.access.deny("storage.objects.*", "buckets/preflight", ready.tokens.email)
    sentence, command = failed("bucket_rights")
    assert "storage.objects.create" in sentence
    assert command.startswith("gcloud storage buckets add-iam-policy-binding gs://preflight")
    assert command.endswith("--role=roles/storage.objectAdmin")


def test_an_account_that_the_caller_may_not_act_as_fails(ready: LocalCloud) -> None:
    ready.access.deny("iam.serviceAccounts.actAs")
    sentence, command = failed("act_as")
    assert sentence == "you have no right to iam.serviceAccounts.actAs."
    assert command.startswith(f"gcloud iam service-accounts add-iam-policy-binding {ACCOUNT}")
    assert command.endswith("--role=roles/iam.serviceAccountUser")


def test_an_account_that_does_not_exist_fails(ready: LocalCloud) -> None:
    absent = f"absent@{PROJECT}.iam.gserviceaccount.com"
    assert failed("act_as", replace(PLAN, service_account=absent)) == (
        f"the service account {absent} does not exist.",
        f"gcloud iam service-accounts create absent --project={PROJECT}",
    )


def test_without_an_account_its_rights_are_not_checked(ready: LocalCloud) -> None:
    result = run_preflight(replace(PLAN, service_account=None))
    assert result.failures == ()
    assert isinstance(result.outcome("act_as"), NotChecked)
    assert isinstance(result.outcome("pipeline_rights"), NotChecked)


@pytest.mark.parametrize(
    ("right", "resource", "role"),
    [
        ("aiplatform.customJobs.create", "projects/*", "roles/aiplatform.user"),
        ("dataflow.workItems.lease", "projects/*", "roles/dataflow.worker"),
        ("storage.objects.delete", "buckets/preflight", "roles/storage.objectAdmin"),
    ],
)
def test_rights_that_the_pipeline_misses_are_found_by_impersonation(
    ready: LocalCloud, right: str, resource: str, role: str
) -> None:
    ready.access.deny(right, resource, ACCOUNT)
    result = run_preflight(PLAN)
    assert only_failure(result) == "pipeline_rights"
    outcome = result.outcome("pipeline_rights")
    assert isinstance(outcome, Failed)
    assert outcome.sentence == f"{ACCOUNT} has no right to {right}."
    assert f'--member="serviceAccount:{ACCOUNT}" --role={role}' in outcome.command


def test_without_dataflow_its_rights_are_not_needed(ready: LocalCloud) -> None:
    ready.access.deny("dataflow.*")
    assert isinstance(checked("pipeline_rights", replace(PLAN, dataflow_region=None)), Passed)


def test_the_rights_of_an_account_that_may_not_be_impersonated_are_not_checked(ready: LocalCloud) -> None:
    ready.access.deny("iam.serviceAccounts.getAccessToken")
    outcome = checked("pipeline_rights")
    assert isinstance(outcome, NotChecked)
    assert outcome.why.startswith(f"you may not impersonate {ACCOUNT}")


def test_an_image_that_does_not_exist_fails(ready: LocalCloud) -> None:
    result = run_preflight(replace(PLAN, image=f"{REPOSITORY}/jobs/sluice:v2"))
    assert only_failure(result) == "image"
    assert result.outcome("image") == Failed(
        f"the image {REPOSITORY}/jobs/sluice:v2 does not exist.",
        f"See what is there:  gcloud artifacts docker images list {REPOSITORY} --include-tags",
    )


def test_a_serving_image_that_does_not_exist_fails_where_models_are_uploaded(ready: LocalCloud) -> None:
    serving = f"{REPOSITORY}/jobs/serving:v1"
    result = run_preflight(replace(PLAN, serving_image=serving))
    assert only_failure(result) == "serving_image"
    assert result.outcome("serving_image") == Failed(
        f"the image {serving} does not exist.",
        f"See what is there:  gcloud artifacts docker images list {REPOSITORY} --include-tags",
    )
    ready.images.add(f"{REPOSITORY}/jobs/serving", "v1", "sha256:" + "ef" * 32)
    result = run_preflight(replace(PLAN, serving_image=serving))
    assert (result.failures, result.serving_digest) == ((), "sha256:" + "ef" * 32)
    assert run_preflight(PLAN).serving_digest is None


def test_the_right_to_upload_is_needed_where_models_are_uploaded(ready: LocalCloud) -> None:
    ready.access.deny("aiplatform.models.upload", "projects/*", ACCOUNT)
    assert isinstance(checked("pipeline_rights"), Passed)
    uploading = replace(PLAN, serving_image=f"{PLAN.image}@{DIGEST}".replace(":v1@", "@"))
    sentence, command = failed("pipeline_rights", uploading)
    assert sentence == f"{ACCOUNT} has no right to aiplatform.models.upload."
    assert "--role=roles/aiplatform.user" in command


def test_an_image_with_the_code_of_another_checkout_fails(ready: LocalCloud) -> None:
    ready.images.add(f"{REPOSITORY}/jobs/sluice", "v1", DIGEST, labels={"sluice.code": "0ther"})
    sentence, command = failed("code")
    assert sentence == f"the image {PLAN.image} holds other code (0ther) than this checkout (c0de)."
    assert "make image" in command


def test_an_image_that_is_none_of_ours_fails(ready: LocalCloud) -> None:
    ready.images.add(f"{REPOSITORY}/jobs/sluice", "v1", DIGEST)
    sentence, _ = failed("code")
    assert sentence == f"the image {PLAN.image} is none of Sluice: it has no label `sluice.code`."


def test_an_image_of_another_registry_is_not_checked(ready: LocalCloud) -> None:
    result = run_preflight(replace(PLAN, image="docker.io/library/python:3.10"))
    assert result.failures == ()
    assert isinstance(result.outcome("image"), NotChecked)
    assert isinstance(result.outcome("code"), NotChecked)


def test_an_image_that_may_not_be_read_is_not_checked(ready: LocalCloud) -> None:
    ready.access.deny("artifactregistry.*")
    result = run_preflight(PLAN)
    assert result.failures == ()
    assert {name for name in ("image", "code") if isinstance(result.outcome(name), NotChecked)} == {"image", "code"}


def test_a_gpu_that_does_not_fit_its_machine_fails(ready: LocalCloud) -> None:
    sentence, command = failed("machines", replace(PLAN, machines=(replace(TRAINER, machine_type="e2-standard-4"),)))
    assert "e2-standard-4 cannot carry NVIDIA_L4" in sentence
    assert "--machine-type g2-standard-" in command


def test_a_region_without_the_gpu_fails(ready: LocalCloud) -> None:
    sentence, _ = failed("machines", replace(PLAN, machines=(replace(TRAINER, region="southamerica-east1"),)))
    assert "southamerica-east1" in sentence
    assert "NVIDIA_L4" in sentence


def test_too_little_quota_names_metric_limit_usage_and_need(ready: LocalCloud) -> None:
    tuner = replace(TRAINER, purpose="the Tuner", parallel=4)
    sentence, command = failed("gpu_quota", replace(PLAN, machines=(TRAINER, tuner)))
    assert sentence == (
        f"the Tuner needs 4 of custom_model_training_nvidia_l4_gpus in {REGION}; the limit is 4, 1 of it in use."
    )
    assert f"https://console.cloud.google.com/iam-admin/quotas?project={PROJECT}" in command
    assert f"--quota-id={L4.quota_id} --dimensions=region={REGION} --preferred-value=5" in command


@pytest.mark.parametrize("capacity", ["spot", "flex_start"])
def test_gpus_that_can_be_taken_away_count_against_the_preemptible_quota(ready: LocalCloud, capacity: str) -> None:
    demand = replace(TRAINER, capacity=capacity)
    sentence, _ = failed("gpu_quota", replace(PLAN, machines=(demand,)))
    assert "custom_model_training_preemptible_nvidia_l4_gpus" in sentence
    assert "the limit is 0, 0 of it in use" in sentence


def test_the_quota_of_a_fallback_is_enough(ready: LocalCloud) -> None:
    ready.quotas.add(replace(L4, limits={REGION: 0, "us-central1": 2}, used={}))
    assert isinstance(checked("gpu_quota"), Failed)
    fallback = replace(TRAINER, region="us-central1")
    outcome = checked("gpu_quota", replace(PLAN, machines=(TRAINER, fallback)))
    assert isinstance(outcome, Passed)
    assert "us-central1: 0 of 2 in use" in outcome.sentence


def test_a_quota_that_google_does_not_list_is_not_checked(ready: LocalCloud) -> None:
    ready.quotas.quotas.clear()
    outcome = checked("gpu_quota")
    assert isinstance(outcome, NotChecked)
    assert "custom_model_training_nvidia_l4_gpus" in outcome.why


SERVING = ServingDemand("g2-standard-8", "NVIDIA_L4", 1, max_replicas=2, region=REGION)


def serving_quotas(gpus: int, used: int = 0, cpus: int = 100) -> tuple[Quota, Quota]:
    id_of_gpus, id_of_cpus = (
        "CustomModelServingL4GPUsPerProjectPerRegion",
        "CustomModelServingG2CPUsPerProjectPerRegion",
    )
    limit = Quota(id_of_gpus, "custom_model_serving_nvidia_l4_gpus", {REGION: gpus}, {REGION: used})
    return limit, Quota(id_of_cpus, "custom_model_serving_g2_cpus", {REGION: cpus})


def test_stable_and_canary_fit_into_the_serving_quota_together(ready: LocalCloud) -> None:
    for quota in serving_quotas(gpus=5, used=2):
        ready.quotas.add(quota)
    outcome = checked("serving_quota", replace(PLAN, serving=SERVING))
    assert isinstance(outcome, Passed)
    assert f"custom_model_serving_nvidia_l4_gpus in {REGION}: 2 of 5 in use, a canary needs 3" in outcome.sentence


@pytest.mark.parametrize(
    ("gpus", "used", "cpus", "short"), [(4, 0, 100, "gpus"), (5, 3, 100, "gpus"), (5, 0, 39, "cpus")]
)
def test_a_serving_quota_that_does_not_hold_both_fails(
    ready: LocalCloud, gpus: int, used: int, cpus: int, short: str
) -> None:
    for quota in serving_quotas(gpus, used, cpus):
        ready.quotas.add(quota)
    sentence, command = failed("serving_quota", replace(PLAN, serving=SERVING))
    assert sentence.startswith("stable and canary together need")
    assert f"_{short} in {REGION}" in sentence
    wanted = {"gpus": max(5, used + 3), "cpus": 40}[short]
    assert command.endswith(f"--preferred-value={wanted}")


def test_a_serving_quota_that_google_does_not_list_is_not_checked(ready: LocalCloud) -> None:
    outcome = checked("serving_quota", replace(PLAN, serving=SERVING))
    assert isinstance(outcome, NotChecked)
    assert "custom_model_serving_nvidia_l4_gpus" in outcome.why


def test_computes_quotas_are_never_asked(ready: LocalCloud) -> None:
    run_preflight(PLAN)
    assert [host for host in ready.proxy.refused if "compute" in host] == []
    assert any("cloudquotas" in call for call in ready.faults.calls)


def test_a_job_name_in_use_fails(ready: LocalCloud) -> None:
    _create_job(ready, "taxi-1")
    sentence, command = failed("job")
    assert sentence.startswith("a job called taxi-1 is there already (state: ")
    assert command.endswith(f"vertex_runner.py jobs follow taxi-1 --project {PROJECT} --region {REGION}")
    assert isinstance(checked("job", replace(PLAN, job_id="taxi-2")), Passed)


def test_a_schedule_needs_no_free_name(ready: LocalCloud) -> None:
    outcome = run_preflight(replace(PLAN, job_id=None)).outcome("job")
    assert outcome == Passed("each run of the schedule has its own.")


def test_old_prices_warn(ready: LocalCloud) -> None:
    result = run_preflight(replace(PLAN, today=date(2027, 6, 1)))
    outcome = result.outcome("prices")
    assert isinstance(outcome, Warned)
    assert "237 days ago" in outcome.sentence
    assert result.failures == ()


def test_a_price_file_that_does_not_parse_fails(ready: LocalCloud, tmp_path: Path) -> None:
    broken = tmp_path / "prices.yaml"
    broken.write_text(PRICE_FILE.read_text().replace("base: 0.031611", "base: cheap"))
    sentence, command = failed("prices", replace(PLAN, price_file=broken))
    assert sentence.startswith(f"{broken}, line ")
    assert "`base`" in sentence
    assert command == "Restore it:  git checkout cloud/data/prices.yaml"


@pytest.mark.gcp
def test_a_real_project_is_looked_at(gcp: RealCloud) -> None:
    plan = replace(PLAN, project=gcp.project, region=gcp.region, bucket=gcp.bucket, service_account=None)
    result = run_preflight(replace(plan, machines=(replace(TRAINER, region=gcp.region),)))
    assert isinstance(result.outcome("credentials"), Passed)
    assert isinstance(result.outcome("bucket"), Passed)
    assert isinstance(result.outcome("job"), Passed)
    assert not isinstance(result.outcome("gpu_quota"), NotChecked)


def _create_job(cloud: LocalCloud, job_id: str) -> None:
    """Creates the smallest job that the service takes, by REST."""
    session = AuthorizedSession(google.auth.default()[0])
    specification = {
        "schemaVersion": "2.1.0",
        "sdkVersion": "tfx-1.16.0",
        "pipelineInfo": {"name": "taxi"},
        "deploymentSpec": {},
        "components": {},
        "root": {"dag": {"tasks": {}}},
    }
    job = {"pipelineSpec": specification, "runtimeConfig": {"gcsOutputDirectory": "gs://preflight/root"}}
    parent = f"projects/{cloud.project}/locations/{REGION}"
    address = f"https://{REGION}-aiplatform.googleapis.com/v1/{parent}/pipelineJobs"
    answer = session.post(address, params={"pipelineJobId": job_id}, data=json.dumps(job))
    assert answer.ok, answer.text
