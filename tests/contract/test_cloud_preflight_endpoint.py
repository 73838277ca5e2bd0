"""The preflight's row about the containers of an endpoint: whether they may record what a rollout watches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cloud.preflight.outcome import Failed, NotChecked, Outcome, Passed
from cloud.preflight.plan import Plan
from cloud.preflight.run import run_preflight
from cloud.testing.cloud import LocalCloud
from tests.samples.preflight import PLAN, PROJECT, only_failure, ready_cloud

SERVER = f"serving@{PROJECT}.iam.gserviceaccount.com"
WATCHED = replace(PLAN, is_watched=True, serving_account=SERVER)


@pytest.fixture
def ready() -> Iterator[LocalCloud]:
    with ready_cloud() as cloud:
        yield cloud


def checked(plan: Plan) -> Outcome:
    return run_preflight(plan).outcome("endpoint_rights")


def test_containers_that_may_not_record_what_a_rollout_watches_are_found_by_impersonation(ready: LocalCloud) -> None:
    ready.identity.accounts.add(SERVER)
    assert isinstance(checked(WATCHED), Passed)
    ready.access.deny("storage.objects.create", "buckets/preflight", SERVER)
    result = run_preflight(WATCHED)
    assert only_failure(result) == "endpoint_rights"
    member = f'--member="serviceAccount:{SERVER}"'
    assert result.outcome("endpoint_rights") == Failed(
        f"{SERVER} has no right to storage.objects.create.",
        f"gcloud storage buckets add-iam-policy-binding gs://preflight {member} --role=roles/storage.objectUser",
    )


def test_containers_need_no_other_right_in_the_bucket_and_none_where_nothing_is_watched(ready: LocalCloud) -> None:
    ready.identity.accounts.add(SERVER)
    for right in ("get", "list", "delete"):
        ready.access.deny(f"storage.objects.{right}", "buckets/preflight", SERVER)
    assert isinstance(checked(WATCHED), Passed)
    ready.access.deny("storage.objects.*", "buckets/preflight", SERVER)
    assert isinstance(checked(replace(WATCHED, is_watched=False)), Passed)


def test_the_rights_of_containers_whose_account_is_none_or_absent_or_not_ours_are_not_checked(
    ready: LocalCloud,
) -> None:
    unnamed = checked(replace(WATCHED, serving_account=None))
    assert isinstance(unnamed, NotChecked)
    assert "names no `endpoint.service_account`" in unnamed.why
    assert checked(WATCHED) == NotChecked(f"{SERVER} does not exist.")
    ready.identity.accounts.add(SERVER)
    ready.access.deny("iam.serviceAccounts.getAccessToken")
    refused = checked(WATCHED)
    assert isinstance(refused, NotChecked)
    assert refused.why.startswith(f"you may not impersonate {SERVER}")
