"""Limits on classes: one by its name is judged as all rows are, every class as slices are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from core.errors import SluiceError
from gates.evaluation.limits import Limit
from gates.evaluation.measure import Scored, by_class, measure
from gates.evaluation.metrics import Evaluation
from gates.evaluation.thresholds import judge_thresholds
from gates.verdict.finding import Finding, Severity
from pipeline.config.evaluation import EvaluatorConfig, Threshold
from pipeline.config.load import load_workload
from pipeline.config.paths import ROOT
from runners.results.record import metrics_of

NAMES = ["T-shirt/top", "Trouser", "Pullover"]


def _evaluation(
    recalls: tuple[float, ...] = (0.9, 0.9, 0.6), rows: int = 1000, names: Any = NAMES, seed: int = 0, old: Any = None
) -> Evaluation:
    """As many rows of each class, so much of each found; the others are taken for the next class."""

    def answers(found: tuple[float, ...]) -> np.ndarray:
        rng = np.random.default_rng(seed)
        shift = np.concatenate([(rng.random(rows) >= share).astype(int) for share in found])
        return np.eye(len(found))[(labels + shift) % len(found)]

    labels = np.repeat(np.arange(len(recalls)), rows)
    scored = Scored(labels, answers(recalls), blessed=None if old is None else answers(old))
    estimates = measure(scored, ["accuracy"], [], 0.95)
    return Evaluation(0.95, estimates, classes=by_class(scored, names, 0.95))


def _judged(evaluation: Evaluation, **limit: Any) -> list[tuple[str, Severity, str]]:
    findings = judge_thresholds(evaluation, [Limit(**{"metric": "recall", **limit})]).findings
    return [(each.check, each.severity, each.subject) for each in findings]


def _one(evaluation: Evaluation, **limit: Any) -> Finding:
    (finding,) = judge_thresholds(evaluation, [Limit(**{"metric": "recall", **limit})]).findings
    return finding


def test_a_class_below_its_limit_is_refused_and_named() -> None:
    found = _one(_evaluation(), class_name="Pullover", at_least=0.8)
    assert (found.check, found.severity, found.subject) == ("threshold_class", Severity.BLOCK, "class Pullover")
    assert "recall on the 1,000 test rows of class Pullover is 0." in found.reason
    assert "at least 0.800" in found.reason and "on this class" in found.remedy


def test_one_class_by_its_name_is_refused_in_doubt() -> None:
    evaluation = _evaluation((0.9, 0.9, 0.82), rows=300)
    recall = evaluation.classes[2].recall
    assert recall.lower < 0.8 < recall.value
    found = _one(evaluation, class_name="Pullover", at_least=0.8)
    assert found.severity is Severity.BLOCK and "the interval reaches beyond" in found.reason
    assert _judged(evaluation, class_name="*", at_least=0.8)[0][1] is Severity.INFO


def test_every_class_blocks_only_where_it_is_certain() -> None:
    certain = _judged(_evaluation(), class_name="*", at_least=0.8)
    assert certain == [("threshold_class", Severity.BLOCK, "class Pullover")]
    evaluation = _evaluation((0.9, 0.9, 0.78), rows=300)
    findings = judge_thresholds(evaluation, [Limit("recall", at_least=0.8, class_name="*")]).findings
    assert [each.severity for each in findings] == [Severity.WARN]
    assert "among 3 classes that is not sure" in findings[0].reason and "rows of this class" in findings[0].remedy


def test_forty_classes_exactly_at_the_limit_are_seldom_refused() -> None:
    refused = 0
    for seed in range(60):
        evaluation = _evaluation((0.7,) * 40, rows=200, names=(), seed=seed)
        refused += any(one[1] is Severity.BLOCK for one in _judged(evaluation, class_name="*", at_least=0.7))
    assert refused <= 6


def test_small_classes_are_reported_and_not_judged() -> None:
    evaluation = _evaluation(rows=150)
    assert _judged(evaluation, class_name="*", at_least=0.8) == [("threshold_class", Severity.INFO, "class *")]
    named = _judged(evaluation, class_name="*", at_least=0.8, min_examples=100)
    assert [each for each in named if each[1] is Severity.BLOCK] == [
        ("threshold_class", Severity.BLOCK, "class Pullover")
    ]


def test_precision_is_judged_on_what_is_taken_for_the_class() -> None:
    found = _one(_evaluation(), metric="precision", class_name="T-shirt/top", at_least=0.9)
    assert found.severity is Severity.BLOCK
    assert f"precision on the {found.n:,} test rows taken for T-shirt/top" in found.reason
    assert found.n == _evaluation().classes[0].predicted


def test_a_class_that_falls_behind_the_blessed_model_is_refused() -> None:
    evaluation = _evaluation((0.9, 0.9, 0.6), old=(0.9, 0.9, 0.9))
    assert _judged(evaluation, class_name="*", no_worse_than_blessed_by=0.1) == [
        ("threshold_class", Severity.BLOCK, "class Pullover")
    ]
    skipped = judge_thresholds(_evaluation(), [Limit("recall", class_name="*", no_worse_than_blessed_by=0.1)]).skipped
    assert "no model has been blessed before (recall on class *)" in skipped[0].why


@pytest.mark.parametrize("name", ["2", 2])
def test_classes_without_names_go_by_their_integers(name: str | int) -> None:
    assert _judged(_evaluation(names=()), class_name=name, at_least=0.8)[0][2] == "class 2"


def test_a_class_that_does_not_exist_is_refused_and_so_is_one_of_a_binary_model() -> None:
    for evaluation in (_evaluation(), Evaluation(0.95, ())):
        found = _one(evaluation, class_name="Pulover", at_least=0.5)
        assert found.severity is Severity.BLOCK
        assert "class Pulover has a threshold but was not measured" in found.reason


def test_a_class_that_is_never_predicted_has_no_precision_and_is_refused_by_its_name() -> None:
    evaluation = _evaluation((1.0, 1.0, 0.0))
    assert evaluation.classes[2].predicted == 0
    named = _one(evaluation, metric="precision", class_name="Pullover", at_least=0.1)
    assert named.severity is Severity.BLOCK and "could not be computed" in named.reason


def test_precision_that_the_blessed_model_never_had_is_nothing_to_fall_behind() -> None:
    limit = {"metric": "precision", "class_name": "Pullover", "no_worse_than_blessed_by": 0.0}
    found = _one(_evaluation((0.9, 0.9, 0.8), old=(1.0, 1.0, 0.0)), **limit)
    assert (found.check, found.severity, found.subject) == ("threshold_class", Severity.INFO, "class Pullover")
    assert "the last blessed model has none: there is nothing to fall behind" in found.reason
    for old in ((0.9, 0.9, 0.8), (1.0, 1.0, 0.0)):
        lost = _one(_evaluation((1.0, 1.0, 0.0), old=old), **limit)
        assert lost.severity is Severity.BLOCK and "could not be computed" in lost.reason


def test_run_json_has_the_classes_of_a_model_with_several_and_of_no_other() -> None:
    found = json.loads(json.dumps(metrics_of(_evaluation()), allow_nan=False))
    assert [each["name"] for each in found["classes"]] == NAMES
    pullover = found["classes"][2]
    assert pullover["n"] == 1000 and pullover["recall_lower"] < pullover["recall"] < pullover["recall_upper"]
    assert {"predicted", "precision", "precision_lower", "precision_upper", "f1"} <= set(pullover)
    assert set(metrics_of(Evaluation(0.95, ()))) == {"overall", "slices", "references"}


def test_the_report_gets_a_judgement_for_each_limit() -> None:
    limits = [Limit("recall", class_name="*", at_least=0.6), Limit("accuracy", at_least=0.5)]
    found = [(each.metric, each.limit, each.slice.name) for each in judge_thresholds(_evaluation(), limits).judgements]
    assert found == [*(("recall", 0.6, f"class {name}") for name in NAMES), ("accuracy", 0.5, "overall")]


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ({"metric": "auc", "class_name": "Pullover", "at_least": 0.5}, "a class has recall and precision"),
        ({"metric": "recall", "class_name": "*", "slice": {"a": "b"}, "at_least": 0.5}, "a class or on a slice"),
    ],
)
def test_limits_that_make_no_sense_are_refused(threshold: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Threshold(**threshold)
    with pytest.raises(ValidationError, match="recall on class x twice"):
        EvaluatorConfig(thresholds=[Threshold(metric="recall", class_name="x", at_least=each) for each in (0.1, 0.2)])


def test_as_many_names_as_classes_are_required(tmp_path: Path) -> None:
    text = (ROOT / "configs/fashion_mnist.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("    classes: 10", "    classes: 9"))
    with pytest.raises(SluiceError, match=r"names 10 classes and `model.hyperparameters.classes` is 9"):
        load_workload(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("[none, tip]", "names the class Pulover, which is not in `data.class_names` (none, tip)"),
        ("[tip, tip]", "`data.class_names` names tip twice"),
        ('["*", tip]', "`*` means every class and cannot name one"),
    ],
)
def test_a_class_that_the_configuration_does_not_name_is_refused_in_one_sentence(
    tmp_path: Path, names: str, message: str
) -> None:
    text = (ROOT / "configs/taxi.yaml").read_text()
    limit = "  thresholds:\n    - {metric: recall, class_name: Pulover, at_least: 0.5}"
    text = text.replace("class_names: [no big tip, big tip]", f"class_names: {names}")
    (tmp_path / "mine.yaml").write_text(text.replace("  thresholds:", limit))
    with pytest.raises(SluiceError) as caught:
        load_workload(str(tmp_path / "mine.yaml"))
    assert message in caught.value.headline
    assert "line" in caught.value.headline


def test_a_threshold_on_a_class_that_is_misspelt_refuses_and_names_the_nearest() -> None:
    finding = _one(_evaluation(), class_name="Trousers", at_least=0.5)
    assert finding.severity is Severity.BLOCK
    assert "did you mean `Trouser`?" in finding.reason
