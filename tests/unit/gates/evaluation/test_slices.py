"""Names of slices, and the slices that a limit applies to."""

from __future__ import annotations

import json

import pytest

from gates.evaluation.slices import OVERALL, Slice


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (OVERALL, "overall"),
        (Slice.of({}), "overall"),
        (Slice.of({"trip_start_hour": 9, "company": "Flash Cab"}), "company=Flash Cab, trip_start_hour=9"),
        (Slice.of({"company": "Taxi, Inc.", "trip_start_hour": 9}), "company=Taxi, Inc., trip_start_hour=9"),
        (Slice.of({"company": ""}), "company="),
        (Slice.of({"a": "x=y"}), "a=x=y"),
        (Slice.of({"class of": "A"}), "class of=A"),
        (Slice.of_class("Pullover"), "class Pullover"),
        (Slice.of_class("Shirt, white"), "class Shirt, white"),
        (Slice.of_class(2), "class 2"),
    ],
)
def test_a_name_says_which_slice_it_is(where: Slice, name: str) -> None:
    assert where.name == name
    assert Slice.parse(name) == where


@pytest.mark.parametrize(
    "where",
    [
        OVERALL,
        Slice.of({"company": "A, hour=9", "hour": 9}),
        Slice.of({"company": ""}),
        Slice.of_class("<=50K"),
        Slice.of_class("overall"),
    ],
)
def test_a_stored_slice_is_read_back_whatever_its_values_look_like(where: Slice) -> None:
    assert Slice.from_json(json.loads(json.dumps(where.to_json()))) == where


def test_a_slice_that_an_earlier_version_stored_by_its_name_is_read() -> None:
    assert Slice.from_json("company=A") == Slice.of({"company": "A"})


def test_a_slice_is_read_with_commas_in_its_values() -> None:
    where = Slice.parse("company=Taxi, Inc., trip_start_hour=9")
    assert where.columns == ("company", "trip_start_hour")
    assert [value for _, value in where.values] == ["Taxi, Inc.", "9"]


@pytest.mark.parametrize(
    ("limit", "where", "bears"),
    [
        (OVERALL, "overall", True),
        (OVERALL, "company=A", False),
        (Slice.of({"company": "*"}), "company=A", True),
        (Slice.of({"company": "*"}), "overall", False),
        (Slice.of({"company": "*"}), "company=A, trip_start_hour=9", False),
        (Slice.of({"company": "A"}), "company=B", False),
        (Slice.of({"trip_start_hour": 9, "company": "*"}), "company=A, trip_start_hour=9", True),
        (Slice.of_class("*"), "class A", True),
        (Slice.of_class("A"), "class A", True),
        (Slice.of_class("A"), "class B", False),
        (Slice.of_class("*"), "overall", False),
        (OVERALL, "class A", False),
    ],
)
def test_a_limit_bears_on_the_slices_it_names(limit: Slice, where: str, bears: bool) -> None:
    assert limit.covers(Slice.parse(where)) is bears


def test_a_limit_on_every_value_bears_on_one_that_looks_like_another_column() -> None:
    assert Slice.of({"company": "*"}).covers(Slice.of({"company": "A, hour=1"}))
