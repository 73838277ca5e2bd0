"""Rows that would decide are always more than there are, and do decide."""

import numpy as np
import pytest

from gates.statistics.sample_size import rows_until_bound, rows_until_certain


@pytest.mark.parametrize("seed", range(50))
def test_more_rows_than_there_are_or_none(seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(200):
        rows, fixed = (int(each) for each in random.integers(1, 50_000, 2))
        value, bound, limit = random.random(3) * random.choice([0.01, 1.0])
        until = rows_until_bound(value, bound, limit, rows, random.choice([None, float(fixed)]))
        assert until is None or until > rows
        certain = rows_until_certain(float(random.random()), float(random.random() / 2), rows)
        assert certain is None or certain > rows


def test_at_that_number_the_bound_reaches_its_limit() -> None:
    arm = 2.326 * 0.5 * (1 / 10_000 + 1 / 400) ** 0.5
    until = rows_until_bound(0.05, 0.05 + arm, 0.10, 400, 10_000)
    assert until is not None
    assert 2.326 * 0.5 * (1 / 10_000 + 1 / until) ** 0.5 == pytest.approx(0.05, rel=0.01)


def test_no_number_of_rows_helps_where_the_other_side_is_too_small() -> None:
    assert rows_until_bound(0.05, 0.12, 0.051, 400, 100) is None


def test_a_certain_effect_needs_no_more_rows() -> None:
    assert rows_until_certain(0.0001, 0.001, 500) is None
    assert rows_until_certain(0.01, 0.001, 500) == pytest.approx(500 * (3.09 / 2.326) ** 2, rel=0.01)
