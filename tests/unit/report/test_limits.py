"""The report shows the decision of the gate about a limit, and which way a metric is better."""

from __future__ import annotations

import json
import math

import pytest

from gates.evaluation.limits import Limit
from gates.evaluation.metrics import Evaluation, MetricEstimate
from gates.evaluation.slices import OVERALL, Slice
from gates.evaluation.thresholds import judge_thresholds
from report.limits import leads, limit_words, trails

COMPANY_A = Slice.of({"company": "A"})


def measured(metric: str = "auc", value: float = 0.6, half: float = 0.05, n: int = 500, where: Slice = OVERALL, **more):
    return MetricEstimate(metric, where, n, value, value - half, value + half, **more)


def verdict(estimate: MetricEstimate, *limits: Limit, judged_by: str = "interval") -> list[str]:
    """What the Evaluator stores of the figure, as the report reads it."""
    evaluation = Evaluation(0.95, (estimate,))
    stored = Evaluation(0.95, (estimate,), judgements=judge_thresholds(evaluation, limits, judged_by).judgements)
    read = Evaluation.from_json(json.loads(json.dumps(stored.to_json(), allow_nan=False)))
    return [judgement.decision.value for judgement in read.judgements_on(read.estimates[0])]


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (Limit("auc", at_least=0.55), "≥ 0.55"),
        (Limit("loss", at_most=0.5), "≤ 0.5"),
        (Limit("auc", no_worse_than_blessed_by=0.05), "at most 0.05 behind"),
    ],
)
def test_a_limit_is_written_as_in_a_table(limit, words):
    evaluation = Evaluation(0.95, (measured(limit.metric),))
    assert [limit_words(each) for each in judge_thresholds(evaluation, [limit]).judgements] == [words]


def test_in_doubt_the_interval_misses_what_the_estimate_meets():
    limit = Limit("auc", at_least=0.58)
    assert verdict(measured(), limit) == ["missed"]
    assert verdict(measured(), limit, judged_by="estimate") == ["met"]


def test_a_loss_is_judged_by_its_upper_end():
    limit = Limit("loss", at_most=0.52)
    assert verdict(measured("loss", 0.5), limit) == ["missed"]
    assert verdict(measured("loss", 0.46), limit) == ["met"]


def test_of_two_limits_on_a_metric_the_one_that_blocks_is_missed():
    limits = Limit("calibration", at_least=0.8), Limit("calibration", at_most=1.02)
    assert verdict(measured("calibration", 1.0), *limits) == ["met", "missed"]


@pytest.mark.parametrize(
    ("value", "expected"), [(0.6, "met"), (0.52, "met"), (0.48, "doubtful"), (0.3, "missed")], ids=str
)
def test_a_slice_misses_only_where_the_gate_is_sure(value, expected):
    limit = Limit("auc", {"company": "*"}, at_least=0.5)
    assert verdict(measured(value=value, where=COMPANY_A), limit) == [expected]


def test_a_small_slice_is_not_judged():
    limit = Limit("auc", {"company": "*"}, at_least=0.9, min_examples=200)
    assert verdict(measured(n=30, where=COMPANY_A), limit) == ["unjudged"]


def test_a_slice_without_a_figure_is_not_judged_and_all_rows_without_one_miss():
    limit = Limit("auc", {"company": "A"}, at_least=0.5)
    assert verdict(measured(value=math.nan, where=COMPANY_A), limit) == ["unjudged"]
    assert verdict(measured(value=math.nan), Limit("auc", at_least=0.5)) == ["missed"]


def test_falling_behind_the_blessed_model_is_judged_by_the_change():
    limit = Limit("auc", no_worse_than_blessed_by=0.05)
    near = measured(blessed_value=0.61, change=-0.01, change_lower=-0.03, change_upper=0.01)
    far = measured(blessed_value=0.66, change=-0.06, change_lower=-0.08, change_upper=-0.04)
    assert [verdict(each, limit) for each in (near, far, measured())] == [["met"], ["missed"], ["unjudged"]]


def test_a_calibration_that_came_nearer_to_one_has_not_fallen_behind():
    limit = Limit("calibration", no_worse_than_blessed_by=0.05)
    nearer = measured("calibration", 1.0, blessed_value=1.3, change=-0.3, change_lower=-0.32, change_upper=-0.28)
    farther = measured("calibration", 1.3, blessed_value=1.0, change=0.3, change_lower=0.28, change_upper=0.32)
    assert (verdict(nearer, limit), verdict(farther, limit)) == (["met"], ["missed"])


def test_where_the_evaluator_did_not_judge_nothing_is_met_or_missed():
    assert verdict(measured()) == []


def test_another_model_is_better_only_beyond_our_interval():
    assert trails(measured(), measured(value=0.64)) is False
    assert trails(measured(), measured(value=0.66)) is True
    assert leads(measured(), measured(value=0.54))


def test_for_a_loss_lower_is_better():
    assert trails(measured("loss"), measured("loss", value=0.54)) is True
    assert leads(measured("loss"), measured("loss", value=0.66))


def test_calibration_is_neither_better_high_nor_low():
    assert trails(measured("calibration", 1.0), measured("calibration", 1.2)) is None


def test_two_limits_of_one_value_are_each_drawn_as_they_were_decided():
    limits = (
        Limit("auc", {"company": "*"}, at_least=0.9, min_examples=1000),
        Limit("auc", {"company": "A"}, at_least=0.9),
    )
    assert verdict(measured(where=COMPANY_A), *limits) == ["unjudged", "missed"]
