"""Sends a message as JSON to a webhook: tried again while the receiver fails, and given up soon.

The address and the secret may be in environment variables. Neither stands in any sentence of this file, for libraries
put an address into the messages of their errors, and with it what is secret in it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

SIGNATURE = "X-Sluice-Signature"
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


def _sent(webhook: Webhook, event: str, message: Mapping[str, Any]) -> str:
    body = json.dumps({"event": event, **message}, ensure_ascii=False).encode()
    retrying = Retrying(
        stop=stop_after_attempt(webhook.attempts),
        wait=wait_exponential(multiplier=0.5, max=4),
        retry=retry_if_exception_type(_NotTakenError),
    )
    try:
        address, headers = _address(webhook), {**_JSON, **_credentials(webhook, body)}
        retrying(_post, address, body, headers, webhook.timeout_seconds)
    except RetryError as given_up:
        reason = given_up.last_attempt.exception()
        return f"the webhook did not take the message `{event}`, tried {webhook.attempts} times: {reason}."
    except _RefusedError as refusal:
        return f"the webhook did not take the message `{event}`: {refusal}."
    return ""


_JSON = {"Content-Type": "application/json", "User-Agent": "sluice"}


def _post(address: str, body: bytes, headers: Mapping[str, str], timeout: float) -> None:
    host = urlsplit(address).hostname
    try:
        # Redirected, a POST would become a GET, and the secret would go to another host.
        with requests.post(
            address, data=body, headers=dict(headers), timeout=timeout, allow_redirects=False, stream=True
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


def _address(webhook: Webhook) -> str:
    if "://" in webhook.address:
        return webhook.address
    found = os.environ.get(webhook.address, "")
    if not found:
        raise _RefusedError(f"the environment variable {webhook.address}, which holds its address, is not set")
    return found


def _credentials(webhook: Webhook, body: bytes) -> dict[str, str]:
    if webhook.secret is None:
        return {}
    secret = os.environ.get(webhook.secret, "")
    if not secret:
        raise _RefusedError(f"the environment variable {webhook.secret}, which holds its secret, is not set")
    if webhook.sign == "bearer":
        return {"Authorization": f"Bearer {secret}"}
    return {SIGNATURE: f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}
