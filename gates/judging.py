"""How every gate comes to its verdict: runs its checks on its evidence and decides once over all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol

from gates.catalogue import Check, Gate, Need, NotApplicable, checks
from gates.finding import GateReport, SkippedCheck, Verdict
from gates.rule import Measurement, decide
from gates.settings import GateSettings

Progress = Callable[[str, int, int], None]


class Evidence(Protocol):
    """What a gate judges: `gates.data.Data` or `gates.model.evidence.ModelEvidence`."""

    def lacks(self, needs: tuple[Need, ...]) -> Need | None:
        """The first thing that is needed and not there."""


def judge(
    gate: Gate, evidence: Evidence, settings: GateSettings, today: date, progress: Progress | None = None
) -> GateReport:
    """The verdict of one gate. `progress` is told each check's name, its place and of how many."""
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
    findings, verdict = decide(measured, {check.name: check.tier for check in catalogue}, settings, today)
    if not run and verdict is Verdict.PASS:
        verdict = Verdict.INCONCLUSIVE  # nobody looked
    return GateReport(
        gate=gate.value,
        verdict=verdict,
        findings=tuple(findings),
        checks_run=tuple(run),
        checks_skipped=tuple(skipped),
        seconds=time.monotonic() - started,
    )


def _run_one(check: Check, evidence: Evidence, settings: GateSettings) -> Sequence[Measurement] | SkippedCheck:
    configured = settings.checks.get(check.name)
    if configured is not None and not configured.enabled:
        return SkippedCheck(check.name, "switched off in the configuration (gates.checks)")
    if lacking := evidence.lacks(check.needs):
        return SkippedCheck(check.name, lacking.value)
    margin = check.margin if configured is None or configured.threshold is None else configured.threshold
    try:
        return list(check.run(evidence, margin))
    except NotApplicable as reason:
        return SkippedCheck(check.name, str(reason))
