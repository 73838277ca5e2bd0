"""The preflight without credentials, without a network, and with services that fail or never answer."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from google.api_core import exceptions

from cloud.preflight.images import pinned
from cloud.preflight.outcome import Failed, NotChecked, Passed
from cloud.preflight.run import run_preflight
from cloud.testing.cloud import LocalCloud
from cloud.testing.environment import applied
from tests.samples.preflight import PLAN, PROJECT, only_failure, ready_cloud


@pytest.fixture
def ready() -> Iterator[LocalCloud]:
    with ready_cloud() as cloud:
        yield cloud


def test_expired_credentials_fail_and_what_needs_them_is_not_checked(ready: LocalCloud) -> None:
    ready.tokens.refuse()
    result = run_preflight(PLAN)
    outcome = result.outcome("credentials")
    assert isinstance(outcome, Failed)
    assert "expired or revoked" in outcome.sentence
    assert outcome.command == "Log in:  gcloud auth application-default login"
    assert only_failure(result) == "credentials"
    assert result.outcome("bucket") == NotChecked("it needs credentials.")
    assert isinstance(result.outcome("machines"), Passed)


def test_a_machine_without_any_credentials_is_told_to_log_in(tmp_path: Path) -> None:
    nothing = {
        "HOME": str(tmp_path),
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "NO_GCE_CHECK": "true",
        "GOOGLE_CLOUD_PROJECT": PROJECT,
    }
    with pytest.MonkeyPatch.context() as patch, applied(nothing):
        patch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        result = run_preflight(PLAN)
    outcome = result.outcome("credentials")
    assert outcome == Failed(
        "there are no credentials for Google Cloud on this machine.", "Log in:  gcloud auth application-default login"
    )
    assert only_failure(result) == "credentials"


def test_a_person_whose_login_was_revoked_is_told_to_log_in(ready: LocalCloud, tmp_path: Path) -> None:
    login = tmp_path / "application_default_credentials.json"
    person = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "revoked"}
    login.write_text(json.dumps(person))
    ready.tokens.refuse()
    with applied({**ready.environment, "GOOGLE_APPLICATION_CREDENTIALS": str(login)}):
        result = run_preflight(PLAN)
    outcome = result.outcome("credentials")
    assert isinstance(outcome, Failed)
    assert "expired or revoked" in outcome.sentence
    assert outcome.command == "Log in:  gcloud auth application-default login"
    assert only_failure(result) == "credentials"


def test_a_file_of_credentials_that_is_not_there_is_named(ready: LocalCloud, tmp_path: Path) -> None:
    with applied({**ready.environment, "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "absent.json")}):
        outcome = run_preflight(PLAN).outcome("credentials")
    assert isinstance(outcome, Failed)
    assert "absent.json was not found" in outcome.sentence


def test_without_a_network_it_ends_soon_with_one_failure(tmp_path: Path) -> None:
    with LocalCloud(PROJECT) as cloud:
        environment = dict(cloud.environment)
        for name in ("GOOGLE_APPLICATION_CREDENTIALS", "REQUESTS_CA_BUNDLE"):
            kept = tmp_path / Path(environment[name]).name
            kept.write_bytes(Path(environment[name]).read_bytes())
            environment[name] = str(kept)
    started = time.monotonic()
    with applied(environment):
        result = run_preflight(PLAN)
    outcome = result.outcome("credentials")
    assert isinstance(outcome, Failed)
    assert "cannot be reached" in outcome.sentence
    assert "curl" in outcome.command
    assert only_failure(result) == "credentials"
    assert time.monotonic() - started < 60


def test_services_that_cannot_be_reached_are_not_checked_and_the_others_are(ready: LocalCloud) -> None:
    silent = {"monitoring.googleapis.com", "artifactregistry.googleapis.com", "serviceusage.googleapis.com"}
    ready.proxy.hosts = tuple(host for host in ready.proxy.hosts if host not in silent)
    result = run_preflight(PLAN)
    assert result.failures == ()
    assert {row.check: row.outcome for row in result.rows if isinstance(row.outcome, NotChecked)} == {
        "apis": NotChecked("serviceusage.googleapis.com cannot be reached."),
        "image": NotChecked("artifactregistry.googleapis.com cannot be reached."),
        "gpu_quota": NotChecked("monitoring.googleapis.com cannot be reached."),
    }
    assert result.image_digest is None
    assert pinned(PLAN.image, None) == PLAN.image


def test_services_that_never_answer_hold_it_up_for_seconds_only(ready: LocalCloud) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), address)
        started = time.monotonic()
        with applied({**ready.environment, **proxies}):
            result = run_preflight(PLAN, patience=1.0)
        spent = time.monotonic() - started
    assert result.failures == ()
    assert result.outcome("bucket") == NotChecked("storage.googleapis.com cannot be reached.")
    assert spent < 30


def test_a_service_that_fails_for_a_moment_is_asked_again(ready: LocalCloud) -> None:
    ready.faults.fail_next(exceptions.ServiceUnavailable("Try again."), "serviceusage*", times=2)
    assert isinstance(run_preflight(PLAN).outcome("apis"), Passed)
    assert sum(call.startswith("serviceusage") for call in ready.faults.calls) == 3


def test_a_service_that_keeps_failing_is_not_checked(ready: LocalCloud) -> None:
    ready.faults.fail_next(exceptions.ServiceUnavailable("Try again later."), "serviceusage*", times=1000)
    result = run_preflight(PLAN, patience=4.0)
    assert result.outcome("apis") == NotChecked("the service refused with 503 (Try again later.)")
    assert result.failures == ()


def test_a_project_that_is_not_there_or_closed_to_the_caller_fails(ready: LocalCloud) -> None:
    result = run_preflight(replace(PLAN, project="acme-ridse"))
    assert result.outcome("project_rights") == Failed(
        "there is no project acme-ridse, or you have no access to it.", "See yours:  gcloud projects list"
    )


@pytest.mark.parametrize(
    "words",
    [
        "Cloud Resource Manager API has not been used in project 1 before or it is disabled.",
        "Caller does not have required permission to use project 1. Grant the caller roles/serviceusage.x.",
    ],
)
def test_where_the_way_to_a_project_is_closed_nothing_is_said_of_it(ready: LocalCloud, words: str) -> None:
    ready.faults.fail_next(exceptions.PermissionDenied(words), "cloudresourcemanager*", times=2)
    result = run_preflight(replace(PLAN, service_account=None))
    assert isinstance(result.outcome("project_rights"), NotChecked)
