"""What is known of a run once it has ended, as typed values. Free of heavy imports, for runs that never began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gates.finding import GateReport
from gates.metrics import Evaluation
from report.evidence import TunerTrial
from runners.node_result import Results

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

    from runners.run_evidence import Registered


@dataclass(frozen=True)
class Gathered:
    """Empty where a component was not reached."""

    facts: Mapping[str, Any] = field(default_factory=dict)  # of ExampleGen: rows by split, unusable rows
    statistics: Mapping[str, DatasetFeatureStatistics] = field(default_factory=dict)
    gates: tuple[GateReport, ...] = ()
    trials: tuple[TunerTrial, ...] = ()  # of the Tuner
    history: Mapping[str, list[float]] = field(default_factory=dict)
    training: Mapping[str, Any] | None = None
    evaluation: Evaluation | None = None
    registered: Registered | None = None


def gather(results: Results) -> Gathered:
    """Read back what the components of a run wrote."""
    if not results:
        return Gathered()
    from runners import run_evidence

    return Gathered(
        facts=run_evidence.facts_of(results.get("ExampleGen")),
        statistics=run_evidence.statistics_of(results.get("StatisticsGen")),
        gates=run_evidence.gate_reports(results),
        trials=run_evidence.trials_of(results.get("Tuner")),
        history=run_evidence.history_of(results.get("Trainer")),
        training=run_evidence.training_of(results.get("Trainer")),
        evaluation=run_evidence.evaluation_with_references(results.get("Evaluator"), results.get("References")),
        registered=run_evidence.registered_of(results.get("Registrar")),
    )
