"""Slices of a wide table are bounded, and every column is judged within those that are looked at."""

from __future__ import annotations

from gates.verdict.catalogue import check_named
from tests.samples.wide_tables import wide


def test_slices_of_a_wide_table_are_bounded_and_the_bound_is_stated() -> None:
    found = check_named("slice_distribution").measure(wide(300, slices=True), 0.2)
    assert len(found) == 300  # every column is judged, within the slices by some
    assert {each.looked_at for each in found} == {
        "looked at slices by 166 of 300 columns, names before numbers, drawn with seed 0"
    }
    assert not [each for each in found if each.is_beyond]
