"""The ModelGate: judges the predictions of a trained model through every path that serves them."""

from __future__ import annotations

from datetime import date

from gates.model.evidence import ModelEvidence
from gates.verdict.catalogue import Gate
from gates.verdict.finding import GateReport
from gates.verdict.judge import Progress, judge
from gates.verdict.settings import GateSettings


def judge_model(
    evidence: ModelEvidence,
    settings: GateSettings | None = None,
    today: date | None = None,
    progress: Progress | None = None,
) -> GateReport:
    """The verdict on a model, before it is pushed."""
    return judge(Gate.MODEL, evidence, settings or GateSettings(), today or date.today(), progress)
