"""The line of an answer: what the watch needs of it, and no more."""

from __future__ import annotations

import math

import orjson
import pytest

from serving.log.answer_line import BODY_BYTES, MOST_SCORES, RecordedAnswer, answer_in, first_scores, line_of
from serving.log.answered import Answered
from serving.watch.window import Observation

ANSWER = {"label": "tip", "probability": 0.7, "scores": {"no tip": 0.3, "tip": 0.7}}


def _body(*predictions: object) -> bytes:
    return orjson.dumps({"predictions": predictions})


def test_a_line_read_again_is_the_answer() -> None:
    line = line_of(Answered(1764400000.1234, "102", 200, 0.00123456, _body(ANSWER), is_copy=True))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    scores = {"no tip": 0.3, "tip": 0.7}
    assert answer_in(line) == RecordedAnswer(1764400000.123, "102", 200, True, Observation(0.001235, scores))


@pytest.mark.parametrize("code", [400, 404, 408, 429, 499, 500, 503, 504])
def test_whatever_is_no_prediction_has_no_scores(code: int) -> None:
    found = answer_in(line_of(Answered(1.0, "102", code, 0.1, _body(ANSWER))))
    assert found is not None
    assert (found.code, found.observation) == (code, Observation(0.1, None))


def test_of_several_instances_the_first_counts_however_many_follow() -> None:
    assert first_scores(_body(ANSWER, *[{"scores": {"tip": 0.0}}] * 10_000)) == {"no tip": 0.3, "tip": 0.7}


def test_an_answer_that_is_too_long_has_no_scores_and_a_short_line() -> None:
    body = _body([0.125] * BODY_BYTES)
    assert first_scores(body) == {}
    assert len(line_of(Answered(1.0, "102", 200, 0.1, body))) < 100


def test_the_scores_of_eight_hundred_classes_are_read() -> None:
    scores = {f"a class with the number {number}": 0.0012345678901234567 for number in range(800)}
    found = first_scores(_body({"label": "a class with the number 1", "scores": scores}))
    assert found == dict(list(scores.items())[:MOST_SCORES])


def test_more_scores_than_a_line_holds_are_cut_off() -> None:
    assert len(first_scores(_body([0.5] * (MOST_SCORES + 1)))) == MOST_SCORES


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"predictions":[]}', b'{"predictions":[{"scores":{"tip":0.', b"\xff\xfe"]
)
def test_a_body_of_another_form_has_no_scores(body: bytes) -> None:
    assert first_scores(body) == {}


def test_a_number_that_json_cannot_hold_comes_back_as_nan() -> None:
    found = answer_in(b'[1.0,"102",200,0.1,0,{"tip":null}]\n')
    assert found is not None
    assert found.observation.scores is not None
    assert math.isnan(found.observation.scores["tip"])


@pytest.mark.parametrize("line", [b"", b"\x00\x00\x00", b"7", b'[1.0,"102",200]', b'[1.0,"102",200,0.1,0,[1]]'])
def test_a_damaged_line_is_no_answer(line: bytes) -> None:
    assert answer_in(line) is None
