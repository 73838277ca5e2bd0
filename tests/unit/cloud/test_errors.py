"""Errors of Google's clients as one sentence with the next command."""

from __future__ import annotations

import pytest
import requests
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions

from cloud.errors import as_account, in_one_sentence, is_outage
from cloud.place import Place
from core.errors import ExitCode

PLACE = Place("my-project", "europe-west4")
NO_TOKEN = "Getting metadata from plugin failed with error: ('invalid_grant: Token has been expired or revoked.', {})"


@pytest.mark.parametrize(
    ("problem", "sentence", "command"),
    [
        (auth_exceptions.DefaultCredentialsError("none"), "no Google Cloud credentials", "gcloud auth application"),
        (auth_exceptions.RefreshError("invalid_grant"), "have expired or were revoked", "gcloud auth application"),
        (exceptions.Unauthenticated("bad token"), "have expired or were revoked", "gcloud auth application"),
        (exceptions.ServiceUnavailable(NO_TOKEN), "have expired or were revoked", "gcloud auth application"),
        (
            exceptions.PermissionDenied("Vertex AI API has not been used in project 1 before or it is disabled."),
            "is not enabled in my-project",
            "gcloud services enable aiplatform.googleapis.com --project=my-project",
        ),
        (
            exceptions.PermissionDenied("Permission 'aiplatform.pipelineJobs.create' denied on resource"),
            "lacks the right aiplatform.pipelineJobs.create in my-project",
            "--role=roles/aiplatform.user",
        ),
        (
            exceptions.Forbidden("You do not have permission iam.serviceAccounts.actAs to act as the account"),
            "lacks the right iam.serviceAccounts.actAs",
            "--role=roles/iam.serviceAccountUser",
        ),
        (exceptions.NotFound("gone"), "none of that name in europe-west4 of my-project", "jobs list --project my-proj"),
        (exceptions.ResourceExhausted("L4 quota"), "exhausted (L4 quota)", "quotas info list"),
        (exceptions.ServiceUnavailable("reset"), "europe-west4-aiplatform.googleapis.com cannot be reached", "curl"),
        (exceptions.DeadlineExceeded("slow"), "cannot be reached (slow)", "curl"),
        (requests.ConnectionError("refused"), "cannot be reached (refused)", "curl"),
        (exceptions.Unknown("odd"), "odd", "curl"),
        (
            exceptions.BadRequest("POST https://host/v1/models:upload?a=b: No image."),
            "refuses it (No image)",
            "--check",
        ),
        (
            exceptions.InvalidArgument(
                "List of found errors:\t1.Field: a.b; Message: Not set.\t2.Field: c; Message: No."
            ),
            "refuses it (a.b: Not set; c: No)",
            "--check",
        ),
    ],
)
def test_each_kind_of_error_has_its_sentence_and_its_command(problem: Exception, sentence: str, command: str) -> None:
    shown = in_one_sentence(problem, "the job taxi-1 cannot be submitted", PLACE)
    assert shown.headline.startswith("the job taxi-1 cannot be submitted: ")
    assert shown.headline.endswith(".") and "\n" not in shown.headline
    assert sentence in shown.headline
    assert command in shown.next_command
    assert shown.exit_code == ExitCode.UNUSABLE


def test_a_long_text_of_the_client_is_cut() -> None:
    assert len(in_one_sentence(exceptions.Unknown("x" * 5000), "it fails", PLACE).headline) < 400


@pytest.mark.parametrize(
    ("problem", "again"),
    [
        (exceptions.ServiceUnavailable("reset"), True),
        (exceptions.DeadlineExceeded("slow"), True),
        (requests.Timeout("slow"), True),
        (auth_exceptions.TransportError("no token server"), True),
        (exceptions.ServiceUnavailable(NO_TOKEN), False),
        (auth_exceptions.RefreshError("invalid_grant"), False),
        (exceptions.ResourceExhausted("quota"), False),
        (exceptions.NotFound("gone"), False),
    ],
)
def test_a_call_is_tried_again_only_when_the_service_was_away(problem: Exception, again: bool) -> None:
    assert is_outage(problem) is again


def test_what_a_service_account_lacks_is_granted_to_it() -> None:
    denied = exceptions.PermissionDenied("Permission 'aiplatform.models.upload' denied on resource.")
    shown = as_account(in_one_sentence(denied, "it cannot be uploaded", PLACE), "runner@p.iam.gserviceaccount.com")
    assert "--member=serviceAccount:runner@p.iam.gserviceaccount.com --role=roles/aiplatform.user" in shown.next_command
    assert "gcloud config get account" not in shown.next_command
