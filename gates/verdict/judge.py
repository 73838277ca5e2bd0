"""Runs the checks of a gate on its evidence and decides once over all their measurements."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol

from gates.verdict.catalogue import Check, Gate, Need, NotApplicable, checks
from gates.verdict.finding import GateReport, SkippedCheck, Verdict
from gates.verdict.measurement import Measurement
from gates.verdict.rule import decide
from gates.verdict.settings import GateSettings

Progress = Callable[[str, int, int], None]


class GateEvidence(Protocol):
    """What a gate judges: `gates.data.evidence.Data` or `gates.model.evidence.ModelEvidence`."""

    def lacks(self, needs: tuple[Need, ...]) -> Need | None:
        """The first of `needs` that the evidence does not have."""


def judge(
    gate: Gate, evidence: GateEvidence, settings: GateSettings, today: date, progress: Progress | None = None
) -> GateReport:
    """The report of one gate. `progress` is called with each check's name, its position and the number of checks."""
    started = time.monotonic()
    measured: list[Measurement] = []
    run: list[str] = []
    skipped: list[SkippedCheck] = []
    catalogue = list(checks(gate))
    for place, check in enumerate(catalogue):
        if progress is not None:
            progress(check.name, place, len(catalogue))
        found = _run_one(check, evidence, settings)
        if isinstance(found, SkippedCheck):
            skipped.append(found)
        else:
            run.append(check.name)
            measured += found
        if settings.strict and gate is Gate.MODEL and check.tier == 1 and not _has_measured(found, settings, check):
            measured.append(_in_doubt(check, found.why if isinstance(found, SkippedCheck) else "it found no subject"))
    findings, verdict = decide(measured, {check.name: check.tier for check in catalogue}, settings, today)
    if not run and verdict is Verdict.PASS:
        verdict = Verdict.FAIL if settings.strict else Verdict.INCONCLUSIVE  # no check ran
    return GateReport(
        gate=gate.value,
        verdict=verdict,
        findings=tuple(findings),
        checks_run=tuple(run),
        checks_skipped=tuple(skipped),
        seconds=time.monotonic() - started,
    )


def _has_measured(found: Sequence[Measurement] | SkippedCheck, settings: GateSettings, check: Check) -> bool:
    """Whether the check measured anything, or is switched off by the configuration."""
    configured = settings.checks.get(check.name)
    return bool(found) if not isinstance(found, SkippedCheck) else configured is not None and not configured.enabled


def _in_doubt(check: Check, why: str) -> Measurement:
    """The measurement for a tier-1 check that measured nothing: a model of this pipeline has all that it needs."""
    return Measurement(
        subject="model",
        statistic=check.statistic,
        value=math.nan,
        n=0,
        reason=f"It could not be judged: {why}.",
        remedy="Run the ModelGate on a model and splits that have what it needs.",
        p_value=1.0,
    ).named(check.name, check.margin)


def margin_of(check: Check, settings: GateSettings) -> float:
    """The effect that matters: the check's own, or what the configuration gives."""
    configured = settings.checks.get(check.name)
    return check.margin if configured is None or configured.threshold is None else configured.threshold


def _run_one(check: Check, evidence: GateEvidence, settings: GateSettings) -> Sequence[Measurement] | SkippedCheck:
    configured = settings.checks.get(check.name)
    if configured is not None and not configured.enabled:
        return SkippedCheck(check.name, "switched off in the configuration (gates.checks)")
    if lacking := evidence.lacks(check.needs):
        return SkippedCheck(check.name, lacking.value)
    try:
        return check.measure(evidence, margin_of(check, settings))
    except NotApplicable as reason:
        return SkippedCheck(check.name, str(reason))
