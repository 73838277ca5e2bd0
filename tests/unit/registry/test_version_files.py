"""The files beside a registered model: whole, readable by programs, and a card that a reviewer can read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gates.evaluation.metrics import ClassPerformance, ConfusionMatrix, Evaluation, MetricEstimate, Reference
from gates.evaluation.slices import OVERALL, Slice
from gates.verdict.finding import Finding, GateReport, Severity, SkippedCheck, Verdict
from models.export.model_run import TrainingRecord, Utilisation
from registry.contract import Numbered
from registry.recipe import Recipe
from registry.run_configuration import CardFacts, Environment, Provenance
from registry.version_files import write_files
from registry.version_record import RequestTimes, VersionRecord

FILES = {
    "model_card.md",
    "metrics.json",
    "params.json",
    "confusion_matrix.png",
    "class_performance.json",
    "gates.json",
    "environment.json",
}
NUMBERED = Numbered("taxi", "1.1.0", "minor: learning_rate 0.001 → 0.0005")
CARD = CardFacts(
    purpose="Says whether a rider will tip.",
    limits=("Not for rides outside Chicago.",),
    label="big_tipper",
    label_expression="tips > 0.2 * fare",
    made_at="pickup",
    withheld=("tips",),
    split_by="row",
    split_column=None,
    entity_key=None,
)
TRAINING = TrainingRecord(
    epochs_run=3,
    steps=120,
    seconds=4.5,
    images_per_second=None,
    devices=["cpu"],
    mixed_precision=False,
    resumed_from_epoch=0,
    utilisation=Utilisation(0.5, None, 0.25, 0.1),
    advice=[],
    hyperparameters={"learning_rate": 0.0005},
    parameters=1001,
)
PROVENANCE = Provenance(git_commit="c0ffee", data_fingerprint="abc", code="d0e", seed=7)


def _estimate(metric: str, where: Slice = OVERALL, value: float = 0.62) -> MetricEstimate:
    return MetricEstimate(metric, where, 1539, value, value - 0.03, value + 0.03)


@pytest.fixture
def record() -> VersionRecord:
    estimates = [_estimate("auc"), _estimate("accuracy", value=0.786)]
    slices = [
        _estimate("auc", Slice.of({"company": "A | <b>B</b>"})),
        _estimate("auc", Slice.of({"company": "one class"}), float("nan")),
    ]
    waived = Finding(
        "target", "tips", "AUC", 0.9, 0.5, 100, Severity.WARN, "It leaks. Waived.", "Mend it.", waiver="known"
    )
    warning = Finding("drift", "fare", "shift", 0.2, 0.1, 100, Severity.WARN, "fare moved.", "Look at it.")
    return VersionRecord(
        recipe=Recipe(
            architecture={
                "module": "models.a",
                "answer": "batch×1",
                "feature fare": "float32",
                "request fare": "float32",
            },
            hyperparameters={"learning_rate": 0.0005},
            rest={"data": "abc"},
        ),
        card=CARD,
        rows={"train": 12000, "eval": 1500, "test": 1539},
        evaluation=Evaluation(
            0.95,
            (*estimates, *slices),
            ConfusionMatrix(("0", "1"), ((1100, 100), (230, 109))),
            references=(Reference("majority class", (_estimate("accuracy", value=0.78),)),),
        ),
        gates=(
            GateReport("data_gate", Verdict.PASS, (waived, warning), ("target",), (SkippedCheck("drift", "no span"),)),
            GateReport("model_gate", Verdict.PASS),
        ),
        request_times=RequestTimes.of([1.0, 2.0, 3.0, 40.0]),
        training=TRAINING,
        environment=Environment(PROVENANCE, "3.10.14", "linux x86_64", {"tensorflow": "2.16.2", "tfx": None}),
    )


def _written(folder: Path, record: VersionRecord) -> dict[str, Any]:
    write_files(folder, record, NUMBERED)
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


def test_writes_every_file(tmp_path: Path, record: VersionRecord) -> None:
    found = _written(tmp_path, record)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert found["metrics"]["overall"]["auc"] == {"value": 0.62, "lower": 0.59, "upper": 0.65}
    assert found["metrics"]["slices"]["company=one class"]["auc"]["value"] is None
    assert found["metrics"]["request_milliseconds"] == {"requests": 4, "p50": 3.0, "p95": 40.0, "p99": 40.0}
    assert found["params"]["hyperparameters"] == {"learning_rate": 0.0005}
    assert [report["gate"] for report in found["gates"]] == ["data_gate", "model_gate"]
    assert found["environment"] == {
        "code": "d0e",
        "data_fingerprint": "abc",
        "git_commit": "c0ffee",
        "lock_hash": None,
        "seed": 7,
        "python": "3.10.14",
        "system": "linux x86_64",
        "versions": {"tensorflow": "2.16.2", "tfx": None},
    }
    assert found["params"]["training"]["utilisation"] == {"cpu": 0.5, "gpu": None, "memory": 0.25, "input_stall": 0.1}


def test_two_classes_are_read_from_the_confusion_matrix(tmp_path: Path, record: VersionRecord) -> None:
    no, yes = _written(tmp_path, record)["class_performance"]
    assert (yes["name"], yes["rows"], yes["predicted"]) == ("1", 339, 209)
    assert yes["recall"]["value"] == pytest.approx(109 / 339)
    assert yes["recall"]["lower"] < yes["recall"]["value"] < yes["recall"]["upper"]
    assert yes["precision"]["value"] == pytest.approx(109 / 209)
    assert yes["f1"] == pytest.approx(2 * 109 / (339 + 209))
    assert (no["mostly_taken_for"], no["rows_taken_for_it"]) == ("1", 100)


def test_more_classes_keep_the_evaluators_figures_and_their_names(tmp_path: Path, record: VersionRecord) -> None:
    names = ("Shirt", "Pullover", "Coat")
    measured = tuple(
        ClassPerformance(
            name,
            _estimate("recall", Slice.of_class(name), 0.9),
            _estimate("precision", Slice.of_class(name), 0.8),
            0.85,
        )
        for name in names
    )
    confusion = ConfusionMatrix(names, ((90, 9, 1), (0, 0, 0), (3, 2, 95)))
    evaluation = replace(record.evaluation, confusion=confusion, classes=measured)
    lines = _written(tmp_path, replace(record, evaluation=evaluation))["class_performance"]
    assert [line["name"] for line in lines] == list(names)
    assert lines[0]["recall"] == {"value": 0.9, "lower": 0.87, "upper": pytest.approx(0.93)}
    assert lines[0]["mostly_taken_for"] == "Pullover"
    assert (lines[1]["rows"], lines[1]["mostly_taken_for"]) == (0, None)
    assert "Pullover" in (tmp_path / "model_card.md").read_text()


def test_the_image_grows_with_the_classes(tmp_path: Path, record: VersionRecord) -> None:
    _written(tmp_path, record)
    with Image.open(tmp_path / "confusion_matrix.png") as small:
        assert small.format == "PNG"
        assert small.width > 400
        width = small.width
    names = tuple(f"a rather long name of class {i} at $5" for i in range(25))
    counts = tuple(tuple(int(i == j) for j in range(25)) for i in range(25))
    evaluation = replace(record.evaluation, confusion=ConfusionMatrix(names, counts))
    _written(tmp_path, replace(record, evaluation=evaluation))
    with Image.open(tmp_path / "confusion_matrix.png") as large:
        assert large.width > width


def test_the_card_holds_what_a_reviewer_needs(tmp_path: Path, record: VersionRecord) -> None:
    _written(tmp_path, record)
    card = (tmp_path / "model_card.md").read_text()
    for wanted in (
        "# taxi 1.1.0",
        "Says whether a rider will tip.",
        "minor: learning_rate 0.001 → 0.0005",
        "| auc | 0.620 | 0.590 | 0.650 |",
        "| majority class | accuracy 0.780 |",
        "3.000 ms (median)",
        "| data_gate | pass | 1 | 1 | 2 |",
        "**target** of data_gate on tips: It leaks. Waived.",
        "data_gate, drift: fare moved.",
        "Not for rides outside Chicago.",
        "Never seen by the model: `tips`.",
        "| predicts | `big_tipper`, which is `tips > 0.2 * fare` |",
        "| classes | 0: 0, 1: 1 (a single output is the probability of 1) |",
        "at the moment `pickup`",
        "by a hash of the whole row",
        "| training | epochs run 3, steps 120, seconds 4.5, parameters 1001, devices cpu, mixed precision no |",
        "| system | linux x86_64 |",
        "python -m registry fetch taxi 1.1.0 taxi-1.1.0",
        'model.signatures["serving_default"]',
        "| lock hash | unknown |",
    ):
        assert wanted in card, f"{wanted}\n\n{card}"


def test_values_of_the_data_cannot_break_the_card(tmp_path: Path, record: VersionRecord) -> None:
    _written(tmp_path, record)
    card = (tmp_path / "model_card.md").read_text()
    assert "| company=A \\| &lt;b>B&lt;/b> | 1,539 | auc |" in card
    tables = [line for line in card.splitlines() if line.startswith("| company=")]
    assert all(line.replace("\\|", "").count("|") == 7 for line in tables)


def test_without_measured_requests_or_waivers_the_card_reports_none(tmp_path: Path, record: VersionRecord) -> None:
    _written(tmp_path, replace(record, request_times=None, gates=()))
    card = (tmp_path / "model_card.md").read_text()
    assert "How long a request takes was not measured." in card
    assert "Nothing was let pass by a waiver." in card
