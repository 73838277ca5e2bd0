"""The bets: valid at every look, exact at their limits, and blind to what both versions share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from serving.watch.betting import (
    Floats,
    log_capital,
    log_capital_at,
    lower_bound,
    paired_differences,
    upper_bound,
)

Draw = Callable[[np.random.Generator, float], Floats]
RUNS = 300
EVERY_LOOK = np.arange(1, 1_001)


def _rare(rng: np.random.Generator, mean: float) -> Floats:
    return (rng.random(1_000) < mean).astype(float)


def _wide(rng: np.random.Generator, mean: float) -> Floats:
    return rng.choice([-1.0, 1.0], 1_000, p=[(1 - mean) / 2, (1 + mean) / 2])


def _skewed(rng: np.random.Generator, mean: float) -> Floats:
    return rng.beta(1.0, 1.0 / mean - 1.0, 1_000)


@pytest.mark.parametrize("draw", [_rare, _wide, _skewed])
def test_looking_at_every_request_alarms_no_more_often_than_alpha(draw: Draw) -> None:
    rng = np.random.default_rng(3)
    alarms = [bool((log_capital_at(draw(rng, 0.02), 0.02, EVERY_LOOK) > math.log(1 / 0.05)).any()) for _ in range(RUNS)]
    # 0.05 and three standard errors.
    assert np.mean(alarms) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / RUNS)


@pytest.mark.parametrize("draw", [_rare, _wide, _skewed])
def test_the_interval_holds_the_true_mean_at_every_look(draw: Draw) -> None:
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(60):
        values = draw(rng, 0.1)
        ends = [(lower_bound(values[:look], 0.05), upper_bound(values[:look], 0.05)) for look in (10, 100, 300, 1_000)]
        missed += not all(lower <= 0.1 <= upper for lower, upper in ends)
    assert missed <= 0.1 * 60 + 3 * math.sqrt(60 * 0.1 * 0.9)


def test_a_bound_is_beyond_the_margin_exactly_where_the_capital_suffices() -> None:
    values = _rare(np.random.default_rng(5), 0.03)
    for margin in (-0.01, 0.0, 0.005, 0.01, 0.02, 0.03):
        assert (lower_bound(values, 0.01) > margin) == (log_capital(values, margin) > math.log(100))


def test_the_bounds_close_in_on_the_mean_and_lie_around_it() -> None:
    values = _rare(np.random.default_rng(6), 0.05)
    few = upper_bound(values[:100], 0.05) - lower_bound(values[:100], 0.05)
    many = upper_bound(values, 0.05) - lower_bound(values, 0.05)
    assert many < 0.5 * few
    assert lower_bound(values, 0.05) < values.mean() < upper_bound(values, 0.05)


def test_without_a_difference_everything_is_possible() -> None:
    assert (lower_bound(np.empty(0), 0.05), upper_bound(np.empty(0), 0.05)) == (-1.0, 1.0)
    assert log_capital(np.empty(0), 0.01) == pytest.approx(0.0, abs=1e-12)


def test_the_largest_possible_differences_keep_the_capital_finite() -> None:
    extreme = np.array([1.0, -1.0] * 500)
    assert np.isfinite([log_capital(extreme, margin) for margin in (-1.0, 0.0, 1.0)]).all()


def test_capital_at_a_look_is_that_of_the_differences_so_far() -> None:
    values = _rare(np.random.default_rng(7), 0.05)
    at = log_capital_at(values, 0.01, np.array([0, 10, 1_000]))
    assert at == pytest.approx([0.0, log_capital(values[:10], 0.01), log_capital(values, 0.01)])


def test_windows_are_paired_each_within_itself() -> None:
    canary, stable = np.array([1.0, 0.5, 0.25]), np.array([0.0, 1.0, 0.2, 0.4, 0.6, 0.9])
    found = paired_differences(canary, np.array([1, 2, 0]), stable, np.array([2, 3, 1]))
    assert found == pytest.approx([1.0 - 0.5, 0.5 - 0.2, 0.25 - 0.5])


def test_the_side_with_more_values_is_averaged_whichever_it_is() -> None:
    one, many = np.array([0.4]), np.array([0.0, 0.5, 1.0])
    assert paired_differences(one, np.array([1]), many, np.array([3])) == pytest.approx([-0.1])
    assert paired_differences(many, np.array([3]), one, np.array([1])) == pytest.approx([0.1])


def test_what_both_share_in_a_window_cancels_out() -> None:
    rng = np.random.default_rng(8)
    level = np.linspace(0.05, 0.6, 50)
    canary, stable = (np.concatenate([rng.random(count) < each for each in level]) for count in (20, 180))
    counts = [np.full(50, count) for count in (20, 180)]
    found = paired_differences(canary.astype(float), counts[0], stable.astype(float), counts[1])
    assert abs(found.mean()) < 3 * found.std() / math.sqrt(len(found))
    assert lower_bound(found, 0.01) < 0 < upper_bound(found, 0.01)
