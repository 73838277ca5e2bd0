"""Which limits bear on a figure, and whether it meets them."""

from __future__ import annotations

import math

import pytest

from gates.metrics import OVERALL, MetricEstimate
from report.evidence import ThresholdLine
from report.limits import leads, limits_on, slice_columns, slice_values, trails


def measured(metric: str = "auc", value: float = 0.6, half: float = 0.05, n: int = 500, where: str = OVERALL, **more):
    return MetricEstimate(metric, where, n, value, value - half, value + half, **more)


def verdict(estimate: MetricEstimate, line: ThresholdLine, judged_by: str = "interval") -> bool | None:
    return limits_on(estimate, [line], judged_by)[0].met


def test_a_slice_is_read_with_commas_in_its_values():
    where = "company=Taxi, Inc., trip_start_hour=9"
    assert slice_columns(where) == ("company", "trip_start_hour")
    assert slice_values(where) == "Taxi, Inc., 9"


@pytest.mark.parametrize(
    ("pattern", "where", "bears"),
    [
        (OVERALL, OVERALL, True),
        (OVERALL, "company=A", False),
        ("company=*", "company=A", True),
        ("company=*", OVERALL, False),
        ("company=*", "company=A, trip_start_hour=9", False),
        ("company=A", "company=B", False),
        ("trip_start_hour=9, company=*", "company=A, trip_start_hour=9", True),
    ],
)
def test_a_limit_bears_on_the_slices_it_names(pattern, where, bears):
    assert bool(limits_on(measured(where=where), [ThresholdLine("auc", pattern, 0.5)], "interval")) is bears


def test_in_doubt_the_interval_misses_what_the_estimate_meets():
    line = ThresholdLine("auc", OVERALL, 0.58)
    assert verdict(measured(), line, "interval") is False
    assert verdict(measured(), line, "estimate") is True


def test_a_loss_is_judged_by_its_upper_end():
    line = ThresholdLine("loss", OVERALL, 0.52, "at_most")
    assert verdict(measured("loss", 0.5), line) is False
    assert verdict(measured("loss", 0.46), line) is True


def test_a_small_slice_is_not_judged():
    assert verdict(measured(n=30), ThresholdLine("auc", OVERALL, 0.9, min_examples=200)) is None


def test_a_figure_that_could_not_be_computed_meets_no_limit():
    assert verdict(measured(value=math.nan), ThresholdLine("auc", OVERALL, 0.5)) is False


def test_falling_behind_the_blessed_model_is_judged_by_the_change():
    line = ThresholdLine("auc", OVERALL, 0.05, "no_worse_than_blessed_by")
    near = measured(blessed_value=0.61, change=-0.01, change_lower=-0.03, change_upper=0.01)
    far = measured(blessed_value=0.66, change=-0.06, change_lower=-0.08, change_upper=-0.04)
    assert (verdict(near, line), verdict(far, line), verdict(measured(), line)) == (True, False, None)


def test_a_loss_that_grew_falls_behind_the_blessed_model():
    line = ThresholdLine("loss", OVERALL, 0.05, "no_worse_than_blessed_by")
    grown = measured("loss", blessed_value=0.5, change=0.1, change_lower=0.08, change_upper=0.12)
    shrunk = measured("loss", blessed_value=0.7, change=-0.1, change_lower=-0.12, change_upper=-0.08)
    assert (verdict(grown, line), verdict(shrunk, line)) == (False, True)


def test_another_model_is_better_only_beyond_our_interval():
    assert trails(measured(), measured(value=0.64)) is False
    assert trails(measured(), measured(value=0.66)) is True
    assert leads(measured(), measured(value=0.54))


def test_for_a_loss_lower_is_better():
    assert trails(measured("loss"), measured("loss", value=0.54)) is True
    assert leads(measured("loss"), measured("loss", value=0.66))


def test_calibration_is_neither_better_high_nor_low():
    assert trails(measured("calibration", 1.0), measured("calibration", 1.2)) is None
