"""Errors of Google's clients in one sentence, each with the next command."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import requests
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions

from cloud.place import Place
from core.errors import SluiceError
from core.remote_errors import LOGIN
from core.text import nearest, suggestion

# The person at this machine, as `gcloud` takes a member.
_PERSON = '--member="user:$(gcloud config get account)"'

# What the clients of all services raise when a call fails.
CLIENT_ERRORS = (exceptions.GoogleAPIError, auth_exceptions.GoogleAuthError, requests.RequestException)

# In these the service was not reached, or was not able to answer; the same call may work a moment later.
_OUTAGES = (
    exceptions.ServiceUnavailable,
    exceptions.GatewayTimeout,  # DEADLINE_EXCEEDED, too
    exceptions.BadGateway,
    exceptions.InternalServerError,
    exceptions.RetryError,
    auth_exceptions.TransportError,
    requests.ConnectionError,
    requests.Timeout,
)
# gRPC reports credentials that cannot be refreshed as an outage whose text begins so.
_NO_TOKEN = "Getting metadata from plugin failed"
_REFUSED_TOKEN = re.compile(r"invalid_grant|RefreshError|Reauthentication|invalid_rapt")
_VIOLATION = re.compile(r"\d+\.Field: (?P<field>.*?); Message: (?P<text>[^\t]*)")
_RIGHT = re.compile(r"[Pp]ermission '?(?P<right>[a-z]\w*(?:\.\w+){2,})'?")
# Over REST the client puts the call before the service's words.
_CALL = re.compile(r"^[A-Z]+ https?://\S+: ")
_LONGEST = 300


def is_outage(problem: BaseException) -> bool:
    """Whether the same call may work a moment later."""
    return isinstance(problem, _OUTAGES) and not is_refused_login(problem)


def is_refused_login(problem: BaseException) -> bool:
    """Whether the credentials have expired, were revoked or are no credentials of Google's."""
    if isinstance(problem, (auth_exceptions.RefreshError, exceptions.Unauthenticated, exceptions.Unauthorized)):
        return True
    text = str(problem)
    return (
        isinstance(problem, exceptions.ServiceUnavailable) and _NO_TOKEN in text and bool(_REFUSED_TOKEN.search(text))
    )


def is_disabled_api(problem: BaseException) -> bool:
    """Whether a call was refused because the project has not enabled the service's API."""
    text = str(problem)
    return any(words in text for words in ("SERVICE_DISABLED", "has not been used in project", "it is disabled"))


def in_one_sentence(problem: Exception, cannot: str, place: Place) -> SluiceError:
    """The user's error for one of a client.

    Args:
      problem: one of `CLIENT_ERRORS`.
      cannot: the first half of the sentence, e.g. "the job taxi-1 cannot be submitted".
      place: where the call went.
    """
    for kinds, explain in _EXPLANATIONS:
        if isinstance(problem, kinds):
            reason, next_command = explain(problem, place)
            return SluiceError(f"{cannot}: {reason}.", next_command)
    return SluiceError(f"{cannot}: {_message(problem)}.", _status(place))


def as_account(problem: SluiceError, account: str) -> SluiceError:
    """The same error of a call that a service account has made: what it lacks is granted to it, not to a person."""
    command = problem.next_command.replace(_PERSON, f"--member=serviceAccount:{account}")
    return SluiceError(problem.headline, command, problem.exit_code)


def unknown_region(region: str, service: str = "Vertex AI") -> SluiceError | None:
    """The error for a region that Vertex AI does not have; None for one that it has. `service`: whose region it was to
    be, for the sentence; those of others are nearly the same.

    The list is that of the installed client and takes seconds to load: ask only when the region's host was not reached.
    """
    from google.cloud.aiplatform.constants.base import SUPPORTED_REGIONS

    if region in SUPPORTED_REGIONS:
        return None
    near = nearest(region, SUPPORTED_REGIONS)
    hint = suggestion(near) or "."
    return SluiceError(f"{service} has no region `{region}`{hint}", f"Use another:  --region {near or 'europe-west4'}")


def _message(problem: BaseException) -> str:
    """The client's own words in one line, without a full stop."""
    text = str(getattr(problem, "message", "") or problem)
    if violations := _VIOLATION.findall(text):
        text = "; ".join(f"{field}: {reason.rstrip('. ')}" for field, reason in violations)
    line = " ".join(_CALL.sub("", text).split()) or type(problem).__name__
    return f"{line[:_LONGEST]}…" if len(line) > _LONGEST else line.rstrip(". ")


def _no_credentials(_: Exception, __: Place) -> tuple[str, str]:
    return "this machine has no Google Cloud credentials", LOGIN


def _refused_login(_: Exception, __: Place) -> tuple[str, str]:
    return "the Google Cloud credentials have expired or were revoked", LOGIN


def _denied(problem: Exception, place: Place) -> tuple[str, str]:
    text = str(problem)
    if is_disabled_api(problem):
        command = f"gcloud services enable aiplatform.googleapis.com --project={place.project}"
        return f"the API of Vertex AI is not enabled in {place.project}", f"Enable it:  {command}"
    right = _RIGHT.search(text)
    role = "roles/iam.serviceAccountUser" if right and right["right"] == "iam.serviceAccounts.actAs" else None
    command = (
        f"gcloud projects add-iam-policy-binding {place.project} {_PERSON} --role={role or 'roles/aiplatform.user'}"
    )
    lacks = f"the account lacks the right {right['right']} in {place.project}" if right else _message(problem)
    return lacks, f"Grant it:  {command}"


def _not_found(_: Exception, place: Place) -> tuple[str, str]:
    command = f"python runners/vertex_runner.py jobs list {place.options}"
    return f"there is none of that name in {place}", f"What is there:  {command}"


def _exhausted(problem: Exception, place: Place) -> tuple[str, str]:
    command = f"gcloud beta quotas info list --service=aiplatform.googleapis.com --project={place.project}"
    return f"a quota or the capacity of {place.region} is exhausted ({_message(problem)})", f"Quotas:  {command}"


def _refused(problem: Exception, _: Place) -> tuple[str, str]:
    return f"Vertex AI refuses it ({_message(problem)})", "Check the job:  python runners/vertex_runner.py --check"


def _outage(problem: Exception, place: Place) -> tuple[str, str]:
    if is_refused_login(problem):
        return _refused_login(problem, place)
    return f"{place.host} cannot be reached ({_message(problem)})", _status(place)


def _status(place: Place) -> str:
    return f"See whether it is the network:  curl -sSI https://{place.host}"


# The first that fits is taken.
_Explain = Callable[[Exception, Place], tuple[str, str]]
_EXPLANATIONS: Sequence[tuple[type[Exception] | tuple[type[Exception], ...], _Explain]] = (
    (auth_exceptions.DefaultCredentialsError, _no_credentials),
    ((auth_exceptions.RefreshError, exceptions.Unauthenticated, exceptions.Unauthorized), _refused_login),
    (exceptions.Forbidden, _denied),
    (exceptions.NotFound, _not_found),
    (exceptions.TooManyRequests, _exhausted),
    (_OUTAGES, _outage),
    (exceptions.BadRequest, _refused),
)
