"""JSON instances become arrays of the signature's types, or a sentence that names what does not fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from serving.protocol.errors import RequestError
from serving.protocol.signature import Feature, columns_of

FARE = Feature("fare", "float32", missing=math.nan)
COMPANY = Feature("company", "string", missing="")
AREA = Feature("area", "int64", missing=-(2**63))
HOUR = Feature("hour", "int64")
PIXELS = Feature("pixels", "float32", (2, 2, 1))
WORDS = Feature("words", "string", (2,))


def test_one_array_a_feature_of_its_type() -> None:
    columns = columns_of([{"fare": 1, "company": "A", "hour": 3}, {"hour": 4}], [FARE, COMPANY, AREA, HOUR])
    assert {name: column.dtype for name, column in columns.items()} == {
        "fare": np.float32,
        "company": object,
        "area": np.int64,
        "hour": np.int64,
    }
    np.testing.assert_array_equal(columns["fare"], np.array([1, math.nan], np.float32))
    assert columns["company"].tolist() == [b"A", b""]
    assert columns["area"].tolist() == [-(2**63)] * 2
    assert columns["hour"].tolist() == [3, 4]


def test_whole_numbers_keep_every_digit() -> None:
    large = [2**63 - 1, -(2**63), 2**53 + 1]
    assert columns_of([{"hour": each} for each in large], [HOUR])["hour"].tolist() == large


def test_lists_of_lists_become_tensors() -> None:
    columns = columns_of([{"pixels": [[[0], [1]], [[0.5], [2]]], "words": ["a", "é"]}], [PIXELS, WORDS])
    assert columns["pixels"].dtype == np.float32
    assert columns["pixels"].shape == (1, 2, 2, 1)
    assert columns["words"].tolist() == [[b"a", "é".encode()]]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [[[0], [1]]],
        [[[0], [1]], [[0]]],
        [[["a"], [1]], [[0], [1]]],
        [[[None], [1]], [[0], [1]]],
        3,
        {"b64": 1},
    ],
)
def test_another_shape_is_refused(value: Any) -> None:
    with pytest.raises(RequestError, match=r'instance 1: feature "pixels": expected lists of shape \[2, 2, 1\]'):
        columns_of([{"pixels": [[[0], [1]], [[0], [1]]]}, {"pixels": value}], [PIXELS])


def test_values_beyond_the_type_are_refused_in_lists_too() -> None:
    bytes_ = Feature("bytes", "uint8", (2,))
    assert columns_of([[0, 255]], [bytes_])["bytes"].tolist() == [[0, 255]]
    for wrong in ([0, 256], [-1, 0], [0, 2**70]):
        with pytest.raises(RequestError, match="bytes"):
            columns_of([wrong], [bytes_])
    with pytest.raises(RequestError, match="float32 can hold"):
        columns_of([{"pixels": [[[1e39], [0]], [[0], [0]]]}], [PIXELS])


@pytest.mark.parametrize(
    ("feature", "value", "got"),
    [
        (COMPANY, {"b64": "!!"}, 'got a "b64" that is no base64'),
        (FARE, {"b64": "MTI="}, 'got bytes as {"b64": …}'),
        (COMPANY, {"name": "A"}, "got an object of 1 key"),
        (COMPANY, {}, "got an object of 0 keys"),
        (PIXELS, {"b64": "MTI="}, "got bytes that are no PNG or JPEG"),
        (PIXELS, [[[0], [1]], [[0]]], "got lists of unlike lengths"),
        (PIXELS, [[[0], [1]]], "got lists of shape [1, 2, 1], of whole numbers"),
        (Feature("bytes", "uint8", (2,)), [0.5, 1], "got lists of shape [2], of numbers"),
        (WORDS, [True, False], "got lists of shape [2], of true and false"),
        (PIXELS, None, "got nothing"),
    ],
)
def test_what_a_client_sent_is_named_in_words_of_our_own(feature: Feature, value: Any, got: str) -> None:
    with pytest.raises(RequestError) as refused:
        columns_of([{feature.name: value}], [feature])
    assert refused.value.message.endswith(got)


def test_a_very_deep_list_is_refused() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    with pytest.raises(RequestError, match="pixels"):
        columns_of([{"pixels": deep}], [PIXELS])


def test_a_long_value_is_not_repeated_whole() -> None:
    with pytest.raises(RequestError) as refused:
        columns_of([{"hour": "x" * 10_000}], [HOUR])
    assert len(refused.value.message) < 200
