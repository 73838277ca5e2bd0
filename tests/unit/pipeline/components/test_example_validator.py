"""ExampleValidator: one broken thing, one kind of finding."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx.types import standard_artifacts

from gates.verdict.finding import GateReport, Severity, Verdict
from gates.verdict.settings import Tolerance
from pipeline.artifacts.blessings import Blessing, GateReportArtifact, is_blessed, read_report
from pipeline.component_inputs import ValidatorInputs
from pipeline.components.example_validator import ExampleValidatorExecutor, validate
from tests.samples import taxi_artifacts as samples

Statistics = dict[str, statistics_pb2.DatasetFeatureStatisticsList]
FRAMES = samples.assign(samples.rides(), seed=1)
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
    tolerated, strict = others.get("tolerated", {}), others.get("strict", False)
    return validate(splits, schema, serving, previous, tolerated, strict=strict)[0]


def _fired(report: GateReport) -> set[tuple[str, str, Severity]]:
    return {(finding.check, finding.subject, finding.severity) for finding in report.findings}


def _compare(schema: schema_pb2.Schema, column: str, comparator: str, measure: str, threshold: float) -> None:
    feature = next(feature for feature in schema.feature if feature.name == column)
    getattr(getattr(feature, comparator), measure).threshold = threshold


def _everywhere(frames: dict[str, pd.DataFrame], **columns: Any) -> Statistics:
    """Statistics of all splits with the same columns changed; a callable is given the frame."""
    return {name: samples.statistics_of(frame.assign(**columns)) for name, frame in frames.items()}


def test_clean_data_passes_and_says_what_was_not_looked_at(clean: Statistics, schema: schema_pb2.Schema) -> None:
    report = _report(clean, schema)
    assert (report.verdict, report.findings) == (Verdict.PASS, ())
    skipped = {skipped.check: skipped.why for skipped in report.checks_skipped}
    assert set(skipped) == {"skew_comparator", "drift_comparator", "schema_serving", "label_values"}
    assert "serving log" in skipped["schema_serving"]


def test_refuses_a_missing_column(clean: Statistics, schema: schema_pb2.Schema) -> None:
    splits = {**clean, "eval": samples.statistics_of(FRAMES["eval"].drop(columns="fare"))}
    report = _report(splits, schema)
    assert _fired(report) == {("schema_missing_column", "fare", Severity.BLOCK)}
    assert report.findings[0].reason == "fare does not exist in eval; the schema expects it."


def test_refuses_a_new_column(clean: Statistics, schema: schema_pb2.Schema) -> None:
    splits = {**clean, "train": samples.statistics_of(FRAMES["train"].assign(trip_total=1.0))}
    assert _fired(_report(splits, schema)) == {("schema_new_column", "trip_total", Severity.BLOCK)}


def test_refuses_a_number_that_became_text(clean: Statistics, schema: schema_pb2.Schema) -> None:
    dollars = FRAMES["test"].assign(fare="$" + FRAMES["test"]["fare"].astype(str))
    report = _report({**clean, "test": samples.statistics_of(dollars)}, schema)
    assert _fired(report) == {("schema_type", "fare", Severity.BLOCK)}
    assert re.fullmatch(
        r"fare holds text \('\$[\d.]+', '\$[\d.]+', '\$[\d.]+' and others\) in test, where the schema expects decimal "
        r"numbers\.",
        report.findings[0].reason,
    )


def test_refuses_values_outside_the_domain_and_names_them(clean: Statistics, schema: schema_pb2.Schema) -> None:
    renamed = FRAMES["eval"].assign(company=FRAMES["eval"]["company"].str.lower())
    report = _report({**clean, "eval": samples.statistics_of(renamed)}, schema)
    assert _fired(report) == {("schema_domain", "company", Severity.BLOCK)}
    assert "taxi affiliation services" in report.findings[0].reason


def test_refuses_missing_values_beyond_what_train_has(clean: Statistics, schema: schema_pb2.Schema) -> None:
    holes = FRAMES["eval"].copy()
    holes.loc[holes.sample(frac=0.15, random_state=0).index, "trip_miles"] = np.nan
    report = _report({**clean, "eval": samples.statistics_of(holes)}, schema)
    assert _fired(report) == {("schema_presence", "trip_miles", Severity.BLOCK)}
    assert report.findings[0].value == pytest.approx(0.15, abs=0.01)


def test_a_breach_that_few_rows_explain_is_reported_and_does_not_refuse(
    clean: Statistics, schema: schema_pb2.Schema
) -> None:
    few = REQUESTS.head(40).copy()
    few.iloc[0, few.columns.get_loc("company")] = "A New Cab Company"
    report = _report(clean, schema, serving=few)
    assert ("schema_domain", "company", Severity.INFO) in _fired(report)
    assert report.blessed


def test_one_fault_in_all_splits_is_one_finding_that_names_them(clean: Statistics, schema: schema_pb2.Schema) -> None:
    feature = next(feature for feature in schema.feature if feature.name == "fare")
    feature.float_domain.max = 100.0
    frames = {"train": 254.0, "eval": 127.5, "test": 127.5}
    report = _report(
        {name: samples.statistics_of(FRAMES[name].assign(fare=top)) for name, top in frames.items()}, schema
    )
    assert _fired(report) == {("schema_domain", "fare", Severity.BLOCK)}
    (found,) = report.findings
    assert (
        found.reason == "fare goes up to 254 in train, 127.5 in eval and 127.5 in test; the schema allows at most 100."
    )
    assert (found.statistic, found.value, found.threshold) == ("largest value", 254.0, 100.0)
    assert found.n == sum(len(frame) for frame in FRAMES.values())


def test_a_sentinel_below_the_limit_is_named_with_its_splits(schema: schema_pb2.Schema) -> None:
    feature = next(feature for feature in schema.feature if feature.name == "trip_start_hour")
    feature.int_domain.min = 0
    (found,) = _report(_everywhere(FRAMES, trip_start_hour=-1), schema).findings
    assert found.reason == "trip_start_hour goes down to -1 in train, eval and test; the schema allows nothing below 0."


def test_shares_are_reported_of_all_splits_together(schema: schema_pb2.Schema) -> None:
    (found,) = _report(_everywhere(FRAMES, payment_type="Barter"), schema).findings
    rows = sum(len(frame) for frame in FRAMES.values())
    where = f"in {rows:,} of {rows:,} rows of train, eval and test (100.00%"
    assert found.reason.startswith(f"payment_type has values unknown to the schema ('Barter') {where}")
    assert (found.value, found.n) == (1.0, rows)


def test_a_fault_at_serving_is_reported_of_the_serving_log(clean: Statistics, schema: schema_pb2.Schema) -> None:
    report = _report(clean, schema, serving=REQUESTS.assign(trip_start_hour=REQUESTS["trip_start_hour"] + 0.5))
    assert _fired(report) == {("schema_type", "trip_start_hour", Severity.BLOCK)}
    assert report.findings[0].reason == (
        "trip_start_hour holds decimal numbers (from 0.5 to 23.5) in the serving log, where the schema expects whole "
        "numbers."
    )


def test_the_same_fault_in_training_and_serving_is_reported_of_each(
    clean: Statistics, schema: schema_pb2.Schema
) -> None:
    report = _report(_everywhere(FRAMES, extra=1), schema, serving=REQUESTS.assign(extra=1))
    assert [finding.reason for finding in report.findings] == [
        "extra is in train, eval and test, but the schema does not know it.",
        "extra is in the serving log, but the schema does not know it.",
    ]


def test_a_label_that_text_leaves_uncomputed_is_no_second_fault(schema: schema_pb2.Schema) -> None:
    frames = {
        name: frame.drop(columns=samples.LABEL).assign(fare="$" + frame["fare"].astype(str))
        for name, frame in FRAMES.items()
    }
    computed = {samples.LABEL: ["tips", "fare"]}
    report, _ = validate({n: samples.statistics_of(f) for n, f in frames.items()}, schema, None, None, {}, computed)
    assert _fired(report) == {("schema_type", "fare", Severity.BLOCK)}
    without, _ = validate(
        {n: samples.statistics_of(f.drop(columns=samples.LABEL)) for n, f in FRAMES.items()},
        schema,
        None,
        None,
        {},
        computed,
    )
    assert _fired(without) == {("schema_missing_column", samples.LABEL, Severity.BLOCK)}


def test_a_column_without_any_value_is_refused_unless_so_few_rows_explain_it(
    clean: Statistics, schema: schema_pb2.Schema
) -> None:
    feature = next(feature for feature in schema.feature if feature.name == "company")
    feature.presence.min_count, feature.presence.min_fraction = 1, 0
    empty = REQUESTS.assign(company=None)
    many, few = (_report(clean, schema, serving=empty.head(rows)) for rows in (200, 2))
    assert _fired(many) == {("schema_presence", "company", Severity.BLOCK)}
    assert many.findings[0].reason == "company has no value in the serving log; the schema expects at least 1."
    assert ("schema_presence", "company", Severity.INFO) in _fired(few)
    assert few.blessed


def test_a_column_without_any_value_anywhere_is_refused_in_every_split(schema: schema_pb2.Schema) -> None:
    (found,) = _report(_everywhere(FRAMES, trip_miles=np.nan), schema).findings
    rows = sum(len(frame) for frame in FRAMES.values())
    assert found.severity is Severity.BLOCK
    assert f"has no value in {rows:,} of {rows:,} rows of train, eval and test" in found.reason


def test_no_sentence_of_tfdv_is_left_in_its_own_words(clean: Statistics, schema: schema_pb2.Schema) -> None:
    odd = {
        "fare": "text",
        "company": 7,
        "trip_miles": np.nan,
        "trip_start_hour": 0.5,
        "payment_type": "Barter",
        "tips": np.inf,
        "dropoff_latitude": 99.0,
    }
    latitude = next(feature for feature in schema.feature if feature.name == "dropoff_latitude")
    latitude.float_domain.max = 43.0
    tips = next(feature for feature in schema.feature if feature.name == "tips")
    tips.float_domain.disallow_inf = True
    report = _report(_everywhere(FRAMES, **odd), schema)
    assert {finding.subject for finding in report.findings} == set(odd)
    text = " ".join(finding.reason for finding in report.findings)
    assert not re.search("xpected data|upto|nexpected|does not fit the schema", text), text


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
    assert ("schema_presence", "trip_miles", Severity.BLOCK) in _fired(_report(clean, schema, serving=few))


def test_requests_need_neither_label_nor_withheld_columns(clean: Statistics, schema: schema_pb2.Schema) -> None:
    report = _report(clean, schema, serving=REQUESTS)
    assert report.findings == ()
    assert "schema_serving" in report.checks_run


def test_a_serving_log_that_also_holds_the_outcome_is_no_fault(clean: Statistics, schema: schema_pb2.Schema) -> None:
    report = _report(clean, schema, serving=FRAMES["eval"])
    assert {finding.severity for finding in report.findings} == {Severity.INFO}
    assert {finding.subject for finding in report.findings} == {samples.LABEL, *samples.WITHHELD}


def test_refuses_a_serving_log_without_a_feature(clean: Statistics, schema: schema_pb2.Schema) -> None:
    report = _report(clean, schema, serving=REQUESTS.drop(columns="company"))
    assert _fired(report) == {("schema_missing_column", "company", Severity.BLOCK)}


def test_skew_between_serving_and_training_is_really_evaluated(clean: Statistics, schema: schema_pb2.Schema) -> None:
    _compare(schema, "company", "skew_comparator", "infinity_norm", 0.1)
    assert _report(clean, schema, serving=REQUESTS).findings == ()
    one_company = REQUESTS.assign(company="Top Cab Affiliation")
    report = _report(clean, schema, serving=one_company)
    assert ("skew_comparator", "company", Severity.BLOCK) in _fired(report)
    assert {finding.check for finding in report.findings} == {"skew_comparator"}


def test_drift_since_the_previous_span_is_really_evaluated(clean: Statistics, schema: schema_pb2.Schema) -> None:
    _compare(schema, "company", "drift_comparator", "infinity_norm", 0.1)
    assert _report(clean, schema, previous=FRAMES["test"]).findings == ()
    report = _report(clean, schema, previous=FRAMES["test"].assign(company="Choice Taxi Association"))
    assert _fired(report) == {("drift_comparator", "company", Severity.BLOCK)}
    assert report.findings[0].value > report.findings[0].threshold == pytest.approx(0.1)


def test_a_comparator_without_its_column_on_the_other_side_is_not_silent(
    clean: Statistics, schema: schema_pb2.Schema
) -> None:
    _compare(schema, "company", "drift_comparator", "infinity_norm", 0.1)
    report = _report(clean, schema, previous=FRAMES["test"].drop(columns="company"))
    assert _fired(report) == {("drift_comparator", "company", Severity.BLOCK)}
    assert "nothing to compare" in report.findings[0].reason


def test_refuses_a_comparator_that_tfdv_would_never_evaluate(clean: Statistics, schema: schema_pb2.Schema) -> None:
    _compare(schema, "fare", "skew_comparator", "infinity_norm", 0.1)
    report = _report(clean, schema)
    assert _fired(report) == {("comparator_type", "fare", Severity.BLOCK)}
    far = samples.statistics_of(REQUESTS.assign(fare=REQUESTS["fare"] * 1000))
    assert not tfdv.validate_statistics(
        clean["train"], schema, environment="TRAINING", serving_statistics=far
    ).anomaly_info, "TFDV now evaluates it: drop this check"


def test_a_comparator_that_measured_nothing_is_refused(schema: schema_pb2.Schema) -> None:
    _compare(schema, "company", "drift_comparator", "infinity_norm", 0.1)
    nowhere = _everywhere(FRAMES, company=None)
    report = _report(nowhere, schema, previous=FRAMES["test"].assign(company=None))
    assert ("drift_comparator", "company", Severity.BLOCK) in _fired(report)
    assert "could not measure" in next(f.reason for f in report.findings if f.check == "drift_comparator")


def test_a_label_that_is_not_0_and_1_is_refused_before_training(clean: Statistics, schema: schema_pb2.Schema) -> None:
    found = [
        validate(splits, schema, None, None, {}, label=label)[0].findings
        for splits, label in (
            (clean, samples.LABEL),
            (clean, "trip_start_hour"),
            (clean, "company"),
            (_everywhere(FRAMES, company=None), "company"),
        )
    ]
    assert found[0] == ()
    assert [(f.check, f.subject, f.severity) for f in found[1]] == [("label_values", "trip_start_hour", Severity.BLOCK)]
    assert found[1][0].reason == "`trip_start_hour` holds values from 0 to 23; Sluice learns labels of 0 and 1."
    assert found[2][0].reason.startswith("`company` does not hold numbers in train")
    assert "label_values" not in {finding.check for finding in found[3]}


def test_a_tolerated_column_warns_with_the_reason(clean: Statistics, schema: schema_pb2.Schema) -> None:
    splits = {**clean, "eval": samples.statistics_of(FRAMES["eval"].drop(columns="fare"))}
    report = _report(splits, schema, tolerated={"fare": "the meter was down in March"})
    assert _fired(report) == {("schema_missing_column", "fare", Severity.WARN)}
    assert "the meter was down in March" in report.findings[0].reason
    assert report.blessed


@pytest.mark.parametrize("strict", [False, True])
def test_a_tolerated_column_blocks_again_from_the_day_after_the_last(
    strict: bool, clean: Statistics, schema: schema_pb2.Schema
) -> None:
    splits = {**clean, "eval": samples.statistics_of(FRAMES["eval"].drop(columns="fare"))}
    for days, severity, words in ((0, Severity.WARN, "Waived until"), (-1, Severity.BLOCK, "it blocks again")):
        last = date.today() + timedelta(days)
        given = {"fare": Tolerance(reason="The meter was down.", expires=last)}
        report = _report(splits, schema, tolerated=given, strict=strict)
        assert _fired(report) == {("schema_missing_column", "fare", severity)}
        assert words in report.findings[0].reason


def test_strict_tolerates_nothing_without_a_last_day(clean: Statistics, schema: schema_pb2.Schema) -> None:
    splits = {**clean, "eval": samples.statistics_of(FRAMES["eval"].drop(columns="fare"))}
    report = _report(splits, schema, tolerated={"fare": "the meter was down in March"}, strict=True)
    assert _fired(report) == {("schema_missing_column", "fare", Severity.BLOCK)}
    assert "give `validator.tolerated.fare` a `reason` and the day on which it `expires`" in report.findings[0].remedy


def test_an_empty_split_is_refused_in_words(clean: Statistics, schema: schema_pb2.Schema) -> None:
    empty = statistics_pb2.DatasetFeatureStatisticsList(datasets=[statistics_pb2.DatasetFeatureStatistics()])
    report = _report({**clean, "eval": empty}, schema)
    assert report.verdict is Verdict.FAIL
    assert {finding.reason for finding in report.findings} == {"There are no rows in eval."}


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
    given = ValidatorInputs(tolerated={}, computed={}, label=samples.LABEL, classes=2)
    ExampleValidatorExecutor().Do(
        inputs, {name: [each] for name, each in outputs.items()}, {"config": given.to_property(), "code": ""}
    )
    assert json.loads(outputs["anomalies"].split_names) == ["train", "eval", "test", "serving"]
    stored = (tmp_path / "anomalies/Split-test/SchemaDiff.pb").read_bytes()
    written = anomalies_pb2.Anomalies.FromString(stored)
    assert list(written.anomaly_info) == ["fare"]
    report = read_report(outputs["report"].uri)
    assert ("schema_missing_column", "fare", Severity.BLOCK) in _fired(report)
    assert not is_blessed(outputs["blessing"])
    assert (tmp_path / "blessing/NOT_BLESSED").exists()
