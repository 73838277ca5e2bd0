"""A model must beat trivial ones, generalise to test, not be overconfident, and keep every slice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gates.data.units import Unit
from gates.model.evidence import Budgets, ModelEvidence, Predicted
from gates.verdict.finding import Finding, Severity, Verdict
from tests.samples.fitted_models import blocking, fitted, sharpened, trained, verdict

DIGITS, TAXI = trained("digits"), trained("taxi")


def _found(evidence: ModelEvidence, check: str, subject: str, statistic: str = "") -> Finding:
    return next(
        each
        for each in verdict(evidence).findings
        if (each.check, each.subject) == (check, subject) and statistic in each.statistic
    )


def _normal(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=rows)


def _worse(right: float, rows: int, seed: int = 0) -> Predicted:
    """Digits of which a part got the prediction of another row."""
    rng = np.random.default_rng(seed)
    place = rng.integers(0, len(DIGITS.labels["test"]), rows)
    taken = np.where(rng.random(rows) < right, place, rng.permutation(place))
    return Predicted.of(DIGITS.labels["test"][place], DIGITS.predicted("test").scores[taken])


def test_refuses_88_on_eval_and_45_on_test_and_names_classes() -> None:
    evidence = ModelEvidence(eval=_worse(0.88, 2_000), test=_worse(0.4, 2_000, seed=1))
    found = _found(evidence, "generalisation", "test")
    assert found.severity is Severity.BLOCK
    assert found.value > 0.35
    assert "points worse" in found.reason
    assert blocking(evidence) == {"generalisation", "class_generalisation", "loss_sanity"}


@pytest.mark.parametrize("seed", range(10))
def test_a_gap_within_the_margin_or_by_chance_passes(seed: int) -> None:
    assert blocking(ModelEvidence(eval=_worse(0.9, 5_000, seed), test=_worse(0.89, 5_000, seed + 50))) == set()
    assert blocking(ModelEvidence(eval=_worse(0.8, 60, seed), test=_worse(0.8, 60, seed + 50))) == set()


def test_one_class_that_is_lost_on_test_is_named() -> None:
    scores = DIGITS.predicted("test").scores.copy()
    threes = DIGITS.labels["test"] == 3
    scores[threes] = 0.5 * scores[threes] + 0.5 * np.eye(10)[8]
    scores[threes, 8] += 1e-6
    rows = np.tile(np.arange(len(scores)), 3)
    labels = DIGITS.labels["test"][rows]
    evidence = ModelEvidence(
        eval=Predicted.of(labels, DIGITS.predicted("test").scores[rows]), test=Predicted.of(labels, scores[rows])
    )
    assert _found(evidence, "class_generalisation", "3").severity is Severity.BLOCK
    refused = [each.subject for each in verdict(evidence).of(Severity.BLOCK) if each.check == "class_generalisation"]
    assert refused == ["3"]


def test_rows_of_few_entities_are_no_proof() -> None:
    """20 patients of 100 rows each; three patients on test are read wrongly."""
    patients = np.repeat(np.arange(20), 100)
    labels = np.tile([0, 1], 1_000)
    right = np.where(labels == 1, 0.9, 0.1)
    read = np.where(np.isin(patients, [3, 7, 11]), 1 - right, right)

    def evidence(groups: Any) -> ModelEvidence:
        return ModelEvidence(
            eval=Predicted.of(labels, right, groups=groups), test=Predicted.of(labels, read, groups=groups)
        )

    assert "generalisation" in blocking(evidence(None))
    assert "generalisation" not in blocking(evidence(patients))


@pytest.mark.parametrize("unit", [Unit.TIME, Unit.ENTITY])
def test_a_split_by_time_or_by_entities_that_are_not_given_may_only_warn(unit: Unit) -> None:
    evidence = ModelEvidence(eval=_worse(0.95, 2_000), test=_worse(0.85, 2_000, 1), split_by=unit)
    assert _found(evidence, "generalisation", "test").severity is Severity.WARN
    assert blocking(evidence) == set()


def test_strict_refuses_what_too_few_rows_cannot_decide() -> None:
    evidence = ModelEvidence(eval=_worse(0.9, 40), test=_worse(0.9, 40, 1))
    assert verdict(evidence).verdict is Verdict.INCONCLUSIVE
    assert "cannot be decided" in _found(evidence, "generalisation", "test").reason
    assert verdict(evidence, strict=True).verdict is Verdict.FAIL


def test_warns_of_a_memorising_model_and_passes_it() -> None:
    evidence = ModelEvidence(train=_worse(1.0, 3_000), eval=_worse(0.8, 2_000, 1), test=_worse(0.8, 2_000, 2))
    assert _found(evidence, "generalisation", "eval").severity is Severity.WARN
    assert blocking(evidence) == set()


def test_predictions_that_fall_onto_one_class_are_refused_by_name() -> None:
    scores = TAXI.predicted("test").scores * 0.3 + 0.7 * np.eye(2)[1]
    evidence = ModelEvidence(classes=("no tip", "tip"), test=Predicted.of(TAXI.labels["test"], scores))
    found = _found(evidence, "prediction_collapse", "test")
    assert found.severity is Severity.BLOCK
    assert found.reason.startswith("tip has 7")


def test_always_answering_with_the_common_class_is_no_collapse() -> None:
    predicted = TAXI.predicted("test")
    assert (predicted.answers == 0).mean() > 0.99
    assert blocking(TAXI.evidence()) == set()


@pytest.mark.parametrize("seed", range(5))
def test_random_predictions_are_refused_as_trivial(seed: int) -> None:
    rng = np.random.default_rng(seed)
    guess = {split: Predicted.of(labels, rng.uniform(0.1, 0.35, len(labels))) for split, labels in TAXI.labels.items()}
    assert "better_than_trivial" in blocking(ModelEvidence(**guess))


def test_few_rows_of_a_weak_model_leave_it_undecided() -> None:
    few = TAXI.predicted("test").only(np.arange(2_999) < 80)
    evidence = ModelEvidence(test=few)
    found = _found(evidence, "better_than_trivial", "test")
    assert verdict(evidence).verdict is Verdict.INCONCLUSIVE
    assert "cannot be decided with 80 rows" in found.reason


def test_warns_of_a_single_feature_that_does_as_well() -> None:
    stump = fitted("taxi", LogisticRegression()).predicted("test")
    evidence = TAXI.evidence(best_stump=stump, stump_feature="trip_seconds")
    assert _found(evidence, "better_than_trivial", "trip_seconds").severity is Severity.WARN
    weak = Predicted.of(DIGITS.labels["test"], np.full((360, 10), 0.1))
    good = DIGITS.evidence(best_stump=weak, stump_feature="pixel")
    assert _found(good, "better_than_trivial", "pixel").severity is Severity.INFO


def test_a_model_that_is_three_times_too_sure_is_refused_on_train() -> None:
    found = _found(TAXI.evidence(predict=sharpened(TAXI.predict, 3.0)), "overconfidence", "train")
    assert found.severity is Severity.BLOCK
    assert 2 < found.value < 4


@pytest.mark.parametrize("times", [0.3, 1.0, 1.2])
def test_a_cautious_model_passes(times: float) -> None:
    assert "overconfidence" not in blocking(TAXI.evidence(predict=sharpened(TAXI.predict, times)))


def test_miscalibration_warns_and_never_refuses() -> None:
    weighted = fitted("taxi", LogisticRegression(class_weight="balanced")).evidence()
    assert _found(weighted, "calibration", "test").severity is Severity.WARN
    assert _found(TAXI.evidence(), "calibration", "test").severity is Severity.INFO
    assert blocking(weighted) == set()


def test_warns_of_a_model_that_depends_on_one_feature() -> None:
    hanging = {"payment_type": 0.4, "fare": 0.01, "hour": -0.002}
    found = _found(TAXI.evidence(importances=hanging), "one_feature_dominance", "payment_type")
    assert found.severity is Severity.WARN
    spread = TAXI.evidence(importances={"a": 0.1, "b": 0.08})
    assert _found(spread, "one_feature_dominance", "a").severity is Severity.INFO


def _slice_spoilt(name: str, how: str) -> ModelEvidence:
    """The candidate is better than the blessed model but for one slice."""
    model = trained(name)
    labels, good = model.labels["test"], model.predicted("test").scores
    rng = np.random.default_rng(0)
    inside = np.arange(len(labels)) % 6 == 0
    better = 0.9 * good + 0.1 * np.eye(good.shape[1])[labels]
    if how == "shuffled":
        better[inside] = rng.permutation(better[inside])
    elif how == "low":
        odds = np.log(better[inside, 1] / better[inside, 0]) - 3
        better[inside] = np.column_stack([1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds))])
    slices = {"area": np.where(inside, "north", "south")}
    return ModelEvidence(
        test=Predicted.of(labels, better),
        blessed=Predicted.of(labels, 0.98 * good + 0.02 / good.shape[1]),
        test_slices=slices,
    )


@pytest.mark.parametrize(
    ("name", "how"), [("digits", "shuffled"), ("taxi", "low"), ("taxi", "none"), ("digits", "none")]
)
def test_a_slice_that_gets_worse_is_refused_by_name_and_alone(name: str, how: str) -> None:
    report = verdict(_slice_spoilt(name, how))
    refused = {(each.check, each.subject) for each in report.of(Severity.BLOCK)}
    assert refused == (set() if how == "none" else {("slices_against_blessed", "area=north")})


def test_small_slices_are_not_judged() -> None:
    names = np.array([f"block {place // 40}" for place in range(len(TAXI.labels["test"]))])
    evidence = TAXI.evidence(blessed=TAXI.predicted("test"), test_slices={"block": names})
    assert not [each for each in verdict(evidence).findings if each.check == "slices_against_blessed"]


@pytest.mark.parametrize("seed", range(10))
def test_a_sound_regression_passes(seed: int) -> None:
    truth, noise = np.exp(_normal(3_000, seed)), _normal(3_000, seed + 100)
    given = Predicted.of(truth + 0.5 * noise, truth, is_regression=True)
    train, held, test = (given.only(np.arange(3_000) % 3 == part) for part in range(3))
    again = Predicted.of(test.labels, test.scores * 1.01, is_regression=True)
    slices = {"side": np.where(np.arange(test.rows) % 2, "left", "right")}
    evidence = ModelEvidence(train=train, eval=held, test=test, blessed=again, test_slices=slices)
    assert blocking(evidence) == set()


def test_faults_of_a_regression_are_refused() -> None:
    truth, noise = np.exp(_normal(3_000, 0)), _normal(3_000, 1)
    labels = truth + 0.5 * noise
    half = np.arange(3_000) % 2 == 0

    def evidence(scores: np.ndarray) -> ModelEvidence:
        both = Predicted.of(labels, scores, is_regression=True)
        return ModelEvidence(eval=Predicted.of(labels, truth, is_regression=True).only(half), test=both.only(~half))

    assert blocking(evidence(np.full(3_000, labels.mean()))) == {"better_than_trivial", "generalisation"}
    assert "better_than_trivial" in blocking(evidence(truth * 1_000))
    assert "generalisation" in blocking(evidence(truth + 2.0 * _normal(3_000, 5)))


def test_a_slow_or_large_model_is_refused_and_one_pause_is_not() -> None:
    steady = np.full(300, 4.0)
    paused = steady.copy()
    paused[:4] = 500.0
    limits = Budgets(p99_ms=10.0, size_mb=20.0)
    assert blocking(ModelEvidence(latency_ms=paused, export_bytes=5_000_000, budgets=limits)) == set()
    assert blocking(ModelEvidence(latency_ms=5 * steady, export_bytes=5_000_000, budgets=limits)) == {"latency"}
    assert blocking(ModelEvidence(latency_ms=steady, export_bytes=21_000_000, budgets=limits)) == {"export_size"}
    skipped = {each.check for each in verdict(ModelEvidence(latency_ms=steady, export_bytes=1)).checks_skipped}
    assert {"latency", "export_size"} <= skipped
