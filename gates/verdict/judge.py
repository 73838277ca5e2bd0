"""Runs the checks of a gate on its evidence and decides once over all their measurements."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from gates.verdict.catalogue import Check, Gate, Need, NotApplicable, NothingToJudge, checks
from gates.verdict.finding import GateReport, SkippedCheck, Verdict
from gates.verdict.measurement import Measurement
from gates.verdict.rule import decide
from gates.verdict.settings import GateSettings
from gates.verdict.unjudged import changed, could_not_judge

Progress = Callable[[str, int, int], None]
_NO_SUBJECT = "it found no subject"
# What a model without optional fields lacks.
_NOTHING_OF_THE_KIND = (Need.PROBES, Need.COMBINATIONS)


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
    further = changed(catalogue, settings, today)
    missed: set[str] = set()
    for place, check in enumerate(catalogue):
        if progress is not None:
            progress(check.name, place, len(catalogue))
        ran = _run_one(check, evidence, settings)
        measured += ran.measured
        if ran.skipped is None:
            run.append(check.name)
        else:
            skipped.append(SkippedCheck(check.name, ran.skipped))
        if _is_missed(check, ran, settings, missed):
            why = ran.skipped or _NO_SUBJECT
            missed.add(why)
            further.append(could_not_judge(check, why, settings, today))
    findings, verdict = decide(measured, {check.name: check.tier for check in catalogue}, settings, today, further)
    if not run and verdict is not Verdict.FAIL:
        verdict = Verdict.FAIL if settings.strict else Verdict.INCONCLUSIVE  # no check ran
    return GateReport(
        gate=gate.value,
        verdict=verdict,
        findings=tuple(findings),
        checks_run=tuple(run),
        checks_skipped=tuple(skipped),
        seconds=time.monotonic() - started,
        notes=tuple(dict.fromkeys(f"`{each.check}` {each.looked_at}." for each in measured if each.looked_at)),
    )


@dataclass(frozen=True)
class _Ran:
    """What one check gave. `excused`: nothing escapes by its skip."""

    measured: Sequence[Measurement] = ()
    skipped: str | None = None
    excused: bool = False


def _is_missed(check: Check, ran: _Ran, settings: GateSettings, known: set[str]) -> bool:
    """Whether a check of tier 1 judged nothing where it should have. A model of this pipeline has all that its checks
    need, and only strict asks for it; on data one warning for each reason is enough: `known` are those of others."""
    if check.tier != 1 or ran.measured or ran.excused:
        return False
    if settings.strict:
        return True
    return check.gate is Gate.DATA and ran.skipped is not None and ran.skipped not in known


def margin_of(check: Check, settings: GateSettings) -> float:
    """The effect that matters: the check's own, or what the configuration gives."""
    configured = settings.checks.get(check.name)
    return check.margin if configured is None or configured.threshold is None else configured.threshold


def _run_one(check: Check, evidence: GateEvidence, settings: GateSettings) -> _Ran:
    configured = settings.checks.get(check.name)
    if configured is not None and not configured.enabled:
        return _Ran(skipped="switched off in the configuration (gates.checks)", excused=True)
    if lacking := evidence.lacks(check.needs):
        # An input that was not given, or that there cannot be.
        return _Ran(skipped=lacking.value, excused=check.gate is Gate.DATA or lacking in _NOTHING_OF_THE_KIND)
    try:
        return _Ran(check.measure(evidence, margin_of(check, settings)))
    except NothingToJudge as reason:
        return _Ran(skipped=str(reason), excused=True)
    except NotApplicable as reason:
        return _Ran(skipped=str(reason))
