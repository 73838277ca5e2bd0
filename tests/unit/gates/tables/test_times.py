"""Texts that are times or spans of time."""

from __future__ import annotations

import pytest

from gates.tables.times import epoch_scale, holds_periods


@pytest.mark.parametrize(
    "values",
    [
        ["2024-03-01", "2024-03-02T10:00:00Z"],
        ["31.12.2023", "01.01.2024"],
        ["2024-01", "2024-02"],
        ["2024W05", "2024-W06"],
        ["2023-Q4", "2024q1"],
        ["January", "February"],
        ["Mon", "Tue", "Wed"],
    ],
)
def test_times_and_spans_of_time_are_no_closed_set(values: list[str]) -> None:
    assert holds_periods(values)


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["Cash", "Credit Card"],
        ["2024-13", "2024-01"],
        ["60612", "60601"],
        ["January", "other"],
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    ],
)
def test_other_words_and_a_whole_week_are(values: list[str]) -> None:
    assert not holds_periods(values)


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6, 1e9])
def test_numbers_of_this_century_are_times_in_one_unit(scale: float) -> None:
    assert epoch_scale(1.0e9 * scale, 1.7e9 * scale) == scale
    assert epoch_scale(1.0, 1.7e9 * scale) is None
