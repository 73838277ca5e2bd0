"""Every class must be recognised; exchanged outputs are named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gates.model.evidence import ModelEvidence, Predicted
from gates.verdict.catalogue import NotApplicable, check_named
from gates.verdict.finding import Finding, Severity
from gates.verdict.rule import decide
from tests.samples.fitted_models import TODAY, GateSettings, trained

CHECK = "class_recognition"
DIGITS = trained("digits")


def found(evidence: ModelEvidence) -> list[Finding]:
    check = check_named(CHECK)
    return decide(check.measure(evidence, check.margin), {}, GateSettings(), TODAY)[0]


def digits(*order: int) -> ModelEvidence:
    """A sound model of ten digits with its outputs in this order."""

    def split(name: str) -> Predicted:
        predicted = DIGITS.predicted(name)
        return Predicted.of(predicted.labels, predicted.scores[:, order or range(10)])

    return ModelEvidence(train=split("train"), eval=split("eval"), test=split("test"))


def weak(strength: float, seed: int, shares: tuple[float, ...] = (0.55, 0.3, 0.15), rows: int = 1_500) -> Any:
    """Calibrated probabilities from one noisy measurement, and labels drawn from them."""
    rng = np.random.default_rng(seed)

    def split() -> Predicted:
        logits = np.log(shares) + strength * rng.normal(size=(rows, 1)) * np.array([-1.0, 0.0, 1.0])
        scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        labels = (rng.random((rows, 1)) > scores.cumsum(axis=1)).sum(axis=1)
        return Predicted.of(labels, scores)

    return ModelEvidence(eval=split(), test=split())


def test_two_exchanged_classes_are_refused_and_named() -> None:
    (finding,) = found(digits(0, 1, 2, 5, 4, 3, 6, 7, 8, 9))
    assert finding.severity is Severity.BLOCK and finding.subject == "3, 5"
    assert "rows of 3 are answered 5" in finding.reason and "rows of 5 are answered 3" in finding.reason


def test_three_classes_in_a_circle_are_refused_and_called_by_their_names() -> None:
    names = tuple("abcdefghij")
    (finding,) = found(replace(digits(0, 1, 2, 4, 5, 3, 6, 7, 8, 9), classes=names))
    assert finding.severity is Severity.BLOCK and set(finding.subject.split(", ")) == {"d", "e", "f"}


def test_outputs_moved_by_one_are_refused() -> None:
    (finding,) = found(digits(*range(1, 10), 0))
    assert finding.severity is Severity.BLOCK and finding.subject == "0, 9, 8, 7, 6"


def test_a_sound_model_passes() -> None:
    assert [each.severity for each in found(digits())] == [Severity.INFO]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("strength", [0.1, 0.5, 1.5])
def test_a_weak_model_is_never_refused(strength: float, seed: int) -> None:
    assert all(each.severity is not Severity.BLOCK for each in found(weak(strength, seed)))


def test_a_class_that_is_never_answered_warns() -> None:
    (finding,) = found(weak(0.1, 0))
    assert finding.severity is Severity.WARN
    assert finding.subject == "1" and "no row of 1 is answered right" in finding.reason


def _masked(classes: int, keep: float, rows: int = 4_000, train_share: float = 1.0) -> ModelEvidence:
    """A sound model of so many even classes whose probability of class 0 was multiplied by `keep` afterwards. Train may
    hold fewer rows of it."""
    splits = {}
    for seed, split in enumerate(("train", "eval", "test")):
        rng = np.random.default_rng(seed)
        shares = np.ones(classes)
        shares[0] = train_share if split == "train" else 1.0
        labels = rng.choice(classes, rows, p=shares / shares.sum())
        logits = rng.normal(size=(rows, classes))
        logits[np.arange(rows), labels] += 3.0
        scores = np.exp(2.0 * logits)
        scores[:, 0] *= keep
        splits[split] = Predicted.of(labels, scores / scores.sum(axis=1, keepdims=True))
    return ModelEvidence(**splits)


@pytest.mark.parametrize("classes", [3, 10, 40])
def test_a_class_whose_output_is_masked_is_refused(classes: int) -> None:
    (finding,) = found(_masked(classes, 1e-7))
    assert (finding.severity, finding.subject) == (Severity.BLOCK, "0")
    assert "less than a quarter of its share" in finding.reason


def test_a_class_that_train_hardly_has_is_not_the_models_fault() -> None:
    severities = [each.severity for each in found(_masked(10, 1e-7, train_share=0.001))]
    assert severities == [Severity.WARN]


@pytest.mark.parametrize("keep", [1.0, 0.3])
def test_a_class_with_less_weight_is_not_refused(keep: float) -> None:
    assert all(each.severity is not Severity.BLOCK for each in found(_masked(10, keep)))


def test_two_classes_are_left_to_the_ranking() -> None:
    labels = np.arange(100) % 2
    both = Predicted.of(labels, 0.2 + 0.6 * labels + 0.001 * np.arange(100))
    with pytest.raises(NotApplicable, match="two classes"):
        found(ModelEvidence(eval=both, test=both))


def test_exchanged_classes_are_refused_also_where_train_is_too_small_to_judge_one_that_is_never_answered() -> None:
    rng = np.random.default_rng(0)

    def split(rows: int) -> Predicted:
        labels = rng.integers(0, 5, rows)
        scores = np.full((rows, 5), 0.05)
        scores[np.arange(rows), np.array([1, 0, 3, 3, 4])[labels]] = 0.8
        return Predicted.of(labels, scores / scores.sum(axis=1, keepdims=True))

    evidence = ModelEvidence(train=split(3), eval=split(2_000), test=split(2_000))
    severities = {each.subject: each.severity for each in found(evidence)}
    assert severities == {"0, 1": Severity.BLOCK, "2": Severity.WARN}
