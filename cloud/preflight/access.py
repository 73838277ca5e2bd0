"""APIs, and the rights of the caller and of the account that runs the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from google.api_core import exceptions
from google.oauth2.credentials import Credentials

from cloud.errors import is_disabled_api
from cloud.google_api import GoogleApi
from cloud.preflight.check import Caller, cloud_check
from cloud.preflight.credentials import SCOPE
from cloud.preflight.outcome import Failed, NotChecked, Outcome, Passed
from cloud.preflight.plan import Plan
from core.text import listed, plural

APIS = (
    "aiplatform.googleapis.com",
    "artifactregistry.googleapis.com",
    "cloudquotas.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "dataflow.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
)

# What is needed, and the predefined role that has it.
_CALLER_IN_PROJECT = {
    "aiplatform.pipelineJobs.create": "roles/aiplatform.user",
    "aiplatform.pipelineJobs.get": "roles/aiplatform.user",
    "aiplatform.pipelineJobs.list": "roles/aiplatform.user",
    "aiplatform.pipelineJobs.cancel": "roles/aiplatform.user",
}
_IN_BUCKET = {
    "storage.objects.create": "roles/storage.objectAdmin",
    "storage.objects.delete": "roles/storage.objectAdmin",
    "storage.objects.get": "roles/storage.objectAdmin",
    "storage.objects.list": "roles/storage.objectAdmin",
}
# The record of answers: each object is new, and none is read there.
_RECORDING_IN_BUCKET = {"storage.objects.create": "roles/storage.objectUser"}
_ACT_AS = {"iam.serviceAccounts.actAs": "roles/iam.serviceAccountUser"}
_PIPELINE_IN_PROJECT = {
    "aiplatform.customJobs.create": "roles/aiplatform.user",
    "aiplatform.customJobs.get": "roles/aiplatform.user",
    "aiplatform.hyperparameterTuningJobs.create": "roles/aiplatform.user",
    "aiplatform.metadataStores.get": "roles/aiplatform.user",
    "aiplatform.pipelineJobs.get": "roles/aiplatform.user",
}
_UPLOADING_IN_PROJECT = {
    "aiplatform.models.list": "roles/aiplatform.user",
    "aiplatform.models.update": "roles/aiplatform.user",
    "aiplatform.models.upload": "roles/aiplatform.user",
}
_DATAFLOW_IN_PROJECT = {
    "dataflow.jobs.create": "roles/dataflow.developer",
    "dataflow.jobs.get": "roles/dataflow.developer",
    "dataflow.workItems.lease": "roles/dataflow.worker",
}


@cloud_check("apis", "APIs enabled")
def apis(plan: Plan, caller: Caller) -> Outcome:
    """Whether the project has every API enabled, in one request."""
    names = [f"projects/{plan.project}/services/{name}" for name in APIS]
    address = f"https://serviceusage.googleapis.com/v1/projects/{plan.project}/services:batchGet"
    services = caller.api.get(address, {"names": names}).get("services", [])
    enabled = {each["name"].rpartition("/")[2] for each in services if each.get("state") == "ENABLED"}
    missing = [name for name in APIS if name not in enabled]
    if not missing:
        return Passed(f"all {len(APIS)} are enabled.")
    are = plural(len(missing), "is", "are")
    return Failed(
        f"{listed(missing)} {are} not enabled in {plan.project}.",
        f"gcloud services enable {' '.join(missing)} --project={plan.project}",
    )


@cloud_check("project_rights", "your rights: project")
def rights_in_project(plan: Plan, caller: Caller) -> Outcome:
    """Whether the project is there, and the caller may create and follow pipeline jobs in it."""
    try:
        missing = _missing_in_project(plan, caller.api, _CALLER_IN_PROJECT)
    except (exceptions.Forbidden, exceptions.NotFound) as problem:
        if is_disabled_api(problem) or "serviceusage" in str(problem):
            raise  # the way there is closed, which says nothing of the project
        # What somebody may do in a project may be looked up by everybody whom it knows.
        return Failed(
            f"there is no project {plan.project}, or you have no access to it.", "See yours:  gcloud projects list"
        )
    return _judged(missing, "you", caller.member, _grant(plan))


@cloud_check("bucket_rights", "your rights: bucket")
def rights_in_bucket(plan: Plan, caller: Caller) -> Outcome:
    """Whether the caller may read and write in the bucket."""
    missing = _missing_in_bucket(plan, caller.api)
    return _judged(missing, "you", caller.member, _grant_in_bucket(plan))


@cloud_check("act_as", "your rights: account")
def right_to_act_as(plan: Plan, caller: Caller) -> Outcome:
    """Whether the service account is there and the caller may let jobs run as it."""
    account = plan.service_account
    if account is None:
        return NotChecked("the environment names no `service_account`; jobs run as the project's default one.")
    address = f"https://iam.googleapis.com/v1/projects/-/serviceAccounts/{account}:testIamPermissions"
    try:
        granted = caller.api.post(address, {"permissions": list(_ACT_AS)}).get("permissions", [])
    except exceptions.NotFound:
        name, _, rest = account.partition("@")
        home = rest.partition(".")[0]
        return Failed(
            f"the service account {account} does not exist.",
            f"gcloud iam service-accounts create {name} --project={home}",
        )
    grant = f"gcloud iam service-accounts add-iam-policy-binding {account} --project={plan.project}"
    return _judged(_without(_ACT_AS, granted), "you", caller.member, grant)


@cloud_check("pipeline_rights", "the pipeline's rights")
def rights_of_the_pipeline(plan: Plan, caller: Caller) -> Outcome:
    """Whether the account that runs the pipeline has what its steps need; it is asked by impersonation."""
    account = plan.service_account
    if account is None:
        return NotChecked("the environment names no `service_account`; the default one cannot be asked.")
    api = _as_account(account, caller.api)
    if isinstance(api, NotChecked):
        return api
    in_project = {
        **_PIPELINE_IN_PROJECT,
        **(_UPLOADING_IN_PROJECT if plan.serving_image else {}),
        **(_DATAFLOW_IN_PROJECT if plan.dataflow_region else {}),
    }
    member = f"serviceAccount:{account}"
    found = _judged(_missing_in_project(plan, api, in_project), account, member, _grant(plan))
    if isinstance(found, Failed):
        return found
    return _judged(_missing_in_bucket(plan, api), account, member, _grant_in_bucket(plan))


@cloud_check("endpoint_rights", "the endpoint's rights")
def rights_of_the_endpoint(plan: Plan, caller: Caller) -> Outcome:
    """Whether the account that runs the endpoint's containers may write the record of answers that a rollout watches;
    it is asked by impersonation."""
    account = plan.serving_account
    if not plan.is_watched:
        return Passed("no rollout watches an endpoint.")
    if account is None:
        return NotChecked("the environment names no `endpoint.service_account`; the default one has no right there.")
    api = _as_account(account, caller.api)
    if isinstance(api, NotChecked):
        return api
    missing = _missing_in_bucket(plan, api, _RECORDING_IN_BUCKET)
    return _judged(missing, account, f"serviceAccount:{account}", _grant_in_bucket(plan))


def _as_account(account: str, api: GoogleApi) -> GoogleApi | NotChecked:
    """Calls as a service account; or why they cannot be made."""
    try:
        return api.as_another(Credentials(_token_of(account, api)))
    except exceptions.Forbidden:
        return NotChecked(
            f"you may not impersonate {account}; roles/iam.serviceAccountTokenCreator on it would allow this check."
        )
    except exceptions.NotFound:
        return NotChecked(f"{account} does not exist.")


def _judged(missing: dict[str, str], who: str, member: str, grant: str) -> Outcome:
    if not missing:
        return Passed("nothing is missing.")
    roles = list(dict.fromkeys(missing.values()))
    verb = "have" if who == "you" else "has"
    commands = " && ".join(f'{grant} --member="{member}" --role={role}' for role in roles)
    return Failed(f"{who} {verb} no right to {listed(list(missing))}.", commands)


def _missing_in_project(plan: Plan, api: GoogleApi, needed: dict[str, str]) -> dict[str, str]:
    address = f"https://cloudresourcemanager.googleapis.com/v3/projects/{plan.project}:testIamPermissions"
    return _without(needed, api.post(address, {"permissions": list(needed)}).get("permissions", []))


def _missing_in_bucket(plan: Plan, api: GoogleApi, needed: dict[str, str] = _IN_BUCKET) -> dict[str, str]:
    address = f"https://storage.googleapis.com/storage/v1/b/{quote(plan.bucket)}/iam/testPermissions"
    return _without(needed, api.get(address, {"permissions": list(needed)}).get("permissions", []))


def _without(needed: dict[str, str], granted: Sequence[str]) -> dict[str, str]:
    return {right: role for right, role in needed.items() if right not in granted}


def _token_of(account: str, api: GoogleApi) -> str:
    address = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
    return str(api.post(address, {"scope": [SCOPE], "lifetime": "300s"}).get("accessToken", ""))


def _grant(plan: Plan) -> str:
    return f"gcloud projects add-iam-policy-binding {plan.project}"


def _grant_in_bucket(plan: Plan) -> str:
    return f"gcloud storage buckets add-iam-policy-binding gs://{plan.bucket}"
