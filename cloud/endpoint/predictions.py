"""Requests for predictions over HTTP, to the dedicated host of an endpoint, its private address or the region's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import google.auth
import requests
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession

from cloud.calls import errors_in_one_sentence
from cloud.place import Place
from cloud.preflight.credentials import SCOPE
from serving.contract import EndpointDownError, PredictionRefusedError

# As long as Vertex AI itself waits for a model on a shared endpoint.
_ANSWER_SECONDS = 60.0


class Predictions:
    """Asks endpoints of one place; `private` are the addresses of private ones by their ids."""

    def __init__(self, place: Place, private: Mapping[str, str] = MappingProxyType({})) -> None:
        self._place = place
        self._private = private

    def ask(self, endpoint: Any, body: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The answer of an endpoint, and its headers.

        Raises:
          PredictionRefusedError: when it answers with an error.
          EndpointDownError: when nothing answers.
          SluiceError: when there are no credentials.
        """
        address = self._address_of(endpoint)
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        with errors_in_one_sentence("the endpoint cannot be asked", self._place):
            session = self._session
        try:
            url = f"{address}/v1/{endpoint.name}:predict"
            response = session.post(url, data=data, headers=headers, timeout=_ANSWER_SECONDS)
        except (requests.RequestException, GoogleAuthError) as problem:
            raise EndpointDownError(f"the endpoint at {address} does not answer: {problem}") from problem
        if response.status_code != 200:
            raise PredictionRefusedError(response.status_code, _message(response.content))
        return dict(response.json()), dict(response.headers)

    @cached_property
    def _session(self) -> AuthorizedSession:
        credentials, _ = google.auth.default(scopes=[SCOPE])
        return AuthorizedSession(credentials)

    def _address_of(self, endpoint: Any) -> str:
        if endpoint.private_service_connect_config.enable_private_service_connect:
            address = self._private.get(endpoint.name.rpartition("/")[2])
            if not address:
                raise EndpointDownError(
                    f"the endpoint {endpoint.display_name} is private, and its address in this network is not known.",
                    "In the environment's file:  private_address: https://…    private_candidate_address: https://…",
                )
            return address.rstrip("/")
        host = endpoint.dedicated_endpoint_dns.removeprefix("https://") or self._place.host
        return f"https://{host}"


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:200] or "no reason was given"
