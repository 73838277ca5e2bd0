"""ExampleValidator: one broken thing, one kind of finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx.types import standard_artifacts

from gates.finding import GateReport, Severity, Verdict
from pipeline.components.artifacts import Blessing, GateReportArtifact, is_blessed, read_report
from pipeline.components.example_validator import ExampleValidatorExecutor, validate
from tests.unit import gate_samples as samples

Statistics = dict[str, statistics_pb2.DatasetFeatureStatisticsList]
FRAMES = samples.deal(samples.rides(), seed=1)
REQUESTS = FRAMES["eval"].drop(columns=[samples.LABEL, *samples.WITHHELD])


@pytest.fixture(scope="module")
def clean() -> Statistics:
    return {name: samples.statistics_of(frame) for name, frame in FRAMES.items()}


@pytest.fixture
def schema(clean: Statistics) -> schema_pb2.Schema:
    return samples.proposed(clean)


def _report(splits: Statistics, schema: schema_pb2.Schema, **others: Any) -> GateReport:
    serving, previous = (
        samples.statistics_of(others[name]) if name in others else None for name in ("serving", "previous")
    )
    return validate(splits, schema, serving, previous, others.get("tolerated", {}))[0]


def _fired(report: GateReport) -> set[tuple[str, str, Severity]]:
    return {(finding.check, finding.subject, finding.severity) for finding in report.findings}


def _compare(schema: schema_pb2.Schema, column: str, comparator: str, measure: str, threshold: float) -> None:
    feature = next(feature for feature in schema.feature if feature.name == column)
    getattr(getattr(feature, comparator), measure).threshold = threshold


def test_clean_data_passes_and_says_what_was_not_looked_at(clean: Statistics, schema: schema_pb2.Schema) -> None:
    report = _report(clean, schema)
    assert (report.verdict, report.findings) == (Verdict.PASS, ())
    skipped = {skipped.check: skipped.why for skipped in report.checks_skipped}
    assert set(skipped) == {"skew_comparator", "drift_comparator", "schema_serving"}
    assert "serving log" in skipped["schema_serving"]


def test_refuses_a_missing_column(clean: Statistics, schema: schema_pb2.Schema) -> None:
    splits = {**clean, "eval": samples.statistics_of(FRAMES["eval"].drop(columns="fare"))}
    report = _report(splits, schema)
    assert _fired(report) == {("schema_missing_column", "eval: fare", Severity.BLOCK)}
    assert "fare is in the schema for TRAINING but not in eval" in report.findings[0].reason


def test_refuses_a_new_column(clean: Statistics, schema: schema_pb2.Schema) -> None:
    splits = {**clean, "train": samples.statistics_of(FRAMES["train"].assign(trip_total=1.0))}
    assert _fired(_report(splits, schema)) == {("schema_new_column", "train: trip_total", Severity.BLOCK)}


def test_refuses_a_number_that_became_text(clean: Statistics, schema: schema_pb2.Schema) -> None:
    dollars = FRAMES["test"].assign(fare="$" + FRAMES["test"]["fare"].astype(str))
    report = _report({**clean, "test": samples.statistics_of(dollars)}, schema)
    assert ("schema_type", "test: fare", Severity.BLOCK) in _fired(report)
    assert {finding.subject for finding in report.findings} == {"test: fare"}


def test_refuses_values_outside_the_domain_and_names_them(clean: Statistics, schema: schema_pb2.Schema) -> None:
    renamed = FRAMES["eval"].assign(company=FRAMES["eval"]["company"].str.lower())
    report = _report({**clean, "eval": samples.statistics_of(renamed)}, schema)
    assert _fired(report) == {("schema_domain", "eval: company", Severity.BLOCK)}
    assert "taxi affiliation services" in report.findings[0].reason


def test_refuses_missing_values_beyond_what_train_has(clean: Statistics, schema: schema_pb2.Schema) -> None:
    holes = FRAMES["eval"].copy()
    holes.loc[holes.sample(frac=0.15, random_state=0).index, "trip_miles"] = np.nan
    report = _report({**clean, "eval": samples.statistics_of(holes)}, schema)
    assert _fired(report) == {("schema_presence", "eval: trip_miles", Severity.BLOCK)}
    assert report.findings[0].value == pytest.approx(0.15, abs=0.01)


def test_a_breach_that_few_rows_explain_is_told_and_does_not_refuse(
    clean: Statistics, schema: schema_pb2.Schema
) -> None:
    few = REQUESTS.head(40).copy()
    few.iloc[0, few.columns.get_loc("company")] = "A New Cab Company"
    report = _report(clean, schema, serving=few)
    assert ("schema_domain", "serving: company", Severity.INFO) in _fired(report)
    assert report.blessed


@pytest.mark.parametrize("rows", [20, 200, 500])
def test_clean_serving_logs_of_any_size_pass(clean: Statistics, schema: schema_pb2.Schema, rows: int) -> None:
    for seed in range(5):
        report = _report(clean, schema, serving=REQUESTS.sample(rows, random_state=seed))
        assert {finding.severity for finding in report.findings} <= {Severity.INFO}


def test_a_hard_limit_of_a_curated_schema_refuses_a_single_row(clean: Statistics, schema: schema_pb2.Schema) -> None:
    feature = next(feature for feature in schema.feature if feature.name == "trip_miles")
    feature.presence.min_fraction = 1.0
    few = REQUESTS.head(40).copy()
    few.iloc[0, few.columns.get_loc("trip_miles")] = np.nan
    assert ("schema_presence", "serving: trip_miles", Severity.BLOCK) in _fired(_report(clean, schema, serving=few))


def test_requests_need_neither_label_nor_withheld_columns(clean: Statistics, schema: schema_pb2.Schema) -> None:
    report = _report(clean, schema, serving=REQUESTS)
    assert report.findings == ()
    assert "schema_serving" in report.checks_run


def test_a_serving_log_that_also_holds_the_outcome_is_no_fault(clean: Statistics, schema: schema_pb2.Schema) -> None:
    report = _report(clean, schema, serving=FRAMES["eval"])
    assert {finding.severity for finding in report.findings} == {Severity.INFO}
    assert {finding.subject for finding in report.findings} == {
        f"serving: {c}" for c in (samples.LABEL, *samples.WITHHELD)
    }


def test_refuses_a_serving_log_without_a_feature(clean: Statistics, schema: schema_pb2.Schema) -> None:
    report = _report(clean, schema, serving=REQUESTS.drop(columns="company"))
    assert _fired(report) == {("schema_missing_column", "serving: company", Severity.BLOCK)}


def test_skew_between_serving_and_training_is_really_evaluated(clean: Statistics, schema: schema_pb2.Schema) -> None:
    _compare(schema, "company", "skew_comparator", "infinity_norm", 0.1)
    assert _report(clean, schema, serving=REQUESTS).findings == ()
    one_company = REQUESTS.assign(company="Top Cab Affiliation")
    report = _report(clean, schema, serving=one_company)
    assert ("skew_comparator", "train: company", Severity.BLOCK) in _fired(report)
    assert {finding.check for finding in report.findings} == {"skew_comparator"}


def test_drift_since_the_previous_span_is_really_evaluated(clean: Statistics, schema: schema_pb2.Schema) -> None:
    _compare(schema, "company", "drift_comparator", "infinity_norm", 0.1)
    assert _report(clean, schema, previous=FRAMES["test"]).findings == ()
    report = _report(clean, schema, previous=FRAMES["test"].assign(company="Choice Taxi Association"))
    assert _fired(report) == {("drift_comparator", "train: company", Severity.BLOCK)}
    assert report.findings[0].value > report.findings[0].threshold == pytest.approx(0.1)


def test_a_comparator_without_its_column_on_the_other_side_is_not_silent(
    clean: Statistics, schema: schema_pb2.Schema
) -> None:
    _compare(schema, "company", "drift_comparator", "infinity_norm", 0.1)
    report = _report(clean, schema, previous=FRAMES["test"].drop(columns="company"))
    assert _fired(report) == {("drift_comparator", "train: company", Severity.BLOCK)}
    assert "nothing to compare" in report.findings[0].reason


def test_refuses_a_comparator_that_tfdv_would_never_evaluate(clean: Statistics, schema: schema_pb2.Schema) -> None:
    _compare(schema, "fare", "skew_comparator", "infinity_norm", 0.1)
    report = _report(clean, schema)
    assert _fired(report) == {("comparator_type", "train: fare", Severity.BLOCK)}
    far = samples.statistics_of(REQUESTS.assign(fare=REQUESTS["fare"] * 1000))
    assert not tfdv.validate_statistics(
        clean["train"], schema, environment="TRAINING", serving_statistics=far
    ).anomaly_info, "TFDV now evaluates it: drop this check"


def test_a_tolerated_column_warns_with_the_reason(clean: Statistics, schema: schema_pb2.Schema) -> None:
    splits = {**clean, "eval": samples.statistics_of(FRAMES["eval"].drop(columns="fare"))}
    report = _report(splits, schema, tolerated={"fare": "the meter was down in March"})
    assert _fired(report) == {("schema_missing_column", "eval: fare", Severity.WARN)}
    assert "the meter was down in March" in report.findings[0].reason
    assert report.blessed


def test_an_empty_split_is_refused_in_words(clean: Statistics, schema: schema_pb2.Schema) -> None:
    empty = statistics_pb2.DatasetFeatureStatisticsList(datasets=[statistics_pb2.DatasetFeatureStatistics()])
    report = _report({**clean, "eval": empty}, schema)
    assert report.verdict is Verdict.FAIL
    assert {finding.reason for finding in report.findings} == {"eval has no rows."}


def test_component_writes_what_tfx_tools_read_and_the_blessing_conditions_need(
    tmp_path: Path, schema: schema_pb2.Schema
) -> None:
    outputs = {
        "anomalies": samples.artifact(standard_artifacts.ExampleAnomalies, tmp_path / "anomalies"),
        "report": samples.artifact(GateReportArtifact, tmp_path / "report"),
        "blessing": samples.artifact(Blessing, tmp_path / "blessing"),
    }
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/schema.pbtxt").write_text(str(schema))
    frames = {**FRAMES, "test": FRAMES["test"].drop(columns="fare")}
    inputs = {
        "statistics": [samples.write_statistics(frames, tmp_path / "statistics")],
        "schema": [samples.artifact(standard_artifacts.Schema, tmp_path / "schema")],
        "serving_statistics": [samples.write_statistics({"serving": REQUESTS}, tmp_path / "serving")],
    }
    ExampleValidatorExecutor().Do(
        inputs, {name: [each] for name, each in outputs.items()}, {"tolerated": json.dumps({})}
    )
    assert json.loads(outputs["anomalies"].split_names) == ["train", "eval", "test", "serving"]
    stored = (tmp_path / "anomalies/Split-test/SchemaDiff.pb").read_bytes()
    written = anomalies_pb2.Anomalies.FromString(stored)
    assert list(written.anomaly_info) == ["fare"]
    report = read_report(outputs["report"].uri)
    assert ("schema_missing_column", "test: fare", Severity.BLOCK) in _fired(report)
    assert not is_blessed(outputs["blessing"])
    assert (tmp_path / "blessing/NOT_BLESSED").exists()
