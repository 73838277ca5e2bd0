"""The moments are those of the seed, and as many as were demanded."""

from __future__ import annotations

import pytest

from benchmarks.interruptions.kills import kills


@pytest.mark.parametrize("count", [0, 1, 3, 20, 50])
def test_as_many_moments_as_demanded_and_the_same_for_the_same_seed(count: int) -> None:
    rows = list(kills(count, 25.0, seed=3))
    assert sum(len(row.moments) for row in rows) == count
    assert rows == list(kills(count, 25.0, seed=3))
    assert all(len(row.moments) == 1 for row in rows if row.is_late)
    if count == 20:
        assert rows != list(kills(count, 25.0, seed=4))
        assert any(not moment.pattern for row in rows for moment in row.moments)
