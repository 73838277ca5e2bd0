"""The page before any version answers, whatever the endpoint is called."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.local.page.routes import add_page
from serving.local.router import Router, RouterSettings
from serving.log.recorder import AnswerRecorder
from serving.protocol.errors import exception_handlers

ATTACK = "<script>alert(1)</script>"


def _client(name: str = "rides", token: str = "") -> TestClient:
    app = FastAPI(exception_handlers=exception_handlers(), docs_url=None)
    add_page(app, Router(RouterSettings(name, token), AnswerRecorder(lambda _: None), None))
    return TestClient(app)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_name_is_escaped_and_nothing_from_elsewhere_is_named(path: str) -> None:
    page = _client(ATTACK).get(path)
    assert ATTACK not in page.text and "&lt;script&gt;" in page.text
    assert re.findall(r'(?:src|href)="(?!/|#|data:)', page.text) == []
    assert "http" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';") and "unsafe" not in policy


def test_every_file_that_the_page_and_its_scripts_name_is_there() -> None:
    client = _client()
    named = re.findall(r'"(/page/files/[^"]+)"', client.get("/").text)
    scripts = {path for path in named if path.endswith(".js")}
    assert scripts
    looked: set[str] = set()
    while scripts - looked:
        script = sorted(scripts - looked)[0]
        looked.add(script)
        answer = client.get(script)
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/javascript"), script
        scripts |= {f"/page/files/{name}" for name in re.findall(r'from "\./([^"]+)"', answer.text)}
    assert len(looked) == 7
    style = client.get("/page/files/page.css")
    assert style.headers["Content-Type"].startswith("text/css") and "prefers-color-scheme: dark" in style.text


@pytest.mark.parametrize("file", ["nothing.js", "routes.py", "page.html.j2", "..%2Froutes.py"])
def test_no_other_file_is_given_out(file: str) -> None:
    answer = _client().get(f"/page/files/{file}")
    assert (answer.status_code == 404 and "error" in answer.json()) or answer.json() == {"detail": "Not Found"}


def test_with_a_token_the_page_shows_no_links_that_a_browser_cannot_follow() -> None:
    client = _client(token="secret")
    assert "/docs" not in client.get("/").text and client.get("/docs").status_code == 404
    assert {client.get(path).status_code for path in ("/page/state", "/page/form")} == {401}
