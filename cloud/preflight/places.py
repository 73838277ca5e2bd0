"""Regions, the bucket, and the name of the job."""

from __future__ import annotations

import warnings
from collections.abc import Collection

from google.api_core import exceptions

from cloud.place import Place
from cloud.preflight.check import Caller, cloud_check, plan_check
from cloud.preflight.outcome import Failed, Outcome, Passed
from cloud.preflight.plan import Plan
from core.text import did_you_mean

# What the predefined dual regions hold; others name their regions themselves.
_DUAL_REGIONS = {
    "ASIA1": ("asia-northeast1", "asia-northeast2"),
    "EUR4": ("europe-north1", "europe-west4"),
    "EUR5": ("europe-west1", "europe-west2"),
    "EUR7": ("europe-west2", "europe-west3"),
    "EUR8": ("europe-west3", "europe-west6"),
    "NAM4": ("us-central1", "us-east1"),
}
# London and Zürich are no part of the multi-region EU.
_NOT_IN_EU = ("europe-west2", "europe-west6")


@plan_check("region", "region")
def region(plan: Plan) -> Outcome:
    """Whether Vertex AI is in the region, by the list of its client library."""
    known = _regions()
    if plan.region not in known:
        hint = did_you_mean(plan.region, known, ".")
        sentence = f"Vertex AI has no region `{plan.region}`, by the list of its client library{hint}"
        return Failed(sentence, f"All regions:  {', '.join(known)}")
    return Passed(f"Vertex AI is in {plan.region}.")


@cloud_check("bucket", "bucket")
def bucket(plan: Plan, caller: Caller) -> Outcome:
    """Whether the bucket is there, and in the region or around it."""
    address = f"gs://{plan.bucket}"
    try:
        found = caller.api.get(f"https://storage.googleapis.com/storage/v1/b/{plan.bucket}")
    except exceptions.NotFound:
        return Failed(f"the bucket {address} does not exist.", f"Make it:  {_create(plan.bucket, plan)}")
    location = str(found.get("location", "")).upper()
    placement = found.get("customPlacementConfig", {}).get("dataLocations", [])
    if holds_region(location, plan.region, placement):
        return Passed(f"{address} is in {location.lower()}.")
    other = f"{plan.bucket}-{plan.region}"[:63]
    return Failed(
        f"the bucket {address} is in {location.lower()}, the job runs in {plan.region}.",
        f"Make another and give it as --bucket:  {_create(other, plan)}",
    )


@cloud_check("job", "job name")
def job_name(plan: Plan, caller: Caller) -> Outcome:
    """Whether the name of the job is free."""
    if plan.job_id is None:
        return Passed("each run of the schedule has its own.")
    place = Place(plan.project, plan.region)
    try:
        found = caller.api.get(f"https://{place.host}/v1/{place.parent}/pipelineJobs/{plan.job_id}")
    except exceptions.NotFound:
        return Passed(f"{plan.job_id} is free.")
    state = str(found.get("state", "")).removeprefix("PIPELINE_STATE_").lower() or "unknown"
    follow = f"python runners/vertex_runner.py jobs follow {plan.job_id} {place.options}"
    return Failed(
        f"a job called {plan.job_id} is there already (state: {state}).",
        f"Follow it, or choose another --job-name:  {follow}",
    )


def holds_region(location: str, region: str, placement: Collection[str] = ()) -> bool:
    """Whether a bucket's location is the region or contains it.

    `location` is as Cloud Storage gives it, in upper case: a region, a dual region (NAM4) or a multi-region (EU);
    `placement` has the regions of a dual region that names them itself.
    """
    if region.upper() in (location, *(each.upper() for each in placement)):
        return True
    if location == "EU":
        return region.startswith("europe-") and region not in _NOT_IN_EU
    if location in ("US", "ASIA"):
        return region.startswith(f"{location.lower()}-")
    return region in _DUAL_REGIONS.get(location, ())


def _create(name: str, plan: Plan) -> str:
    flags = f"--project={plan.project} --location={plan.region} --uniform-bucket-level-access"
    return f"gcloud storage buckets create gs://{name} {flags}"


def _regions() -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns about the versions of others
        from google.cloud.aiplatform.constants.base import SUPPORTED_REGIONS
    return sorted(set(SUPPORTED_REGIONS) - {"global"})
