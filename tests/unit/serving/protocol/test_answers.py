"""Predictions are answered by the names of the classes, where there are names."""

from __future__ import annotations

import numpy as np
import pytest

from serving.protocol.answers import answers_of
from serving.protocol.errors import RequestError


def test_a_sigmoid_is_the_probability_of_the_second_class() -> None:
    answers = answers_of({"predictions": np.array([[0.25], [0.75]])}, ["no", "yes"])
    assert answers == [
        {"label": "no", "probability": 0.75, "scores": {"no": 0.75, "yes": 0.25}},
        {"label": "yes", "probability": 0.75, "scores": {"no": 0.25, "yes": 0.75}},
    ]


def test_a_softmax_has_a_score_a_class() -> None:
    [answer] = answers_of({"predictions": np.array([[0.125, 0.625, 0.25]])}, ["a", "b", "c"])
    assert answer == {"label": "b", "probability": 0.625, "scores": {"a": 0.125, "b": 0.625, "c": 0.25}}


@pytest.mark.parametrize("classes", [[], ["a"], ["a", "b", "c", "d"]])
def test_without_fitting_names_the_outputs_are_as_they_are(classes: list[str]) -> None:
    assert answers_of({"predictions": np.array([[0.125, 0.625, 0.25]])}, classes) == [[0.125, 0.625, 0.25]]


def test_several_outputs_are_named_a_row() -> None:
    outputs = {"score": np.array([0.5, 1.0]), "word": np.array([b"a", b"b"], dtype=object)}
    assert answers_of(outputs, []) == [{"score": 0.5, "word": "a"}, {"score": 1.0, "word": "b"}]


def test_bytes_that_are_no_text_are_answered_whole() -> None:
    outputs = {"code": np.array(["é".encode(), b"\xff\x00"], dtype=object)}
    assert answers_of(outputs, []) == ["é", {"b64": "/wA="}]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_prediction_that_is_no_number_is_the_models_fault(value: float) -> None:
    with pytest.raises(RequestError, match="instance 1") as refused:
        answers_of({"predictions": np.array([[0.5], [value]])}, ["no", "yes"])
    assert refused.value.code == 500
