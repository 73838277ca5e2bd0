"""The record that scripts read and the evidence that the report shows, from the outputs of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from core.atomic_write import write_json
from core.version import VERSION
from gates.evaluation.metrics import ClassPerformance, Evaluation, MetricEstimate
from gates.evaluation.mistakes import Mistake
from gates.evaluation.slices import OVERALL, Slice
from gates.verdict.finding import GateReport
from pipeline.config.workload import WorkloadConfig
from report.evidence import Evidence, TunerTrial, UnusableRows
from report.run_record import ComponentRecord, Effort, RolloutRecord, RolloutStepRecord, RunRecord
from runners.component_names import NAMES
from runners.results.node_result import Results
from runners.results.outcome import Outcome

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics
    from tfx.types import Artifact

    from models.export.model_run import TrainingRecord
    from pipeline.artifacts.examples import Facts
    from pipeline.artifacts.rollout import RolledOut
    from runners.results.read_back import Registered


def record_of(
    config: WorkloadConfig,
    run_id: str,
    results: Results,
    gathered: Gathered,
    outcome: Outcome,
    facts: Mapping[str, Any],
) -> RunRecord:
    """The run record. `facts` holds seconds, peak_memory_bytes, git_commit, lock_hash and data_fingerprint, and
    vertex_model where a model was uploaded, and notification where a webhook did not take the outcome."""
    return RunRecord(
        run_id=run_id,
        workload=config.name,
        outcome=outcome.outcome,
        exit_code=outcome.exit_code,
        reason=outcome.reason,
        pushed_version=outcome.pushed_version,
        pushed_to=outcome.pushed_to,
        registered_version=gathered.registered.version if gathered.registered else None,
        rollout=_rollout_record(gathered.rollout),
        components=[
            ComponentRecord(name=result.node_id, seconds=round(result.seconds, 3), state=result.state)
            for result in results.values()
            if result.node_id in NAMES
        ],
        gates=[report.to_json() for report in gathered.gates],
        metrics=metrics_of(gathered.evaluation),
        rows=dict(gathered.facts.rows) if gathered.facts else {},
        seed=config.train.seed,
        sluice_version=VERSION,
        effort=effort_of(config, gathered.training.epochs_run if gathered.training else None),
        **{**facts, "data_fingerprint": facts["data_fingerprint"] or _fingerprint_of(gathered)},
    )


def effort_of(config: WorkloadConfig, epochs_run: int | None = None) -> Effort:
    """The settings of a workload that decide how long training and search take."""
    search = config.tuner if config.tuner.enabled and not config.tuner.frozen else None
    return Effort(
        model=config.model.module,
        share=config.data.share,
        epochs=config.train.usual_epochs,
        max_steps=config.train.max_steps,
        epochs_run=epochs_run,
        trials=search.max_trials if search else None,
        trial_epochs=search.epochs if search else None,
    )


def _fingerprint_of(gathered: Gathered) -> str | None:
    """That of the files which ingest itself found."""
    return gathered.facts.data_fingerprint or None if gathered.facts else None


def _rollout_record(rolled_out: RolledOut | None) -> RolloutRecord | None:
    if rolled_out is None:
        return None
    rollout = rolled_out.rollout
    steps = [
        RolloutStepRecord(
            at=entry.at,
            step=entry.phase.value,
            share=entry.share,
            outcome=entry.outcome.value,
            reason=entry.reason,
            compared=[each.in_words() for each in entry.comparisons],
        )
        for entry in rollout.entries
    ]
    return RolloutRecord(
        id=rollout.id,
        version=rollout.candidate.version,
        previous=rollout.previous,
        step=rollout.phase.value,
        steps=steps,
    )


def metrics_of(evaluation: Evaluation | None) -> dict[str, Any]:
    """Figures by metric name, each with its interval as `<metric>_lower` and `<metric>_upper`; `classes` only
    of a model with several."""
    if evaluation is None:
        return {"overall": {}, "slices": []}
    by_slice: dict[Slice, list[MetricEstimate]] = {}
    for estimate in evaluation.estimates:
        by_slice.setdefault(estimate.slice, []).append(estimate)
    overall = _figures(by_slice.pop(OVERALL, []))
    return {
        "overall": overall,
        "slices": [{"slice": where.name, **_figures(estimates)} for where, estimates in by_slice.items()],
        "references": [
            {"name": reference.name, **_figures(reference.estimates)} for reference in evaluation.references
        ],
        **({"classes": [_class_figures(each) for each in evaluation.classes]} if evaluation.classes else {}),
    }


def _class_figures(performance: ClassPerformance) -> dict[str, Any]:
    figures = {**_figures([performance.precision]), **_figures([performance.recall])}
    figures |= {"n": performance.n, "predicted": performance.predicted, "f1": _finite(performance.f1)}
    return {"name": performance.name, **figures}


def _figures(estimates: Iterable[MetricEstimate]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for estimate in estimates:
        figures["n"] = estimate.n
        figures[estimate.metric] = _finite(estimate.value)
        figures[f"{estimate.metric}_lower"] = _finite(estimate.lower)
        figures[f"{estimate.metric}_upper"] = _finite(estimate.upper)
    return figures


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def write_record(path: Path, record: RunRecord) -> None:
    """Write `run.json` whole or not at all."""
    write_json(path, record.model_dump())


def evidence_of(
    config: WorkloadConfig, record: RunRecord, results: Results, gathered: Gathered, outcome: Outcome
) -> Evidence:
    """The evidence for the report of this run."""
    facts = gathered.facts
    return Evidence(
        statistics=gathered.statistics,
        label=config.data.label,
        unusable_rows=UnusableRows(facts.unusable_rows, facts.unusable_file) if facts else None,
        gates=gathered.gates,
        evaluation=gathered.evaluation,
        mistakes=gathered.mistakes,
        judged_by=config.evaluator.judged_by,
        trials=gathered.trials,
        history=gathered.history,
        training=gathered.training.as_json() if gathered.training else None,
        lineage=_lineage(record, results, gathered),
        config_yaml=yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
        next_command=outcome.next_command,
    )


def _lineage(record: RunRecord, results: Results, gathered: Gathered) -> dict[str, str | None]:
    """The origin of the model, in the order of the report."""
    registered = gathered.registered
    uris = {
        name: _present(results[node].output(key))
        for name, node, key in (
            ("examples", "ExampleGen", "examples"),
            ("schema", "SchemaGen", "schema"),
            ("transform graph", "Transform", "transform_graph"),
            ("model", "Trainer", "model"),
            ("compared with the blessed model", "ChampionResolver", "model"),
            ("compared with the model in production", "Champion", "model"),
            ("compared with the model from outside", "OutsideModel", "model"),
        )
        if node in results
    }
    return {
        "data fingerprint": record.data_fingerprint,
        "git commit": record.git_commit,
        "lock": record.lock_hash,
        "seed": str(record.seed),
        **{name: artifact.uri if artifact else None for name, artifact in uris.items()},
        "registered as": f"{registered.model} {registered.version} ({registered.reason})" if registered else None,
        **({"registered in Vertex AI as": record.vertex_model} if record.vertex_model else {}),
        "pushed to": record.pushed_to,
    }


def _present(artifact: Artifact | None) -> Artifact | None:
    from pipeline.artifacts.absence import present

    return artifact if artifact and present([artifact]) else None


@dataclass(frozen=True)
class Gathered:
    """The outputs of a run; empty where a component did not run."""

    facts: Facts | None = None  # of ExampleGen: rows by split, unusable rows
    statistics: Mapping[str, DatasetFeatureStatistics] = field(default_factory=dict)
    gates: tuple[GateReport, ...] = ()
    trials: tuple[TunerTrial, ...] = ()  # of the Tuner
    history: Mapping[str, list[float]] = field(default_factory=dict)
    training: TrainingRecord | None = None
    evaluation: Evaluation | None = None
    mistakes: tuple[Mistake, ...] = ()  # of the Evaluator, where the data hold images
    registered: Registered | None = None
    rollout: RolledOut | None = None


def gather(results: Results) -> Gathered:
    """Read the outputs of the components of a run."""
    if not results:
        return Gathered()
    from runners.results import read_back

    return Gathered(
        facts=read_back.facts_of(results.get("ExampleGen")),
        statistics=read_back.statistics_of(results.get("StatisticsGen")),
        gates=read_back.gate_reports(results),
        trials=read_back.trials_of(results.get("Tuner")),
        history=read_back.history_of(results.get("Trainer")),
        training=read_back.training_of(results.get("Trainer")),
        evaluation=read_back.evaluation_with_references(results.get("Evaluator"), results.get("References")),
        mistakes=read_back.mistakes_of(results.get("Evaluator")),
        registered=read_back.registered_of(results.get("Registrar")),
        rollout=read_back.rolled_out_of(results.get("Rollout")),
    )
