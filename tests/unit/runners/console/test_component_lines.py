"""The console's sentence about a component, from its outputs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts

from gates.evaluation.metrics import Evaluation, MetricEstimate
from gates.evaluation.slices import OVERALL
from gates.verdict.finding import Finding, GateReport, Severity, Verdict
from pipeline.artifacts.absence import mark_absent
from pipeline.artifacts.blessings import GateReportArtifact, write_report
from pipeline.artifacts.evaluation import write_evaluation
from runners.console.component_lines import sentence_for
from runners.results.node_result import NodeResult

LINE_WIDTH = 78  # of the console


def ingested(**changed: Any) -> NodeResult:
    examples = standard_artifacts.Examples()
    facts = {"rows": {"train": 26_923, "eval": 2_992, "test": 5_004}, "unusable_rows": 0, **changed}
    examples.set_string_custom_property("sluice_facts", json.dumps(facts))
    return NodeResult("ExampleGen", "ran", 1.0, {"examples": [examples]})


def test_ingest_shows_which_share_of_the_rows_was_taken() -> None:
    sentence = sentence_for(ingested(share=0.5))
    assert sentence == "34,919 rows (share 0.5) → train 26,923 / eval 2,992 / test 5,004"
    assert len(sentence) <= LINE_WIDTH


@pytest.mark.parametrize("facts", [{"share": 1.0}, {}])
def test_ingest_shows_no_share_where_all_rows_were_taken(facts: dict[str, float]) -> None:
    assert sentence_for(ingested(**facts)) == "34,919 rows → train 26,923 / eval 2,992 / test 5,004"


def test_an_inconclusive_gate_names_the_checks_in_doubt(tmp_path: Path) -> None:
    artifact = GateReportArtifact()
    artifact.uri = str(tmp_path)
    doubt = Finding("nulls", "fare", "share", 0.1, 0.05, 60, Severity.INFO, "Few rows.", "-", undecided=True)
    write_report(artifact, GateReport("data_gate", Verdict.INCONCLUSIVE, (doubt,), ("nulls",)))
    sentence = sentence_for(NodeResult("DataGate", "ran", 1.0, {"report": [artifact]}))
    assert sentence == "1 check: nothing refused, inconclusive: nulls"


def test_evaluation_of_one_row_shows_its_loss_without_an_interval(tmp_path: Path) -> None:
    artifact = standard_artifacts.ModelEvaluation()
    artifact.uri = str(tmp_path)
    evaluation = Evaluation(0.95, (MetricEstimate("loss", OVERALL, 1, 0.223, math.nan, math.nan),))
    write_evaluation(artifact, evaluation)
    assert sentence_for(NodeResult("Evaluator", "ran", 1.0, {"evaluation": [artifact]})).startswith("loss 0.223; ")


def test_the_model_to_beat_is_named_by_its_version_or_said_to_be_absent(tmp_path: Path) -> None:
    model = standard_artifacts.Model()
    model.uri = str(tmp_path)
    champion = NodeResult("Champion", "ran", 1.0, {"model": [model]})
    model.set_string_custom_property("version", "1.2.0")
    assert sentence_for(champion) == "version 1.2.0 of the registry"
    mark_absent(model)
    assert sentence_for(champion) == "there is none"
