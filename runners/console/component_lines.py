"""The console's one sentence about each component, from the component's outputs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping

from core.text import counted, shortened
from gates.evaluation.metrics import Evaluation
from gates.verdict.finding import Severity, Verdict
from pipeline.artifacts.absence import present
from pipeline.artifacts.examples import Facts
from runners.results.node_result import NodeResult
from runners.results.read_back import (
    evaluation_of,
    facts_of,
    features_of,
    gate_report_of,
    history_of,
    references_of,
    registered_of,
    rolled_out_of,
    schema_of,
    trials_of,
)
from serving.rollout.record import Outcome


def sentence_for(result: NodeResult) -> str:
    """One sentence about the result of a component, from its outputs."""
    if result.state == "skipped":
        return "not reached"
    if result.state == "failed":
        return "failed"
    if result.outputs and not any(map(present, result.outputs.values())):
        return "there is none"
    describe = _SENTENCES.get(result.node_id)
    return describe(result) if describe else ""


def _ingest(result: NodeResult) -> str:
    facts = facts_of(result) or Facts()
    rows = facts.rows
    splits = " / ".join(f"{split} {count:,}" for split, count in rows.items())
    unusable = f", {facts.unusable_rows:,} unusable put aside" if facts.unusable_rows else ""
    share = f" (share {facts.share:g})" if facts.share < 1 else ""
    notes = "".join(f"; {note}" for note in facts.notes)
    return f"{sum(rows.values()):,} rows{share} → {splits}{unusable}{notes}"


def _statistics(result: NodeResult) -> str:
    examples = result.output("statistics")
    splits = json.loads(examples.split_names) if examples else []
    return f"of {', '.join(splits)}"


def _schema(result: NodeResult) -> str:
    schema = schema_of(result)
    return counted(len(schema.feature), "feature") if schema else ""


def _gate(result: NodeResult) -> str:
    report = gate_report_of(result)
    if report is None:
        return ""
    blocks, warns = len(report.of(Severity.BLOCK)), len(report.of(Severity.WARN))
    text = f"{blocks} refused" if blocks else "nothing refused"
    if warns:
        text += f", {counted(warns, 'warning')}"
    skipped = f", {len(report.checks_skipped)} skipped" if report.checks_skipped else ""
    if report.verdict is Verdict.INCONCLUSIVE:
        text += f", inconclusive: {shortened(report.in_doubt, 3) or 'no check ran'}"
    return f"{counted(len(report.checks_run), 'check')}{skipped}: {text}"


def _transform(result: NodeResult) -> str:
    return f"{counted(features_of(result), 'feature')}, learnt from train alone"


def _champion(result: NodeResult) -> str:
    model = result.output("model")
    return f"version {model.get_string_custom_property('version')} of the registry" if model else ""


def _references(result: NodeResult) -> str:
    groups = [
        " ".join([reference.name, *(f"{estimate.metric} {estimate.value:.3f}" for estimate in reference.estimates)])
        for reference in references_of(result)
    ]
    return "; ".join(groups)


def _tuning(result: NodeResult) -> str:
    trials = trials_of(result)
    parts = [counted(len(trials), "trial")]
    for state, word in (("stopped", "stopped early"), ("failed", "failed")):
        if count := sum(trial.state == state for trial in trials):
            parts.append(f"{count} {word}")
    for trial in trials:
        if trial.chosen:
            found = ", ".join(f"{name} {_short(value)}" for name, value in trial.hyperparameters.items())
            parts.append(f"best eval loss {trial.score:.4f} with {found}")
    return ", ".join(parts)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _training(result: NodeResult) -> str:
    history = history_of(result)
    if not history:
        return ""
    epochs = max(len(values) for values in history.values())
    losses = history.get("val_loss")
    best = f", best eval loss {min(losses):.4f}" if losses else ""
    return f"{counted(epochs, 'epoch')}{best}"


def _evaluation(result: NodeResult) -> str:
    evaluation = evaluation_of(result)
    if evaluation is None or not evaluation.estimates:
        return _gate(result)
    return f"{_estimates(evaluation)}; {_gate(result)}"


def _estimates(evaluation: Evaluation) -> str:
    """Every metric over all rows and, of several classes, the class with the lowest recall."""
    parts = [
        f"{metric} {estimate.value:.3f}"
        # A single row has a loss and no interval.
        + (f" ({estimate.lower:.3f}–{estimate.upper:.3f})" if math.isfinite(estimate.lower) else "")
        for metric, estimate in evaluation.overall().items()
    ]
    known = [each for each in evaluation.classes if each.n]
    if known:
        worst = min(known, key=lambda each: each.recall.value)
        parts.append(f"lowest recall {worst.name} {worst.recall.value:.3f}")
    return ", ".join(parts)


def _registration(result: NodeResult) -> str:
    registered = registered_of(result)
    return f"{registered.model} {registered.version} ({registered.reason})" if registered else "nothing registered"


def _push(result: NodeResult) -> str:
    pushed = result.output("pushed_model")
    if pushed is None or not pushed.get_int_custom_property("pushed"):
        return "nothing pushed"
    return f"version {pushed.get_string_custom_property('pushed_version')}"


def _rollout(result: NodeResult) -> str:
    rolled_out = rolled_out_of(result)
    if rolled_out is None:
        return "nothing to roll out"
    rollout = rolled_out.rollout
    shares = dict.fromkeys(f"{entry.share} %" for entry in rollout.entries if entry.outcome is not Outcome.FAILED)
    return f"version {rollout.candidate.version}: {rollout.phase.value}; its share: {', '.join(shares) or '0 %'}"


_SENTENCES: Mapping[str, Callable[[NodeResult], str]] = {
    "ExampleGen": _ingest,
    "ServingExamples": _ingest,
    "PreviousExamples": _ingest,
    "StatisticsGen": _statistics,
    "SchemaGen": _schema,
    "ExampleValidator": _gate,
    "DataGate": _gate,
    "ModelGate": _gate,
    "References": _references,
    "Champion": _champion,
    "Transform": _transform,
    "Tuner": _tuning,
    "Trainer": _training,
    "Evaluator": _evaluation,
    "Registrar": _registration,
    "Pusher": _push,
    "Rollout": _rollout,
}
