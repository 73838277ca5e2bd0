"""Metrics and intervals against known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from gates.statistics.intervals import METRICS, Interval, Measured, auc, change, interval, newcombe, precision, wilson

RNG = np.random.default_rng(0)
Z95 = 1.959964


def _scores(rows: int, rng: np.random.Generator, lift: float = 1.0) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    labels = (rng.random(rows) < 0.3).astype(np.int64)
    return labels, 1 / (1 + np.exp(-(lift * labels + rng.normal(size=rows) - 1)))


def test_auc_is_scikit_learns_also_with_ties() -> None:
    labels, predictions = _scores(500, RNG)
    tied = np.round(predictions, 1)
    assert auc(labels, predictions).value == pytest.approx(roc_auc_score(labels, predictions), abs=1e-12)
    assert auc(labels, tied).value == pytest.approx(roc_auc_score(labels, tied), abs=1e-12)


@pytest.mark.parametrize("metric", ["auc", "precision", "calibration", "loss", "accuracy", "recall"])
def test_standard_error_agrees_with_the_bootstrap(metric: str) -> None:
    rng = np.random.default_rng(1)
    labels, predictions = _scores(1500, rng)
    picks = (rng.integers(0, 1500, 1500) for _ in range(400))
    resampled = [METRICS[metric](labels[rows], predictions[rows]).value for rows in picks]
    assert METRICS[metric](labels, predictions).standard_error == pytest.approx(np.std(resampled), rel=0.15)


def test_auc_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    truth = auc(*_scores(200_000, rng)).value
    covered = 0
    for _ in range(400):
        labels, predictions = _scores(150, rng)
        found = interval(auc(labels, predictions), 0.95)
        covered += found.lower <= truth <= found.upper
    assert 0.92 <= covered / 400 <= 0.98


def test_wilson_gives_the_textbook_figures() -> None:
    found = wilson(0.8, 10, Z95)
    assert (found.lower, found.upper) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


def test_change_on_the_same_rows_is_surer_than_two_intervals_apart() -> None:
    rng = np.random.default_rng(3)
    labels, old = _scores(1000, rng)
    new = np.clip(old + rng.normal(scale=0.01, size=1000), 0, 1)
    paired = change(auc(labels, new), auc(labels, old), 0.95)
    alone = interval(auc(labels, new), 0.95)
    assert paired.upper - paired.lower < (alone.upper - alone.lower) / 5


def test_a_model_does_not_differ_from_itself() -> None:
    labels, predictions = _scores(300, RNG)
    for metric in METRICS.values():
        found = change(metric(labels, predictions), metric(labels, predictions), 0.95)
        assert found.value == 0
        assert found.lower <= 0 <= found.upper


def test_no_disagreement_on_few_rows_proves_little_about_accuracy() -> None:
    labels, predictions = _scores(50, RNG)
    same = METRICS["accuracy"](labels, predictions)
    assert change(same, same, 0.95).lower < -0.02


def test_shares_of_few_rows_that_are_all_right_leave_the_change_open() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0])
    new, old = np.array([0.9, 0.9, 0.9, 0.1, 0.1, 0.1]), np.array([0.9, 0.9, 0.1, 0.1, 0.1, 0.1])
    found = change(precision(labels, new), precision(labels, old), 0.95)
    assert found.value == 0
    # Wilson's arms of three and of two right ones, by hand: z² / (n + z²).
    assert (found.lower, found.upper) == (pytest.approx(-0.5615, abs=1e-4), pytest.approx(0.6576, abs=1e-4))


def test_precision_where_there_was_none_is_as_uncertain_as_it_is_alone() -> None:
    labels = np.array([1, 1, 0, 0])
    never_predicted = Measured(0.0, np.zeros(4))  # as a mean over classes counts it
    found = change(precision(labels, 1.0 * labels), never_predicted, 0.95)
    assert (found.value, found.upper) == (1.0, 1.0)
    assert found.lower == pytest.approx(wilson(1.0, 2, Z95).lower, abs=1e-4)


@pytest.mark.parametrize(("rows", "lift", "cut", "noise"), [(100, 1, 1.5, 1.0), (100, 3, 2.5, 0.3), (400, 3, 2.5, 0.3)])
def test_a_change_of_precision_covers_the_true_one_though_the_models_predict_different_rows(
    rows: int, lift: float, cut: float, noise: float
) -> None:
    rng = np.random.default_rng(4)

    def both(rows: int) -> tuple[Measured, Measured]:
        labels = rng.random(rows) < 0.3
        new = lift * labels + rng.normal(size=rows)
        old = new + noise * rng.normal(size=rows)
        return precision(labels, 1.0 * (new > cut)), precision(labels, 1.0 * (old > cut))

    new, old = both(400_000)
    drawn = [pair for pair in (both(rows) for _ in range(400)) if not math.isnan(pair[0].value - pair[1].value)]
    found = [change(*pair, 0.95) for pair in drawn]
    assert all(-1 <= each.lower <= each.value <= each.upper <= 1 for each in found)
    # 400 draws tell 95 % to within 3.3 points (three standard errors).
    assert np.mean([each.lower <= new.value - old.value <= each.upper for each in found]) >= 0.917


def test_perfect_ranking_of_few_rows_is_not_certainty() -> None:
    labels = np.array([0] * 20 + [1] * 5)
    perfect = auc(labels, labels.astype(float))
    found = interval(perfect, 0.95)
    assert (found.value, found.upper) == (1.0, 1.0)
    # By hand: (1 - x) = z²x/100 · (1 + 11.5 · ((1 - x)/(2 - x) + x/(1 + x))) at x = 0.7607.
    assert found.lower == pytest.approx(0.7607, abs=1e-4)
    beside_another = change(perfect, perfect, 0.95)
    assert beside_another.lower == pytest.approx(found.lower - 1)
    assert beside_another.upper == pytest.approx(1 - found.lower)


@pytest.mark.parametrize(("positives", "negatives"), [(1, 1), (10, 200), (46, 254), (1200, 46), (500_000, 500_000)])
def test_a_better_ranking_never_has_a_lower_auc_interval(positives: int, negatives: int) -> None:
    areas = [0.0, 1e-9, *np.linspace(0.001, 0.999, 500), 1 - 1e-9, 1.0]
    found = [newcombe(area, positives, negatives, Z95) for area in areas]
    assert all(0 <= each.lower <= each.value <= each.upper <= 1 for each in found)
    assert all(np.diff([each.lower for each in found]) >= 0)
    assert all(np.diff([each.upper for each in found]) >= 0)


@pytest.mark.parametrize("area", [0.0, 0.3, 0.5, 0.9, 0.99, 1.0])
def test_more_rows_make_an_auc_interval_narrower(area: float) -> None:
    found = [newcombe(area, rows, 5 * rows, Z95) for rows in (2, 10, 46, 300, 1200, 100_000)]
    assert all(np.diff([each.upper - each.lower for each in found]) < 0)


def test_nearly_perfect_rankings_are_no_surer_to_be_equal_than_perfect_ones() -> None:
    labels = np.array([0] * 60 + [1] * 10)
    perfect = auc(labels, np.arange(70.0))
    nearly = auc(labels, np.array([*np.arange(59.0), 60.5, 59, *np.arange(61.0, 70.0)]))
    assert change(nearly, perfect, 0.95).lower < change(perfect, perfect, 0.95).lower < 0


def test_loss_and_calibration_never_reach_zero_and_reach_further_up_than_down() -> None:
    labels = np.array([0] * 40 + [1] * 2)
    predictions = np.full(42, 1e-4)
    predictions[-1], predictions[:3] = 0.001, 0.9
    for name in ("loss", "calibration"):
        found = interval(METRICS[name](labels, predictions), 0.95)
        assert 0 < found.lower < found.value < found.upper
        assert found.upper - found.value > found.value - found.lower


def test_one_class_has_no_auc() -> None:
    labels = np.ones(30)
    found = interval(auc(labels, np.linspace(0, 1, 30)), 0.95)
    assert all(math.isnan(figure) for figure in (found.value, found.lower, found.upper))


def test_a_constant_model_has_auc_one_half_and_no_precision_when_it_never_says_yes() -> None:
    labels, _ = _scores(200, RNG)
    constant = np.full(200, 0.2)
    assert auc(labels, constant).value == 0.5
    assert math.isnan(METRICS["precision"](labels, constant).value)
    assert METRICS["recall"](labels, constant).value == 0.0


def test_loss_is_what_keras_computes_for_predictions_of_zero_and_one() -> None:
    found = METRICS["loss"](np.array([0, 1]), np.array([1.0, 1.0]))
    assert found.value == pytest.approx((-math.log(1e-7) - math.log(1 - 1e-7)) / 2, rel=1e-6)


def test_one_row_has_a_loss_and_a_calibration_but_no_interval() -> None:
    one, old = np.ones(1), np.full(1, 0.81)
    for name in ("loss", "calibration"):
        metric = METRICS[name]
        for found in (interval(metric(one, 0.8 * one), 0.95), change(metric(one, 0.8 * one), metric(one, old), 0.95)):
            assert math.isfinite(found.value)
            assert math.isnan(found.lower)
            assert math.isnan(found.upper)


def test_few_perfect_rows_do_not_prove_a_small_loss() -> None:
    labels = np.arange(15) % 2
    found = interval(METRICS["loss"](labels, 1.0 * labels), 0.95)
    # The rule of three by hand: 1 - 0.05^(1/15) = 0.181 of the rows may cost -log(1e-7) = 16.12 each.
    assert found.upper == pytest.approx(2.918, abs=1e-3)
    assert 0 < found.lower <= found.value
    calibrated = interval(METRICS["calibration"](labels, 1.0 * labels), 0.95)
    assert calibrated.upper == pytest.approx(1 + 0.18104 * 15 / 7, abs=1e-3)
    assert 0 < calibrated.lower < 0.8


def test_rows_that_float32_alone_tells_apart_are_alike() -> None:
    labels = np.arange(40) % 2
    predictions = np.where(labels == 1, np.float32(0.8), np.float32(1) - np.float32(0.8)).astype(np.float64)
    found = interval(METRICS["loss"](labels, predictions), 0.95)
    assert found.upper > 1 > found.value


def test_a_change_that_is_the_same_on_few_rows_is_not_sure() -> None:
    labels = np.ones(15)
    new, old = (METRICS["loss"](labels, np.full(15, share)) for share in (0.80, 0.81))
    found = change(new, old, 0.95)
    assert found.value == pytest.approx(0.0124, abs=1e-4)
    assert (found.upper - found.value, found.value - found.lower) == pytest.approx((2.918, 2.918), abs=1e-3)


def test_a_model_that_predicts_0_throughout_has_a_calibration_that_is_not_surely_0() -> None:
    found = interval(METRICS["calibration"](np.arange(20) % 2, np.zeros(20)), 0.95)
    assert (found.value, found.lower) == (0.0, 0.0)
    assert found.upper > 0.2


@pytest.mark.parametrize(("rows", "at_least"), [(3, 0.90), (10, 0.92), (1500, 0.93)])
def test_a_mean_change_of_few_rows_covers_the_true_one_as_often_as_it_says(rows: int, at_least: float) -> None:
    rng = np.random.default_rng(6)

    def both(rows: int) -> tuple[Measured, Measured]:
        labels = rng.integers(0, 2, rows)
        towards = np.where(labels == 1, 1.0, -1.0)
        scores = rng.normal(size=(2, rows)) + towards
        new, old = (METRICS["loss"](labels, 1 / (1 + np.exp(-each))) for each in scores)
        return new, old

    found = [change(*both(rows), 0.95) for _ in range(600)]
    # The two models are drawn alike: the true change is 0.
    assert np.mean([each.lower <= 0 <= each.upper for each in found]) >= at_least


def test_with_many_rows_students_interval_is_the_normal_one() -> None:
    labels, predictions = _scores(1500, np.random.default_rng(7))
    measured = METRICS["loss"](labels, predictions)
    arm = Z95 * measured.standard_error / measured.value
    assert interval(measured, 0.95).upper == pytest.approx(measured.value * math.exp(arm), abs=5e-4)


def test_a_model_has_surely_not_fallen_behind_itself_unless_its_rows_are_all_alike() -> None:
    labels, predictions = _scores(40, np.random.default_rng(8))
    once, again = (METRICS["loss"](labels, predictions) for _ in range(2))
    assert change(once, again, 0.95) == Interval(0.0, 0.0, 0.0)
    rounded = predictions.copy()
    rounded[0] = np.nextafter(np.float32(rounded[0]), np.float32(1))
    found = change(METRICS["loss"](labels, rounded), once, 0.95)
    assert max(abs(found.lower), abs(found.upper)) < 1e-6
    perfect = METRICS["loss"](np.ones(15), np.ones(15))
    assert change(perfect, perfect, 0.95).lower < -1
