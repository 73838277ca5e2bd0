"""What the libraries raise about a bucket becomes one sentence; what they do not stays as it is."""

from __future__ import annotations

import pytest
from apache_beam.io.filesystem import BeamIOError
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from requests import ConnectionError as NoConnection
from tensorflow import errors

from core.errors import ExitCode, SluiceError
from core.remote_errors import Cause, cause_of, plain_remote_errors

PLACE = "gs://bucket/folder"


@pytest.mark.parametrize(
    ("error", "sentence", "next_command"),
    [
        (DefaultCredentialsError("none"), "needs credentials of Google Cloud", "gcloud auth application-default login"),
        (RefreshError("invalid_grant"), "none or they have expired", "gcloud auth application-default login"),
        (exceptions.Unauthorized("who"), "needs credentials", "gcloud auth application-default login"),
        (exceptions.NotFound("object"), f"{PLACE} does not exist", "gcloud storage ls gs://bucket"),
        (exceptions.Forbidden("no access"), r"may not read or write \S+ \(.*no access\)", "get-iam-policy gs://bucket"),
        (
            BeamIOError("Match", {PLACE: exceptions.Forbidden("no storage.objects.get access")}),
            r"may not read or write .*storage.objects.get",
            "get-iam-policy gs://bucket",
        ),
        (exceptions.ServiceUnavailable("later"), r"cannot be reached \(.*later\)", "gcloud storage ls gs://bucket"),
        (exceptions.RetryError("timeout", None), r"cannot be reached", "gcloud storage ls gs://bucket"),
        (TransportError("no route"), r"cannot be reached \(no route\)", "gcloud storage ls gs://bucket"),
        (NoConnection("refused"), r"cannot be reached \(refused\)", "gcloud storage ls gs://bucket"),
        (errors.NotFoundError(None, None, "404"), "does not exist", "gcloud storage ls gs://bucket"),
        (errors.PermissionDeniedError(None, None, "denied"), r"may not read or write .*denied", "get-iam-policy"),
    ],
)
def test_a_cause_has_its_sentence_and_its_next_command(error: Exception, sentence: str, next_command: str) -> None:
    with pytest.raises(SluiceError, match=sentence) as caught, plain_remote_errors(PLACE):
        raise error
    assert next_command in caught.value.next_command
    assert caught.value.exit_code is ExitCode.UNUSABLE
    assert caught.value.__cause__ is error


def test_an_absent_bucket_is_named_with_the_command_that_makes_it() -> None:
    with (
        pytest.raises(SluiceError, match="there is no bucket gs://bucket") as caught,
        plain_remote_errors("gs://bucket"),
    ):
        raise exceptions.NotFound("The specified bucket does not exist.")
    assert caught.value.next_command.endswith("gcloud storage buckets create gs://bucket")


@pytest.mark.parametrize(
    "error", [ValueError("a defect"), SluiceError("of ours"), errors.DataLossError(None, None, "")]
)
def test_any_other_error_stays_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, plain_remote_errors(PLACE):
        raise error
    assert caught.value is error


def test_a_local_error_has_no_cause_in_the_cloud() -> None:
    assert cause_of(FileNotFoundError("here")) is None
    assert cause_of(exceptions.TooManyRequests("slow down")) is Cause.UNREACHABLE
