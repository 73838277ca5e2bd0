"""The DataGate: runs every data check on the tables of a run and decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from gates.catalogue import Check, Gate, NotApplicable, checks
from gates.data import Data
from gates.finding import GateReport, SkippedCheck
from gates.rule import Measurement, decide
from gates.settings import GateSettings

Progress = Callable[[str, int, int], None]


def judge_data(
    data: Data, settings: GateSettings | None = None, today: date | None = None, progress: Progress | None = None
) -> GateReport:
    """The verdict on data, before anything is trained. `progress` is told each check's name, its place and of how
    many."""
    return judge(Gate.DATA, data, settings or GateSettings(), today or date.today(), progress)


def judge(
    gate: Gate, evidence: Any, settings: GateSettings, today: date, progress: Progress | None = None
) -> GateReport:
    """Runs the checks of one gate on its evidence (anything with `lacks(needs)`) and decides once over all of them."""
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
    return GateReport(
        gate=gate.value,
        verdict=verdict,
        findings=tuple(findings),
        checks_run=tuple(run),
        checks_skipped=tuple(skipped),
        seconds=time.monotonic() - started,
    )


def _run_one(check: Check, evidence: Any, settings: GateSettings) -> Sequence[Measurement] | SkippedCheck:
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
