"""What becomes of a check whose service answers strangely."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials

from cloud.google_api import GoogleApi
from cloud.preflight.check import Caller, cloud_check, plan_check
from cloud.preflight.outcome import Failed, NotChecked, Outcome, Passed
from cloud.preflight.plan import Plan
from core.errors import SluiceError

PLAN = Plan("p", "europe-west4", "b", "image", "job", "c0de")
PAGES = {"/portal": b"<html>Log in to the hotel's network</html>", "/list": b"[1, 2]", "/object": b'{"another": 1}'}


class _Strange(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGES[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Strange)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def caller() -> Caller:
    return Caller("user:someone", GoogleApi(AnonymousCredentials()))


def outcome_at(url: str) -> Outcome:
    @cloud_check("strange", "strange")
    def check(_: Plan, asked_by: Caller) -> Outcome:
        return Passed(str(asked_by.api.get(url)["name"]))

    return check.row(PLAN, caller).outcome


@pytest.mark.parametrize("page", ["portal", "list"])
def test_an_answer_that_is_no_object_comes_from_somebody_else(address: str, page: str) -> None:
    assert outcome_at(f"{address}/{page}") == NotChecked("127.0.0.1 cannot be reached.")


def test_an_object_without_what_is_needed_is_not_checked(address: str) -> None:
    found = outcome_at(f"{address}/object")
    assert isinstance(found, NotChecked)
    assert "in a form that is not known (KeyError: 'name')" in found.why


def test_an_error_of_ours_fails_the_row_with_its_command() -> None:
    @plan_check("ours", "ours")
    def check(_: Plan) -> Outcome:
        raise SluiceError("it is wrong.", "Mend it:  mend")

    assert check.row(PLAN, caller).outcome == Failed("it is wrong.", "Mend it:  mend")
