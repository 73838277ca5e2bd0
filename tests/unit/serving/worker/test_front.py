"""The worker's HTTP face behind a front: what it answers, and what it notes for the router."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from serving.log.answer_line import BODY_BYTES
from serving.protocol.errors import RequestError
from serving.protocol.identity import Identity
from serving.protocol.notes import Note
from serving.worker.front import Access, FrontApp
from serving.worker.plan import FrontPlan
from serving.worker.request import Reply

IDENTITY = Identity("7", "taxi", "1795")
IDS = {"deployedModelId": "7", "model": "taxi", "modelVersionId": "1795"}
PREDICT = "/v1/models/taxi:predict"


class _Predictor:
    """Answers by what the body says."""

    async def answer(self, body: bytes, form: str) -> Reply:
        if body == b"refuse":
            raise RequestError(429, "too many")
        if body == b"fail":
            raise ValueError("a defect")
        return Reply(b'{"predictions":["%s"]}' % body)


def _asked(
    body: bytes, path: str = PREDICT, log_share: float = 0, is_copy: bool = False, **headers: str
) -> tuple[httpx.Response, list[Note]]:
    notes: list[Note] = []
    predictor: Any = _Predictor()
    plan = FrontPlan(IDENTITY, "", "", log_share)
    app: Any = FrontApp(predictor, plan, Access("token", 200_000), notes.append, is_copy)

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.post(path, content=body, headers={"Authorization": "Bearer token", **headers})

    return asyncio.run(run()), notes


def test_an_answer_names_who_gave_it_and_is_noted_as_the_version_gave_it() -> None:
    answer, (note,) = _asked(b"x", log_share=100, **{"X-Request-Id": "ours"})
    assert answer.json() == {"predictions": ["x"], **IDS}
    assert answer.headers["X-Vertex-AI-Deployed-Model-Id"] == "7"
    assert answer.headers["X-Request-Id"] == "ours"
    assert (note.code, note.request_id, note.is_copy) == (200, "ours", False)
    assert (note.request, note.answer) == (b"x", b'{"predictions":["x"]}')


def test_a_raw_answer_has_the_ids_in_its_headers_alone() -> None:
    answer, _ = _asked(b"x", "/v1/projects/p/locations/l/endpoints/taxi:rawPredict")
    assert answer.json() == {"predictions": ["x"]}
    assert answer.headers["X-Vertex-AI-Model-Version-Id"] == "1795"


@pytest.mark.parametrize(("body", "code"), [(b"refuse", 429), (b"fail", 500)])
def test_what_is_not_answered_is_noted_without_the_request(body: bytes, code: int) -> None:
    answer, (note,) = _asked(body, log_share=100)
    assert (answer.status_code, note.code, note.request) == (code, code, b"")
    assert answer.json()["error"]["code"] == code
    assert "a defect" not in answer.text


@pytest.mark.parametrize(
    ("body", "headers", "code"), [(b"x", {"Authorization": "Bearer no"}, 401), (b" " * 200_001, {}, 413)]
)
def test_what_is_refused_before_the_version_is_asked_is_not_noted(
    body: bytes, headers: dict[str, str], code: int
) -> None:
    answer, notes = _asked(body, **headers)
    assert (answer.status_code, notes) == (code, [])


def test_a_copy_is_noted_as_one_and_never_logged() -> None:
    _, (note,) = _asked(b"x", log_share=100, is_copy=True)
    assert (note.is_copy, note.request) == (True, b"")


def test_of_an_answer_that_is_not_logged_the_beginning_is_noted() -> None:
    answer, (note,) = _asked(b"x" * 100_000)
    assert len(answer.content) > 100_000
    assert (len(note.answer), note.request) == (BODY_BYTES, b"")
