"""The rules of a traffic split."""

from __future__ import annotations

import pytest
from google.api_core import exceptions

from cloud.testing.vertex.traffic import after_deploying, after_undeploying, checked


def test_a_split_adds_up_to_100_or_is_empty() -> None:
    assert checked({"1": 90, "2": 10}, ["1", "2"]) == {"1": 90, "2": 10}
    assert checked({}, ["1"]) == {}
    for wrong in ({"1": 99}, {"1": 101}, {"1": 150, "2": -50}, {"3": 100}):
        with pytest.raises(exceptions.InvalidArgument):
            checked(wrong, ["1", "2"])


def test_zero_stands_for_the_model_that_is_being_deployed() -> None:
    assert after_deploying({"1": 100}, {"1": 95, "0": 5}, "7", ["1"]) == {"1": 95, "7": 5}
    assert after_deploying({"1": 100}, {}, "7", ["1"]) == {"1": 100}


def test_a_model_goes_once_its_traffic_is_gone() -> None:
    assert after_undeploying({"1": 100, "2": 0}, {}, "2", ["1", "2"]) == {"1": 100}
    assert after_undeploying({"1": 50, "2": 50}, {"1": 100}, "2", ["1", "2"]) == {"1": 100}
    assert after_undeploying({"2": 100}, {}, "2", ["2"]) == {}
    with pytest.raises(exceptions.FailedPrecondition, match="50 %"):
        after_undeploying({"1": 50, "2": 50}, {}, "2", ["1", "2"])
