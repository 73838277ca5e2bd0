"""What reading and writing a bucket can raise, turned into one sentence with the next command.

Google's client, Beam and TensorFlow each have their own exceptions for the same few causes: no credentials, no such
bucket, no right, no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from core.errors import SluiceError

LOGIN = "Log in:  gcloud auth application-default login"


class Cause(Enum):
    """Why a bucket cannot be used."""

    CREDENTIALS = "credentials"
    ABSENT = "absent"
    RIGHTS = "rights"
    UNREACHABLE = "unreachable"


# By the canonical code that TensorFlow's errors have, and by the HTTP status of Google's.
_BY_CODE = {5: Cause.ABSENT, 7: Cause.RIGHTS, 16: Cause.CREDENTIALS, 4: Cause.UNREACHABLE, 14: Cause.UNREACHABLE}
_BY_STATUS = {401: Cause.CREDENTIALS, 403: Cause.RIGHTS, 404: Cause.ABSENT}


@contextmanager
def plain_remote_errors(place: str) -> Iterator[None]:
    """Turns what the libraries raise about `place`, an address such as gs://bucket/folder, into a user's error.

    Raises:
      SluiceError: when there are no credentials, no such bucket or file, no right to it, or no way to it.
    """
    try:
        yield
    except SluiceError:
        raise
    except Exception as error:
        cause = cause_of(error)
        if cause is None:
            raise
        raise _sentence(place, cause, error) from error


def cause_of(error: BaseException) -> Cause | None:
    """The cause that an exception of one of the libraries stands for; None for any other exception."""
    from google.api_core import exceptions
    from google.auth import exceptions as auth
    from requests import RequestException

    error = _innermost(error)
    if isinstance(error, (auth.TransportError, exceptions.RetryError, RequestException)):
        return Cause.UNREACHABLE
    if isinstance(error, auth.GoogleAuthError):
        return Cause.CREDENTIALS
    if isinstance(error, exceptions.GoogleAPICallError):
        return _BY_STATUS.get(error.code or 0, Cause.UNREACHABLE)
    if type(error).__module__.startswith("tensorflow"):
        return _BY_CODE.get(getattr(error, "error_code", 0))
    return None


def _innermost(error: BaseException) -> BaseException:
    """The error that Beam wraps: it keeps one for each path."""
    details = getattr(error, "exception_details", None)
    if isinstance(details, dict) and details:
        first = next(iter(details.values()))
        return _innermost(first) if isinstance(first, BaseException) else error
    return error


def _sentence(place: str, cause: Cause, error: BaseException) -> SluiceError:
    bucket = "/".join(place.split("/")[:3])
    if cause is Cause.CREDENTIALS:
        sentence = f"{place} needs credentials of Google Cloud, and there are none or they have expired."
        return SluiceError(sentence, LOGIN)
    if cause is Cause.ABSENT and place == bucket:
        return SluiceError(f"there is no bucket {bucket}.", f"Make it:  gcloud storage buckets create {bucket}")
    if cause is Cause.ABSENT:
        return SluiceError(f"{place} does not exist.", f"Look:  gcloud storage ls {bucket}")
    if cause is Cause.RIGHTS:
        sentence = f"this account may not read or write {place} ({_first_line(error)})."
        return SluiceError(sentence, f"See who may:  gcloud storage buckets get-iam-policy {bucket}")
    return SluiceError(f"{place} cannot be reached ({_first_line(error)}).", f"Look:  gcloud storage ls {bucket}")


def _first_line(error: BaseException) -> str:
    inner = _innermost(error)
    text = str(getattr(inner, "message", "") or inner)
    return (text.splitlines() or [type(inner).__name__])[0][:300].rstrip(". ")
