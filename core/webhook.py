"""Sends a message as JSON to a webhook: tried again while the receiver fails, and given up soon.

The address and the secret may be in environment variables. Neither stands in any sentence of this file, for libraries
put an address into the messages of their errors, and with it what is secret in it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import requests

SIGNATURE = "X-Sluice-Signature"
_IN_A_HEADER = re.compile(r"[\x21-\x7e]+")
_WORTH_ANOTHER = (408, 425, 429)  # and all from 500 on


@dataclass(frozen=True)
class Webhook:
    """Where messages go, and which. `secret` is sent as a bearer token, or signs the body (`sign`)."""

    address: str
    """https://…, or the name of an environment variable that holds such an address."""
    events: tuple[str, ...]
    """The events that are sent; others are not."""
    secret: str | None = None
    """The name of the environment variable that holds the secret; None: there is none."""
    sign: Literal["bearer", "hmac"] = "bearer"
    """`hmac`: the header X-Sluice-Signature has `sha256=` and the HMAC-SHA256 of the body."""
    attempts: int = 3
    timeout_seconds: float = 5.0
    """How long one attempt may take to connect, and then to answer."""
    longest_seconds: float = 20.0
    """After so long it is given up, whatever the receiver does."""


@dataclass(frozen=True)
class Notice:
    """What a person learns of a run, or of a rollout that ended without one (`run_id` is None)."""

    workload: str
    run_id: str | None
    outcome: str
    exit_code: int
    reason: str
    next_command: str
    pushed_version: str | None

    def message(self) -> Mapping[str, Any]:
        """As it is sent."""
        return {**asdict(self), "exit_code": int(self.exit_code)}


class _NotTakenError(Exception):
    """The message did not arrive, in words. The receiver may take it the next time."""


class _RefusedError(Exception):
    """The message did not arrive, in words, and another attempt would end in the same way."""


def send(webhook: Webhook, event: str, message: Mapping[str, Any]) -> str:
    """Sends the message when the webhook is for this event; returns what went wrong, in one sentence, or nothing."""
    if event not in webhook.events:
        return ""
    problems: list[str] = []
    # A receiver that sends a byte now and then would hold any client for as long as it likes.
    thread = threading.Thread(target=lambda: problems.append(_sent(webhook, event, message)), daemon=True)
    thread.start()
    thread.join(webhook.longest_seconds)
    if not problems:
        return f"the webhook did not take the message `{event}` within {webhook.longest_seconds:g} s."
    return problems[0]


def is_in_the_open(address: str) -> bool:
    """Whether what is sent to this address can be read on the way: http:// to another machine."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    return parts.scheme == "http" and host != "localhost" and not _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _sent(webhook: Webhook, event: str, message: Mapping[str, Any]) -> str:
    # Here, as the light installation has the types of the configuration, and neither of the two packages.
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    body = json.dumps({"event": event, **message}, ensure_ascii=False).encode()
    retrying = Retrying(
        stop=stop_after_attempt(webhook.attempts),
        wait=wait_exponential(multiplier=0.5, max=4),
        retry=retry_if_exception_type(_NotTakenError),
    )
    try:
        address, headers = _address(webhook), {**_JSON, **_credentials(webhook, body)}
        if "Authorization" in headers and is_in_the_open(address):
            raise _RefusedError("its address is http://, which would send the secret in the open")
        retrying(_post, address, body, headers, webhook.timeout_seconds)
    except RetryError as given_up:
        reason = given_up.last_attempt.exception()
        return f"the webhook did not take the message `{event}`, tried {webhook.attempts} times: {reason}."
    except _RefusedError as refusal:
        return f"the webhook did not take the message `{event}`: {refusal}."
    except Exception as problem:
        # Its message may hold the address or the secret.
        return f"the webhook was not sent the message `{event}`: an unexpected {type(problem).__name__}."
    return ""


_JSON = {"Content-Type": "application/json", "User-Agent": "sluice"}


def _post(address: str, body: bytes, headers: Mapping[str, str], timeout: float) -> None:
    import requests

    host = urlsplit(address).hostname

    def with_ours(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(headers)
        return request

    try:
        # Redirected, a POST would become a GET, and the secret would go to another host. Without `auth`, an entry of
        # ~/.netrc for this host would replace our header.
        with requests.post(
            address, data=body, auth=with_ours, timeout=timeout, allow_redirects=False, stream=True
        ) as response:
            code = response.status_code
    except requests.exceptions.SSLError:
        raise _RefusedError(f"{host} cannot prove by its certificate that it is {host}") from None
    except requests.exceptions.Timeout:
        raise _NotTakenError(f"{host} did not answer within {timeout:g} s") from None
    except requests.exceptions.ConnectionError:
        raise _NotTakenError(f"{host} cannot be reached") from None
    except requests.exceptions.RequestException as problem:
        raise _RefusedError(f"it cannot be sent ({type(problem).__name__})") from None
    if code in _WORTH_ANOTHER or code >= 500:
        raise _NotTakenError(f"{host} answered with HTTP {code}")
    if code >= 300:
        raise _RefusedError(f"{host} answered with HTTP {code}")


def _checked(address: str) -> str:
    try:
        is_address = bool(urlsplit(address).hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise _RefusedError("its address is not one: https://HOST/PATH is")
    return address


def _address(webhook: Webhook) -> str:
    if "://" in webhook.address:
        return _checked(webhook.address)
    found = os.environ.get(webhook.address, "")
    if not found:
        raise _RefusedError(f"the environment variable {webhook.address}, which holds its address, is not set")
    return _checked(found)


def _credentials(webhook: Webhook, body: bytes) -> dict[str, str]:
    if webhook.secret is None:
        return {}
    secret = os.environ.get(webhook.secret, "")
    if not secret:
        raise _RefusedError(f"the environment variable {webhook.secret}, which holds its secret, is not set")
    if webhook.sign == "bearer":
        if not _IN_A_HEADER.fullmatch(secret):
            sentence = f"the environment variable {webhook.secret} holds what no header can"
            raise _RefusedError(f"{sentence}: white space, or letters outside of ASCII")
        return {"Authorization": f"Bearer {secret}"}
    return {SIGNATURE: f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}
