"""Golden requests: within tolerance, in time, and never passed for want of requests."""

from __future__ import annotations

import math

import pytest

from serving.contract import ModelVersion
from serving.rollout.golden import GoldenRequests, check_golden
from serving.watch.decision import Failed, Passed
from tests.samples.endpoints import GOLDEN_ANSWER, MemoryEndpoint

GOLDEN = GoldenRequests([{"trip_miles": 1.0}, {"trip_miles": 2.0}], [GOLDEN_ANSWER, GOLDEN_ANSWER])


def _check(answer: object, golden: GoldenRequests = GOLDEN, budget_ms: float = 1e6) -> Passed | Failed:
    endpoint = MemoryEndpoint(golden={"2": answer})
    endpoint.deploy(ModelVersion("2", "taxi", "2"))
    return check_golden(endpoint, "2", golden, 1e-3, budget_ms)


@pytest.mark.parametrize(
    "answer", [{"tip": 0.25}, {"tip": 0.2509}, {"label": "no", "scores": {"tip": 0.25}}, {"tip": [0.25]}]
)
def test_answers_within_the_tolerance_pass(answer: object) -> None:
    assert isinstance(_check(answer), Passed)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"tip": 0.26}, "`tip` is 0.26 and was 0.25"),
        ({"tip": math.nan}, "`tip` is nan"),
        ({"tips": 0.25}, "its scores are tips, and were tip"),
        ("no numbers", "its scores are none"),
        (500, "the error 500"),
    ],
)
def test_other_answers_fail_with_the_request_and_the_difference(answer: object, reason: str) -> None:
    found = _check(answer)
    assert isinstance(found, Failed)
    assert found.reason.startswith("Golden request 1 was answered ")
    assert reason in found.reason


def test_slow_answers_fail() -> None:
    found = _check(GOLDEN_ANSWER, budget_ms=0.0)
    assert isinstance(found, Failed)
    assert "budget 0 ms" in found.reason


def test_without_golden_requests_nothing_passes() -> None:
    assert isinstance(_check(GOLDEN_ANSWER, GoldenRequests([], [])), Failed)
