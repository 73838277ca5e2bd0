"""Metrics and intervals against what is known of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from gates.intervals import METRICS, auc, change, interval, newcombe, wilson

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
