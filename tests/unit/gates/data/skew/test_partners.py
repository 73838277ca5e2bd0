"""The pairs of columns that are looked at grow with the columns, not with their square, and hold the closest ones."""

from __future__ import annotations

import numpy as np
import pytest

from gates.data.skew.partners import FEWEST_PARTNERS, MOST_PAIRS, bound_in_words, partners_of


def codes(columns: int, rows: int = 300) -> dict[str, np.ndarray]:
    """Columns of chance, but that the last one follows the first, turned around."""
    found = {f"c{i}": np.random.default_rng(i).integers(0, 10, rows).astype(np.uint8) for i in range(columns)}
    return {**found, "follows": (9 - found["c0"]).astype(np.uint8)}


def test_a_table_within_the_bound_is_looked_at_whole() -> None:
    given = codes(20)
    found = partners_of(given, np.arange(300), 0)
    assert all(partners == [name for name in given if name != own] for own, partners in found.items())
    assert bound_in_words(found, 0) == ""


@pytest.mark.parametrize("columns", [399, 1_499])
def test_a_wide_table_has_so_many_pairs_and_no_more(columns: int) -> None:
    found = partners_of(codes(columns), np.arange(300), 0)
    assert sum(map(len, found.values())) <= MOST_PAIRS
    assert min(map(len, found.values())) >= FEWEST_PARTNERS
    assert all(name not in partners and len({*partners}) == len(partners) for name, partners in found.items())
    assert f"of {(columns + 1) * columns:,} pairs" in bound_in_words(found, 0)


def test_the_column_that_follows_another_is_among_its_partners() -> None:
    found = partners_of(codes(999), np.arange(300), 0)
    assert "follows" in found["c0"]
    assert "c0" in found["follows"]


def test_the_same_seed_gives_the_same_pairs() -> None:
    given, rows = codes(400), np.arange(300)
    assert partners_of(given, rows, 1) == partners_of(given, rows, 1)
    assert partners_of(given, rows, 1) != partners_of(given, rows, 2)
