"""Metrics of models with several classes: against scikit-learn, against resampling, and against a truth to cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, log_loss, precision_score, recall_score, roc_auc_score

from gates.evaluation.class_metrics import METRICS
from gates.statistics.intervals import change, interval

CLASSES = 4
SHARES = np.array([0.4, 0.3, 0.2, 0.1])
SKLEARN = {
    "accuracy": lambda labels, p: accuracy_score(labels, p.argmax(1)),
    "precision": lambda labels, p: precision_score(labels, p.argmax(1), average="macro", zero_division=0),
    "recall": lambda labels, p: recall_score(labels, p.argmax(1), average="macro"),
    "auc": lambda labels, p: roc_auc_score(labels, p, multi_class="ovr", average="macro"),
    "loss": lambda labels, p: log_loss(labels, p),
}


def drawn(rows: int, rng: np.random.Generator, lift: float = 1.5) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Labels and the probabilities of an honest model of them."""
    labels = rng.choice(CLASSES, rows, p=SHARES)
    logits = lift * np.eye(CLASSES)[labels] + rng.normal(size=(rows, CLASSES))
    powers = np.exp(logits)
    return labels, powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("metric", SKLEARN)
def test_values_are_scikit_learns(metric: str) -> None:
    labels, predictions = drawn(700, np.random.default_rng(0))
    assert METRICS[metric](labels, predictions).value == pytest.approx(SKLEARN[metric](labels, predictions), abs=1e-9)
    tied = np.round(predictions, 1) + 0.01
    tied /= tied.sum(axis=1, keepdims=True)
    assert METRICS[metric](labels, tied).value == pytest.approx(SKLEARN[metric](labels, tied), abs=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_standard_error_agrees_with_the_bootstrap(metric: str) -> None:
    rng = np.random.default_rng(1)
    labels, predictions = drawn(1200, rng)
    picks = (rng.integers(0, 1200, 1200) for _ in range(300))
    resampled = [METRICS[metric](labels[rows], predictions[rows]).value for rows in picks]
    assert METRICS[metric](labels, predictions).standard_error == pytest.approx(np.std(resampled), rel=0.15)


@pytest.mark.parametrize("rows", [120, 600])
@pytest.mark.parametrize("metric", METRICS)
def test_intervals_cover_the_truth_as_often_as_they_say(metric: str, rows: int) -> None:
    rng = np.random.default_rng(2)
    truth = METRICS[metric](*drawn(60_000, rng)).value
    found = [interval(METRICS[metric](*drawn(rows, rng)), 0.95) for _ in range(400)]
    covered = np.mean([each.lower <= truth <= each.upper for each in found])
    # Macro averages of few rows of a rare class are a little wider than they need be.
    assert 0.92 <= covered <= 0.995


@pytest.mark.parametrize("metric", METRICS)
def test_intervals_of_a_change_cover_the_true_change(metric: str) -> None:
    rng = np.random.default_rng(3)

    def both(rows: int) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        labels, new = drawn(rows, rng)
        logits = np.log(new) + rng.normal(scale=0.7, size=new.shape)
        return labels, new, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    def measured(rows: int) -> tuple[float, float, float]:
        labels, new, old = both(rows)
        found = change(METRICS[metric](labels, new), METRICS[metric](labels, old), 0.95)
        return found.value, found.lower, found.upper

    truth = measured(100_000)[0]
    covered = np.mean([lower <= truth <= upper for _, lower, upper in (measured(400) for _ in range(300))])
    # 300 draws tell 95 % to within 3.8 points (three standard errors).
    assert covered >= 0.912


def test_a_model_does_not_differ_from_itself_and_few_rows_prove_little() -> None:
    labels, predictions = drawn(200, np.random.default_rng(4))
    for metric in METRICS.values():
        same = metric(labels, predictions)
        found = change(same, same, 0.95)
        assert found.value == 0
        assert found.lower <= 0 <= found.upper
    assert change(METRICS["recall"](labels, predictions), METRICS["recall"](labels, predictions), 0.95).lower < -0.005


def test_a_class_that_one_model_alone_predicts_makes_the_change_of_precision_no_surer() -> None:
    labels = np.array([0, 0, 1, 1])
    new, old = np.eye(CLASSES)[labels], np.eye(CLASSES)[[0, 0, 1, 3]]
    found = change(METRICS["precision"](labels, new), METRICS["precision"](labels, old), 0.95)
    assert found.value == pytest.approx(1 / 3)
    assert found.lower < 0 < found.value < found.upper


def test_perfect_predictions_of_few_rows_are_no_certainty() -> None:
    labels = np.repeat(np.arange(CLASSES), 10)
    perfect = np.eye(CLASSES)[labels]
    for name in ("auc", "precision", "recall", "accuracy"):
        found = interval(METRICS[name](labels, perfect), 0.95)
        assert (found.value, found.upper) == (1.0, 1.0)
        assert 0.8 < found.lower < 0.99


def test_a_class_that_is_never_predicted_counts_as_precision_0_and_one_that_is_not_there_has_no_recall() -> None:
    labels = np.array([0, 0, 1, 1, 2])
    predictions = np.eye(CLASSES)[[0, 0, 1, 0, 0]]
    assert METRICS["precision"](labels, predictions).value == pytest.approx((0.5 + 1.0 + 0.0) / 3)
    assert METRICS["recall"](labels, predictions).value == pytest.approx((1.0 + 0.5 + 0.0) / 3)


def test_one_class_has_no_auc_and_no_rows_have_nothing() -> None:
    predictions = np.full((30, CLASSES), 1 / CLASSES)
    assert math.isnan(interval(METRICS["auc"](np.ones(30), predictions), 0.95).lower)
    assert math.isnan(METRICS["recall"](np.full(3, 9), predictions[:3]).value)


def test_loss_and_calibration_are_by_hand() -> None:
    labels, predictions = np.array([0, 1]), np.array([[0.5, 0.3, 0.2], [0.7, 0.2, 0.1]])
    assert METRICS["loss"](labels, predictions).value == pytest.approx(-(math.log(0.5) + math.log(0.2)) / 2, rel=1e-6)
    assert METRICS["calibration"](labels, predictions).value == pytest.approx((0.5 + 0.7) / 1)


def test_what_cannot_be_judged_is_nan_and_no_crash() -> None:
    labels, predictions = drawn(50, np.random.default_rng(5))
    broken = predictions.copy()
    broken[7] = np.nan
    odd = labels.astype(float)
    odd[3], odd[4] = np.nan, 12
    for metric in METRICS.values():
        for case in ((labels, broken), (odd, predictions), (odd, broken)):
            measured = metric(*case)
            interval(measured, 0.95)
            change(measured, metric(labels, predictions), 0.95)
    assert math.isnan(METRICS["loss"](odd, predictions).value)
    assert math.isnan(METRICS["auc"](labels, broken).value)


@pytest.mark.parametrize("rows", [3, 30, 31])
def test_rows_that_are_all_wrong_in_the_same_way_are_no_certainty_about_a_macro_auc(rows: int) -> None:
    labels = np.arange(rows) % 3
    wrong, right = METRICS["auc"](labels, np.eye(3)[(labels + 1) % 3]), METRICS["auc"](labels, np.eye(3)[labels])
    found = interval(wrong, 0.95)
    # Of three independent classes: an arm by the square root of three narrower than that of one.
    parts = [interval(part, 0.95) for part in wrong.parts.values()]
    assert found.value - found.lower == pytest.approx(math.hypot(*(part.value - part.lower for part in parts)) / 3)
    assert found.upper - found.value > 0.1
    changed = change(wrong, right, 0.95)
    assert changed.upper - changed.value > 0.05


def test_one_row_has_no_interval_of_its_loss_and_few_perfect_ones_leave_it_open() -> None:
    perfect = np.eye(CLASSES)
    assert math.isnan(interval(METRICS["loss"](np.zeros(1), perfect[:1]), 0.95).upper)
    assert interval(METRICS["loss"](np.arange(CLASSES), perfect), 0.95).upper > 1


def test_a_class_that_neither_model_predicts_adds_no_doubt_to_a_change_of_precision() -> None:
    labels, predictions = np.zeros(1), np.eye(CLASSES)[[1]]
    same = METRICS["precision"](labels, predictions)
    found = change(same, same, 0.95)
    assert all(math.isfinite(end) for end in (found.lower, found.upper))
