"""Reads the outputs of components (facts, statistics, gate reports, metrics, curves) as typed values."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx.dsl.io import fileio

from gates.evaluation.metrics import Evaluation, Reference
from gates.evaluation.mistakes import Mistake
from gates.verdict.finding import GateReport
from models.export.model_run import TrainingRecord
from pipeline.artifacts import examples, model_run
from pipeline.artifacts.blessings import read_report
from pipeline.artifacts.evaluation import read_evaluation, read_mistakes, read_references
from pipeline.artifacts.examples import Facts
from pipeline.artifacts.rollout import RolledOut, read_rollout
from pipeline.artifacts.schema import SCHEMA_FILE
from pipeline.artifacts.text_files import optional_text
from report.evidence import TunerTrial
from runners.results.node_result import NodeResult, Results


def facts_of(result: NodeResult | None) -> Facts | None:
    """ExampleGen's facts about the rows that it assigned; None when it did not run."""
    artifact = result.output("examples") if result else None
    return examples.facts_of(artifact) if artifact else None


def gate_report_of(result: NodeResult | None) -> GateReport | None:
    """The report of a gate component."""
    report = result.output("report") if result else None
    return read_report(report.uri) if report else None


def gate_reports(results: Results) -> tuple[GateReport, ...]:
    """All gate reports of a run, in the order in which they were made."""
    return tuple(report for result in results.values() if (report := gate_report_of(result)) is not None)


def evaluation_of(result: NodeResult | None) -> Evaluation | None:
    """The Evaluator's figures on test."""
    artifact = result.output("evaluation") if result else None
    return read_evaluation(artifact.uri) if artifact else None


def mistakes_of(result: NodeResult | None) -> tuple[Mistake, ...]:
    """The images of test that were taken for another class."""
    artifact = result.output("evaluation") if result else None
    return read_mistakes(artifact.uri) if artifact else ()


@dataclass(frozen=True)
class Registered:
    """The version of the model in the registry, and the reason for its number."""

    model: str
    version: str
    reason: str


def registered_of(result: NodeResult | None) -> Registered | None:
    """The version that the Registrar registered; None when it refused or did not run."""
    artifact = result.output("registered") if result else None
    if artifact is None or not artifact.get_int_custom_property("registered"):
        return None
    return Registered(*(artifact.get_string_custom_property(name) for name in ("model", "version", "reason")))


def rolled_out_of(result: NodeResult | None) -> RolledOut | None:
    """How far the Rollout came; None when it did not run, or there was nothing to roll out."""
    artifact = result.output("rollout") if result else None
    return read_rollout(artifact) if artifact else None


def references_of(result: NodeResult | None) -> tuple[Reference, ...]:
    """The simple models measured on the same test split."""
    artifact = result.output("references") if result else None
    return tuple(read_references(artifact.uri)) if artifact else ()


def evaluation_with_references(evaluator: NodeResult | None, references: NodeResult | None) -> Evaluation | None:
    """The evaluation with the simple models' figures."""
    evaluation = evaluation_of(evaluator)
    return evaluation and dataclasses.replace(evaluation, references=references_of(references))


def history_of(result: NodeResult | None) -> dict[str, list[float]]:
    """The training curves by metric; empty when there is no model."""
    artifact = result.output("model_run") if result else None
    return model_run.read_history(artifact.uri) if artifact else {}


def training_of(result: NodeResult | None) -> TrainingRecord | None:
    """The time of the training and the load of the machine; None when there is no model."""
    artifact = result.output("model_run") if result else None
    return model_run.read_training(artifact.uri) if artifact else None


def trials_of(result: NodeResult | None) -> tuple[TunerTrial, ...]:
    """The Tuner's trials, in the order in which they were proposed; empty when it did not run."""
    artifact = result.output("tuner_results") if result else None
    return tuple(
        TunerTrial(
            name=str(trial.trial),
            hyperparameters=trial.hyperparameters,
            score=trial.score,
            chosen=trial.chosen,
            state=trial.state,
            epochs=trial.epochs,
            seconds=trial.seconds,
            reason=trial.reason,
        )
        for trial in (model_run.read_trials(artifact.uri) if artifact else ())
    )


def schema_of(result: NodeResult | None) -> schema_pb2.Schema | None:
    """The schema, curated or proposed."""
    text = schema_text(result)
    return text_format.Parse(text, schema_pb2.Schema()) if text else None


def schema_text(result: NodeResult | None) -> str:
    """The text of the schema's file; empty when there is none."""
    artifact = result.output("schema") if result else None
    return optional_text(artifact.uri, SCHEMA_FILE) if artifact else ""


def features_of(result: NodeResult | None) -> int:
    """How many features Transform computes, without the label."""
    artifact = result.output("transform_graph") if result else None
    text = optional_text(artifact.uri, f"transformed_metadata/{SCHEMA_FILE}") if artifact else ""
    return len(text_format.Parse(text, schema_pb2.Schema()).feature) - 1 if text else 0


def statistics_of(result: NodeResult | None) -> dict[str, statistics_pb2.DatasetFeatureStatistics]:
    """StatisticsGen's output by split."""
    artifact = result.output("statistics") if result else None
    if artifact is None:
        return {}
    found = {}
    for split in json.loads(artifact.split_names):
        with fileio.open(f"{artifact.uri}/Split-{split}/FeatureStats.pb", "rb") as file:
            found[split] = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read()).datasets[0]
    return found
