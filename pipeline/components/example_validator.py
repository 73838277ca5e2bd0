"""Validates every split, the serving log and the previous span against the schema, each in its environment.

TFX's ExampleValidator hands TFDV neither environments nor serving or previous statistics, so no comparator is
ever evaluated there; this one does.
"""

from __future__ import annotations

import posixpath
from datetime import date
from typing import TypeAlias

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx import types
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies, ExampleStatistics, Schema
from tfx.utils import writer_utils

from gates.schema.anomalies import (
    COMPARATOR_CHECK,
    LABEL_CHECK,
    comparator_findings,
    features_with,
    label_findings,
    misapplied_comparators,
    schema_findings,
    tolerate,
)
from gates.schema.anomaly_reasons import SCHEMA_CHECKS, Validated
from gates.schema.proposal import SERVING, TRAINING
from gates.verdict.finding import GateReport, SkippedCheck, verdict_of
from gates.verdict.settings import Tolerance
from pipeline.artifacts.schema import read_schema
from pipeline.component_inputs import ValidatorInputs
from pipeline.components.gate import Artifacts, GateComponent, GateExecutor, gate_spec, optional_instance

GATE = "example_validator"
Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList


def validate(
    splits: dict[str, Statistics],
    schema: schema_pb2.Schema,
    serving: Statistics | None,
    previous: Statistics | None,
    tolerated: dict[str, str | Tolerance],
    computed: dict[str, list[str]] | None = None,
    label: str = "",
    classes: int = 2,
    strict: bool = False,
) -> tuple[GateReport, dict[str, anomalies_pb2.Anomalies]]:
    """The verdict, and TFDV's anomalies by data set. `computed`: the source columns of each column that ingest
    computes. `classes`: the number of the label's classes."""
    schema = with_environments(schema)
    seen = {name: _validated(name, statistics, schema, TRAINING) for name, statistics in splits.items()}
    train = seen["train"] = _validated("train", splits["train"], schema, TRAINING, serving, previous)
    findings = schema_findings(list(seen.values()), schema, train, computed or {})
    if serving is not None:
        seen["serving"] = _validated("serving", serving, schema, SERVING)
        findings += schema_findings([seen["serving"]], schema, train, computed or {})
    findings += misapplied_comparators(train, schema)
    skipped: list[SkippedCheck] = []
    run = [*SCHEMA_CHECKS, COMPARATOR_CHECK]
    for check, other, what in (
        ("skew_comparator", serving, "no serving log (data.serving_log)"),
        ("drift_comparator", previous, "no previous span"),
    ):
        if not features_with(check, schema):
            skipped.append(SkippedCheck(check, f"the schema gives no column a {check}"))
        elif other is None:
            skipped.append(SkippedCheck(check, f"there is {what} to compare with"))
        else:
            run.append(check)
            findings += comparator_findings(check, train, schema, other.datasets[0])
    if serving is None:
        skipped.append(SkippedCheck("schema_serving", "there is no serving log (data.serving_log) to validate"))
    else:
        run.append("schema_serving")
    findings = [tolerate(finding, tolerated, date.today(), strict) for finding in findings]
    if label:
        run.append(LABEL_CHECK)
        findings += label_findings(label, [seen[name] for name in splits], classes)
    else:
        skipped.append(SkippedCheck(LABEL_CHECK, "no label (data.label) is configured"))
    report = GateReport(
        gate=GATE,
        verdict=verdict_of(findings),
        findings=tuple(findings),
        checks_run=tuple(run),
        checks_skipped=tuple(skipped),
        versions={"tensorflow-data-validation": tfdv.__version__},
    )
    return report, {name: each.anomalies for name, each in seen.items()}


def with_environments(schema: schema_pb2.Schema) -> schema_pb2.Schema:
    """A schema that declares no environments counts for both."""
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    for environment in (TRAINING, SERVING):
        if environment not in result.default_environment:
            result.default_environment.append(environment)
    return result


def _validated(
    name: str,
    statistics: Statistics,
    schema: schema_pb2.Schema,
    environment: str,
    serving: Statistics | None = None,
    previous: Statistics | None = None,
) -> Validated:
    anomalies = tfdv.validate_statistics(
        statistics, schema, environment=environment, serving_statistics=serving, previous_statistics=previous
    )
    return Validated(name, environment, statistics.datasets[0], anomalies)


class ExampleValidatorExecutor(GateExecutor):
    """Reads statistics and schema, writes anomalies and judges."""

    def judge(self, inputs: Artifacts, outputs: Artifacts, config: str) -> GateReport:
        """Stores the anomalies in TFX's own layout."""
        statistics = artifact_utils.get_single_instance(inputs["statistics"])
        names = artifact_utils.decode_split_names(statistics.split_names)
        given = ValidatorInputs.from_property(config)
        report, anomalies = validate(
            {name: load_statistics(statistics, name).proto() for name in names},
            read_schema(artifact_utils.get_single_uri(inputs["schema"])),
            _optional(inputs, "serving_statistics", "serving"),
            _optional(inputs, "previous_statistics", "train"),
            given.tolerated,
            given.computed,
            given.label,
            given.classes,
            given.strict,
        )
        _write_anomalies(artifact_utils.get_single_instance(outputs["anomalies"]), anomalies, statistics.span)
        return report


def _optional(inputs: Artifacts, key: str, split: str) -> Statistics | None:
    """The statistics of `split` of an optional input, or of its first split."""
    artifact = optional_instance(inputs, key)
    if artifact is None:
        return None
    names = artifact_utils.decode_split_names(artifact.split_names)
    return load_statistics(artifact, split if split in names else names[0]).proto()


def _write_anomalies(artifact: types.Artifact, anomalies: dict[str, anomalies_pb2.Anomalies], span: int) -> None:
    artifact.split_names = artifact_utils.encode_split_names(list(anomalies))
    artifact.span = span
    for name, found in anomalies.items():
        folder = artifact_utils.get_split_uri([artifact], name)
        writer_utils.write_anomalies(posixpath.join(folder, DEFAULT_FILE_NAME), found)


class ExampleValidator(GateComponent):
    """Refuses data that breaks the schema, in training or at serving."""

    SPEC_CLASS = gate_spec(
        inputs={"statistics": ExampleStatistics, "schema": Schema},
        optional={"serving_statistics": ExampleStatistics, "previous_statistics": ExampleStatistics},
        outputs={"anomalies": ExampleAnomalies},
    )
    EXECUTOR_SPEC = ExecutorClassSpec(ExampleValidatorExecutor)
