"""A model that is far below a simple one was not trained, whatever its thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from gates.model.evidence import ModelEvidence, Predicted, SimpleModel
from gates.model.gate import judge_model
from gates.verdict.finding import Finding, Severity

ROWS = 400


def _found(evidence: ModelEvidence) -> Finding | None:
    return next((each for each in judge_model(evidence).findings if each.check == "far_below_reference"), None)


def _digits(right: float) -> Predicted:
    """Ten balanced classes, of which a share is answered rightly and the rest by chance, ranked as it is answered."""
    rng = np.random.default_rng(0)
    labels = np.arange(ROWS) % 10
    answers = np.where(rng.random(ROWS) < right, labels, rng.integers(10, size=ROWS))
    return Predicted.of(labels, 0.5 * np.eye(10)[answers] + 0.05)


def _reference(metric: str, value: float) -> tuple[SimpleModel, ...]:
    return (SimpleModel("logistic regression on coarse images", metric, value, 0.01),)


@pytest.mark.parametrize(
    ("right", "severity"), [(0.0, Severity.BLOCK), (0.2, Severity.BLOCK), (0.6, Severity.INFO), (0.95, Severity.INFO)]
)
def test_refuses_a_model_that_has_less_than_half_of_the_lead(right: float, severity: Severity) -> None:
    found = _found(ModelEvidence(test=_digits(right), references=_reference("accuracy", 0.94)))
    assert found is not None and found.severity is severity
    assert "0.940" in found.reason and found.subject == "logistic regression on coarse images"


def test_few_rows_decide_nothing() -> None:
    few = _digits(0.4).only(np.arange(ROWS) < 20)
    found = _found(ModelEvidence(test=few, references=_reference("accuracy", 0.94)))
    assert found is not None and found.severity is not Severity.BLOCK


def test_rows_of_eval_make_certain_what_few_rows_of_test_cannot() -> None:
    all_rows = _digits(0.1)
    test, evaluated = all_rows.only(np.arange(ROWS) < 20), all_rows.only(np.arange(ROWS) >= 360)
    reference = _reference("accuracy", 0.94)
    alone = _found(ModelEvidence(test=test, references=reference))
    both = _found(ModelEvidence(test=test, eval=evaluated, references=reference))
    assert alone is not None and alone.severity is not Severity.BLOCK
    assert both is not None and both.severity is Severity.BLOCK
    assert "On eval and test together its accuracy is" in both.reason and "(60 rows)" in both.reason


def test_a_model_that_fails_on_eval_alone_is_no_matter_of_the_reference() -> None:
    evidence = ModelEvidence(test=_digits(0.9), eval=_digits(0.0), references=_reference("accuracy", 0.94))
    found = _found(evidence)
    assert found is not None and found.severity is Severity.INFO


def test_a_model_that_fails_on_test_alone_is_refused_whatever_eval_says() -> None:
    evidence = ModelEvidence(test=_digits(0.0), eval=_digits(0.95), references=_reference("accuracy", 0.94))
    found = _found(evidence)
    assert found is not None and found.severity is Severity.BLOCK


def test_entities_of_eval_are_others_than_those_of_test() -> None:
    one = _digits(0.1)
    test, evaluated = (
        Predicted(part.labels, part.scores, groups=np.arange(part.rows) // 2)
        for part in (one.only(np.arange(ROWS) < 60), one.only(np.arange(ROWS) >= 300))
    )
    found = _found(ModelEvidence(test=test, eval=evaluated, references=_reference("accuracy", 0.94)))
    assert found is not None and found.severity is Severity.BLOCK


def test_a_reference_that_leads_no_constant_measures_nothing() -> None:
    assert _found(ModelEvidence(test=_digits(0.1), references=_reference("auc", 0.52))) is None


def test_the_accuracy_of_a_rare_class_is_not_compared() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(ROWS) < 0.1).astype(int)
    test = Predicted.of(labels, 0.3 + 0.3 * labels + 0.3 * rng.random(ROWS))
    assert _found(ModelEvidence(test=test, references=_reference("accuracy", 0.97))) is None
    found = _found(ModelEvidence(test=test, references=_reference("auc", 0.97)))
    assert found is not None and found.severity is Severity.INFO
