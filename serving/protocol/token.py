"""The token by which an endpoint lets callers in."""

from __future__ import annotations

import hmac

from serving.protocol.errors import RequestError

# The environment variable that holds the token of an endpoint on this machine.
TOKEN = "SLUICE_SERVING_TOKEN"
_BEARER = "bearer "


def check_authorization(given: str, token: str) -> None:
    """Lets in who gives this header, or this entry of the metadata in gRPC; without a token, everybody.

    Raises:
      RequestError: 401 without the token.
    """
    if not token:
        return
    found = given[len(_BEARER) :] if given.lower().startswith(_BEARER) else ""
    if not hmac.compare_digest(found.encode(), token.encode()):
        raise RequestError(401, "this endpoint asks for the header `Authorization: Bearer TOKEN`")
