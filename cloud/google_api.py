"""Small REST calls to Google's services: a token, a timeout, retries, and errors as typed exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from google.api_core import exceptions, retry
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession

PATIENCE_SECONDS = 10.0
_PASSING = (
    exceptions.TooManyRequests,
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.ServiceUnavailable,
    exceptions.GatewayTimeout,
)


class UnreachableError(Exception):
    """No answer came from a host."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} cannot be reached")
        self.host = host


class GoogleApi:
    """Calls with the token of `credentials`; one instance is for one thread.

    Failures that pass by themselves (429, 500, 502, 503, 504) are tried again for `patience` seconds; a host that does
    not answer in about as long is not asked again.
    """

    def __init__(self, credentials: Credentials, patience: float = PATIENCE_SECONDS) -> None:
        self._session = AuthorizedSession(credentials)
        self._patience = patience
        self._timeouts = (patience / 2, patience * 1.5)  # seconds to connect, seconds to answer

    def as_another(self, credentials: Credentials) -> GoogleApi:
        """Calls with other credentials and the same patience."""
        return GoogleApi(credentials, self._patience)

    def get(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The JSON object at `url`.

        Raises:
          GoogleAPICallError: with the service's own words, when it refuses.
          UnreachableError: when no answer comes.
        """
        return self._call("GET", url, params=params, headers=headers)

    def post(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that a POST of `body` returns.

        Raises:
          GoogleAPICallError: with the service's own words, when it refuses.
          UnreachableError: when no answer comes.
        """
        return self._call("POST", url, json=body)

    def put(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that a PUT of `body` returns.

        Raises:
          GoogleAPICallError: with the service's own words, when it refuses.
          UnreachableError: when no answer comes.
        """
        return self._call("PUT", url, json=body)

    def _call(self, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        again = retry.Retry(
            predicate=retry.if_exception_type(*_PASSING), initial=0.2, maximum=3.0, timeout=self._patience
        )
        try:
            return again(self._once)(method, url, **arguments)
        except exceptions.RetryError as given_up:
            raise given_up.cause from None

    def _once(self, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        try:
            response = self._session.request(method, url, timeout=self._timeouts, **arguments)
        except GoogleAuthError as problem:
            raise exceptions.Unauthenticated(str(problem.args[0] if problem.args else problem)) from problem
        except requests.RequestException as problem:
            raise UnreachableError(urlsplit(url).hostname or url) from problem
        document = _json(response)
        if not response.ok:
            error = (document or {}).get("error")
            message = error.get("message") if isinstance(error, dict) else None
            raise exceptions.from_http_status(response.status_code, message or response.reason or "no reason given")
        if document is None:
            # A network that asks for a login answers every request with a page of its own.
            raise UnreachableError(urlsplit(url).hostname or url)
        return document


def _json(response: requests.Response) -> dict[str, Any] | None:
    try:
        document = response.json()
    except requests.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
