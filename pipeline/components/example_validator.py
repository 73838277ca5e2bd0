"""Validates every split, the serving log and the previous span against the schema, each in its environment.

TFX's ExampleValidator hands TFDV neither environments nor serving or previous statistics, so no comparator is
ever evaluated there; this one does.
"""

from __future__ import annotations

import json
import posixpath
import time
from typing import Any, ClassVar, TypeAlias

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx import types
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
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
from gates.verdict.finding import Finding, GateReport, SkippedCheck, verdict_of
from pipeline.artifacts.blessings import Blessing, GateReportArtifact, bless, write_report
from pipeline.artifacts.schema import read_schema
from pipeline.config.workload import DataConfig
from pipeline.ingest.label import parse_label_expression

GATE = "example_validator"
Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList


def validate(
    splits: dict[str, Statistics],
    schema: schema_pb2.Schema,
    serving: Statistics | None,
    previous: Statistics | None,
    tolerated: dict[str, str],
    computed: dict[str, list[str]] | None = None,
    label: str = "",
    classes: int = 2,
) -> tuple[GateReport, dict[str, anomalies_pb2.Anomalies]]:
    """The verdict, and TFDV's anomalies by data set. `computed`: what the columns that ingest makes are made of.
    `classes`: how many the label has."""
    started = time.monotonic()
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
    findings = [tolerate(finding, tolerated) for finding in findings]
    if label:
        run.append(LABEL_CHECK)
        findings += label_findings(label, [seen[name] for name in splits], classes)
    else:
        skipped.append(SkippedCheck(LABEL_CHECK, "no label (data.label) is configured"))
    return _report(findings, run, skipped, started), {name: each.anomalies for name, each in seen.items()}


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


def _report(findings: list[Finding], run: list[str], skipped: list[SkippedCheck], started: float) -> GateReport:
    return GateReport(
        gate=GATE,
        verdict=verdict_of(findings),
        findings=tuple(findings),
        checks_run=tuple(run),
        checks_skipped=tuple(skipped),
        seconds=time.monotonic() - started,
        versions={"tensorflow-data-validation": tfdv.__version__},
    )


class ExampleValidatorExecutor(base_executor.BaseExecutor):
    """Reads statistics and schema, writes anomalies, report and blessing. Refusing is a success."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Validates and stores the verdict."""
        statistics = artifact_utils.get_single_instance(input_dict["statistics"])
        names = artifact_utils.decode_split_names(statistics.split_names)
        report, anomalies = validate(
            {name: load_statistics(statistics, name).proto() for name in names},
            read_schema(artifact_utils.get_single_uri(input_dict["schema"])),
            _optional(input_dict, "serving_statistics", "serving"),
            _optional(input_dict, "previous_statistics", "train"),
            json.loads(exec_properties["tolerated"]),
            json.loads(exec_properties["computed"]),
            exec_properties["label"],
            exec_properties["classes"],
        )
        _write_anomalies(artifact_utils.get_single_instance(output_dict["anomalies"]), anomalies, statistics.span)
        write_report(artifact_utils.get_single_instance(output_dict["report"]), report)
        bless(artifact_utils.get_single_instance(output_dict["blessing"]), report)


def _optional(input_dict: dict[str, list[types.Artifact]], key: str, split: str) -> Statistics | None:
    """The statistics of `split` of an optional input, or of its first split."""
    if not input_dict.get(key):
        return None
    artifact = artifact_utils.get_single_instance(input_dict[key])
    names = artifact_utils.decode_split_names(artifact.split_names)
    return load_statistics(artifact, split if split in names else names[0]).proto()


def _computed(data: DataConfig | None) -> dict[str, list[str]]:
    """The label and the columns that it is computed from."""
    if data is None or data.label_expression is None:
        return {}
    return {data.label: list(parse_label_expression(data.label_expression).names)}


def _write_anomalies(artifact: types.Artifact, anomalies: dict[str, anomalies_pb2.Anomalies], span: int) -> None:
    artifact.split_names = artifact_utils.encode_split_names(list(anomalies))
    artifact.span = span
    for name, found in anomalies.items():
        folder = artifact_utils.get_split_uri([artifact], name)
        writer_utils.write_anomalies(posixpath.join(folder, DEFAULT_FILE_NAME), found)


class ExampleValidatorSpec(ComponentSpec):
    """Statistics and schema in; anomalies, report and blessing out."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "tolerated": ExecutionParameter(type=str),
        "computed": ExecutionParameter(type=str),
        "label": ExecutionParameter(type=str),
        "classes": ExecutionParameter(type=int),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "serving_statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "previous_statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "report": ChannelParameter(type=GateReportArtifact),
        "blessing": ChannelParameter(type=Blessing),
    }


class ExampleValidator(base_component.BaseComponent):
    """Refuses data that breaks the schema, in training or at serving."""

    SPEC_CLASS = ExampleValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ExampleValidatorExecutor)

    def __init__(
        self,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        serving_statistics: types.BaseChannel | None = None,
        previous_statistics: types.BaseChannel | None = None,
        tolerated: dict[str, str] | None = None,
        data: DataConfig | None = None,
        classes: int = 2,
        code: str = "",
    ) -> None:
        """`classes`: how many the label has; `code` only makes a new cache key."""
        super().__init__(
            ExampleValidatorSpec(
                statistics=statistics,
                schema=schema,
                serving_statistics=serving_statistics,
                previous_statistics=previous_statistics,
                tolerated=json.dumps(tolerated or {}, sort_keys=True),
                computed=json.dumps(_computed(data)),
                label=data.label if data else "",
                classes=classes,
                code=code,
                anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies),
                report=types.Channel(type=GateReportArtifact),
                blessing=types.Channel(type=Blessing),
            )
        )
