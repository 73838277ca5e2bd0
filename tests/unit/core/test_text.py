"""Parts of messages."""

from __future__ import annotations

import pytest

from core.text import counted, did_you_mean, listed, nearest, number_within, p_value_text, plural, shortened, suggestion

COLUMNS = ["fare", "tips", "trip_miles"]


def test_names_the_nearest_known_name() -> None:
    assert did_you_mean("trip_mile", COLUMNS, ".") == "; did you mean `trip_miles`?"
    assert did_you_mean("payment", COLUMNS, f"; it has {listed(COLUMNS)}.") == "; it has fare, tips and trip_miles."
    assert did_you_mean("payment", COLUMNS) == ""


def test_a_higher_cutoff_requires_a_closer_name() -> None:
    assert nearest("tap", COLUMNS, cutoff=0.5) == "tips"
    assert nearest("tap", COLUMNS, cutoff=0.8) is None


def test_a_name_found_in_another_way_is_suggested_in_the_same_words() -> None:
    assert suggestion("fare") == did_you_mean("fares", COLUMNS)
    assert suggestion(None) == ""


@pytest.mark.parametrize(
    ("words", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_a_list_in_words(words: list[str], text: str) -> None:
    assert listed(words) == text
    assert listed(words, last="or") == text.replace("and", "or")


def test_a_long_list_says_what_it_leaves_out() -> None:
    words = ["a", "b", "c", "d"]
    assert shortened(words, 2) == "a, b and 2 more"
    assert shortened(words, 3, between="; ", rest="others") == "a; b; c and others"
    assert shortened(words, 4) == "a, b, c, d"
    assert shortened([], 4) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (plural(1, "row"), "row"),
        (plural(0, "row"), "rows"),
        (plural(2, "class", "classes"), "classes"),
        (plural(1, "is", "are"), "is"),
        (counted(1, "class", "classes"), "1 class"),
        (counted(1200, "row"), "1,200 rows"),
        (counted(2, "check", space="_"), "2_checks"),
    ],
)
def test_a_noun_follows_its_count(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize(
    ("bounds", "whole", "text"),
    [
        ({}, False, "a number"),
        ({"ge": 1}, True, "a whole number of at least 1"),
        ({"gt": 0}, True, "a whole number of at least 1"),
        ({"lt": 1, "ge": 0}, False, "a number of at least 0 and below 1"),
        ({"gt": 0, "lt": 1}, False, "a number between 0 and 1"),
        ({"ge": 1, "le": 3}, True, "a whole number from 1 to 3"),
    ],
)
def test_a_number_and_its_bounds_in_words(bounds: dict[str, float], whole: bool, text: str) -> None:
    assert number_within(bounds, whole) == text


@pytest.mark.parametrize(
    ("p_value", "text"),
    [(0.0, "p < 1e-300"), (5e-324, "p < 1e-300"), (1.234e-5, "p = 1.2e-05"), (0.0321, "p = 0.032"), (1.0, "p = 1")],
)
def test_a_p_value_is_never_zero(p_value: float, text: str) -> None:
    assert p_value_text(p_value) == text
