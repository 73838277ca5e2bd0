"""The caller's credentials: application default ones, tried out before anything else is asked with them."""

from __future__ import annotations

import warnings
from functools import partial

import google.auth
from google.auth import credentials as auth_credentials
from google.auth import exceptions
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials as UserCredentials

from core.errors import SluiceError
from core.remote_errors import LOGIN

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TIMEOUT_SECONDS = 10


def find_credentials(project: str) -> auth_credentials.Credentials:
    """Default credentials that have just been given a token.

    Raises:
      SluiceError: when there are none, when they have expired, when no token can be had.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the quota project, which is set below
            found, _ = google.auth.default(scopes=[SCOPE])
    except exceptions.DefaultCredentialsError as problem:
        sentence = "there are no credentials for Google Cloud on this machine"
        raise SluiceError(f"{sentence}{_unusable_file(problem)}.", LOGIN) from problem
    if isinstance(found, UserCredentials) and found.quota_project_id is None:
        # Some services refuse a person's credentials without it.
        found = found.with_quota_project(project)
    try:
        found.refresh(partial(Request(), timeout=_TIMEOUT_SECONDS))
    except exceptions.RefreshError as problem:
        raise SluiceError(f"the credentials are refused or have expired ({problem.args[0]}).", LOGIN) from problem
    except exceptions.TransportError as problem:
        raise SluiceError(
            "no access token can be had: Google's token endpoint cannot be reached.",
            "See whether the network lets you out:  curl -sSI https://oauth2.googleapis.com",
        ) from problem
    return found


def member_of(credentials: auth_credentials.Credentials) -> str:
    """The caller as a member of an IAM policy; for a person a shell expression, as credentials hold no address."""
    email = getattr(credentials, "service_account_email", None)
    return f"serviceAccount:{email}" if email and "@" in email else "user:$(gcloud config get account)"


def _unusable_file(problem: exceptions.DefaultCredentialsError) -> str:
    """What is wrong with the file that GOOGLE_APPLICATION_CREDENTIALS names; empty when none is named."""
    text = str(problem.args[0]) if problem.args else ""
    return "" if text.startswith("Your default credentials were not found") else f": {text.rstrip('.')}"
