"""A message arrives once the receiver takes it, and a receiver that does not holds nobody."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
from pathlib import Path

import pytest

from cloud.testing.certificates import Authority, server_context
from core.webhook import SIGNATURE, Webhook, is_in_the_open, send
from tests.samples.receivers import receiving

MESSAGE = {"workload": "taxi", "reason": "golden request 1 – answered otherwise"}
SECRET = "do-not-tell"


def _webhook(address: str, **more: object) -> Webhook:
    return Webhook(**{"address": address, "events": ("refused",), **more})  # type: ignore[arg-type]


def test_a_receiver_that_fails_once_gets_the_message_again() -> None:
    with receiving(500, 200) as receiver:
        assert send(_webhook(receiver.url), "refused", MESSAGE) == ""
    first, second = receiver.requests
    assert first.body == second.body
    assert json.loads(second.body) == {"event": "refused", **MESSAGE}
    assert second.headers["Content-Type"] == "application/json"


def test_a_receiver_that_always_fails_is_given_up_with_its_answer() -> None:
    with receiving(503) as receiver:
        problem = send(_webhook(receiver.url, attempts=2), "refused", MESSAGE)
    assert problem == (
        "the webhook did not take the message `refused`, tried 2 times: 127.0.0.1 answered with HTTP 503."
    )
    assert len(receiver.requests) == 2


@pytest.mark.parametrize("code", [302, 401, 404])
def test_a_receiver_that_does_not_want_it_is_asked_once(code: int) -> None:
    with receiving(code) as receiver:
        problem = send(_webhook(receiver.url), "refused", MESSAGE)
    assert f"answered with HTTP {code}" in problem
    assert len(receiver.requests) == 1


def test_an_event_that_is_not_wanted_is_not_sent() -> None:
    with receiving() as receiver:
        assert send(_webhook(receiver.url), "failed", MESSAGE) == ""
        assert send(_webhook(receiver.url), "", MESSAGE) == ""
    assert receiver.requests == []


def test_a_silent_receiver_is_given_up_after_each_attempt() -> None:
    with receiving(0) as receiver:
        problem = send(_webhook(receiver.url, attempts=2, timeout_seconds=0.05), "refused", MESSAGE)
        assert "tried 2 times: 127.0.0.1 did not answer within 0.05 s" in problem
        assert len(receiver.requests) == 2


def test_a_receiver_that_holds_the_connection_open_is_given_up_as_a_whole() -> None:
    with receiving(0) as receiver:
        problem = send(_webhook(receiver.url, timeout_seconds=600, longest_seconds=0.2), "refused", MESSAGE)
        assert problem == "the webhook did not take the message `refused` within 0.2 s."


def test_a_certificate_of_nobody_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    context = server_context(Authority().issue(["127.0.0.1"]), tmp_path)
    with receiving(tls=context) as receiver:
        problem = send(_webhook(receiver.url, secret=None), "refused", MESSAGE)
    assert "127.0.0.1 cannot prove by its certificate that it is 127.0.0.1" in problem
    assert receiver.requests == []


def test_where_nothing_listens_one_sentence_says_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        problem = send(_webhook(f"http://127.0.0.1:{taken.getsockname()[1]}/", attempts=2), "refused", MESSAGE)
    assert "tried 2 times: 127.0.0.1 cannot be reached" in problem


def test_the_secret_is_a_bearer_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    with receiving() as receiver:
        assert send(_webhook(receiver.url, secret="HOOK_SECRET"), "refused", MESSAGE) == ""
    assert receiver.requests[0].headers["Authorization"] == f"Bearer {SECRET}"


def test_or_it_signs_the_body_and_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    with receiving() as receiver:
        assert send(_webhook(receiver.url, secret="HOOK_SECRET", sign="hmac"), "refused", MESSAGE) == ""
    [request] = receiver.requests
    expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers[SIGNATURE] == f"sha256={expected}"
    assert SECRET not in str(request)


def test_without_the_secret_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    with receiving() as receiver:
        problem = send(_webhook(receiver.url, secret="HOOK_SECRET"), "refused", MESSAGE)
    assert "the environment variable HOOK_SECRET, which holds its secret, is not set" in problem
    assert receiver.requests == []


@pytest.mark.parametrize("code", [404, 500])
def test_an_address_in_a_variable_is_used_and_stands_in_no_sentence(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    with receiving(code) as receiver:
        monkeypatch.setenv("HOOK", f"{receiver.url}/{SECRET}")
        problem = send(_webhook("HOOK", attempts=1), "refused", MESSAGE)
    assert len(receiver.requests) == 1
    assert f"HTTP {code}" in problem
    assert SECRET not in problem
    monkeypatch.setenv("HOOK", f"not an address://{SECRET}")
    assert SECRET not in send(_webhook("HOOK"), "refused", MESSAGE)
    monkeypatch.delenv("HOOK")
    assert "HOOK, which holds its address, is not set" in send(_webhook("HOOK"), "refused", MESSAGE)


@pytest.mark.parametrize("secret", ["do-not-tell-ž", "do-not-tell\nX-Other: 1"])
def test_a_secret_that_no_header_can_hold_is_one_sentence_without_it(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("HOOK_SECRET", secret)
    with receiving() as receiver:
        problem = send(_webhook(receiver.url, secret="HOOK_SECRET"), "refused", MESSAGE)
    assert "the environment variable HOOK_SECRET holds what no header can" in problem
    assert SECRET not in problem
    assert receiver.requests == []


@pytest.mark.parametrize(
    "address", ["https://[bad/do-not-tell", "https:///do-not-tell", "https://host:port/do-not-tell"]
)
def test_an_address_that_is_none_is_one_sentence_without_it(address: str) -> None:
    problem = send(_webhook(address), "refused", MESSAGE)
    assert problem.startswith("the webhook did not take the message `refused`: ")
    assert SECRET not in problem


def test_what_nobody_expected_is_one_sentence_with_its_kind_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(dict[str, str]):
        def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
            raise RuntimeError(SECRET)

    monkeypatch.setattr(os, "environ", Closed())
    problem = send(_webhook("HOOK"), "refused", MESSAGE)
    assert problem == "the webhook was not sent the message `refused`: an unexpected RuntimeError."


def test_the_netrc_of_this_user_does_not_replace_the_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    with receiving() as receiver:
        assert send(_webhook(receiver.url, secret="HOOK_SECRET"), "refused", MESSAGE) == ""
        assert send(_webhook(receiver.url), "refused", MESSAGE) == ""
    assert receiver.requests[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert "Authorization" not in receiver.requests[1].headers


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("http://hooks.example.com/x", True),
        ("HTTP://10.0.0.1/x", True),
        ("https://hooks.example.com/x", False),
        ("http://127.0.0.1:8080/x", False),
        ("http://[::1]/x", False),
        ("http://localhost/x", False),
        ("http://localhost.example.com/x", True),
    ],
)
def test_only_https_and_this_machine_keep_what_is_sent_to_themselves(address: str, is_open: bool) -> None:
    assert is_in_the_open(address) is is_open


def test_a_bearer_token_is_not_sent_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "http://hooks.example.invalid/")
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    problem = send(_webhook("HOOK", secret="HOOK_SECRET"), "refused", MESSAGE)
    assert problem.endswith(": its address is http://, which would send the secret in the open.")
