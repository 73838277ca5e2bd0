"""The one decision rule of all gates: from measurements to findings and a verdict.

A finding blocks when it is certain (Holm-adjusted p over the whole family of the gate, at most ALPHA) *and* its effect
is beyond the margin: a sample of any size may differ by chance, and a large one differs certainly by nothing that
matters. Holm (1979); effect sizes after Breck et al., "Data Validation for Machine Learning" (2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from gates.statistics.sample_size import rows_until_certain
from gates.verdict.finding import Finding, Severity, Verdict
from gates.verdict.measurement import Measurement
from gates.verdict.settings import CheckSettings, GateSettings, Waiver

# One false alarm in a thousand gates, not in a hundred: the p-values assume that rows are alike, and never quite are.
ALPHA = 0.001
# Beyond the margin and less than certain: a warning from here on. Of many columns some look odd by chance.
SUSPICION = 0.05


def decide(
    measured: Sequence[Measurement],
    tiers: Mapping[str, int],
    settings: GateSettings,
    today: date,
    further: Sequence[Finding] = (),
) -> tuple[list[Finding], Verdict]:
    """The findings, gravest first, and the verdict. `further`: findings that were decided without a measurement."""
    adjusted = _adjusted(measured)
    findings = list(further)
    for measurement, p_value in zip(measured, adjusted, strict=True):
        finding = _decide_one(measurement, p_value, tiers.get(measurement.check, 2), settings.strict)
        findings.append(_as_configured(finding, settings.checks.get(finding.check), today))
    findings.sort(key=_gravest_first)
    if any(finding.severity is Severity.BLOCK for finding in findings):
        return findings, Verdict.FAIL
    in_doubt = any(finding.undecided for finding in findings)
    return findings, Verdict.INCONCLUSIVE if in_doubt else Verdict.PASS


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (1979)."""
    count = len(p_values)
    adjusted = [1.0] * count
    largest = 0.0
    for rank, i in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (count - rank) * p_values[int(i)]))
        adjusted[int(i)] = largest
    return adjusted


def _adjusted(measured: Sequence[Measurement]) -> list[float | None]:
    tested = [i for i, each in enumerate(measured) if each.p_value is not None]
    found = holm([_p(measured[i].p_value) for i in tested])
    adjusted: list[float | None] = [None] * len(measured)
    for i, p_value in zip(tested, found, strict=True):
        adjusted[i] = p_value
    return adjusted


def _p(p_value: float | None) -> float:
    return 1.0 if p_value is None or math.isnan(p_value) else p_value


def _decide_one(each: Measurement, p_value: float | None, tier: int, strict: bool) -> Finding:
    certain = p_value is None or p_value <= ALPHA
    if each.is_beyond and certain:
        return _finding(each, each.at_most, p_value, each.reason)
    doubtful = tier == 1 and each.at_most is Severity.BLOCK and (each.is_doubtful or each.is_beyond)
    if not doubtful:
        return _finding(each, Severity.INFO, p_value, each.reason)
    needed = _rows_to_decide(each, p_value)
    rows = f"; about {needed:,} would decide it" if needed else ""
    # What lacks all rows says so itself.
    reason = f"{each.reason.rstrip('.')}. That cannot be decided with {each.n:,} rows{rows}." if each.n else each.reason
    suspected = each.is_beyond and p_value is not None and p_value <= SUSPICION
    severity = Severity.BLOCK if strict else Severity.WARN if suspected else Severity.INFO
    return replace(_finding(each, severity, p_value, reason), undecided=True)


def _rows_to_decide(each: Measurement, p_value: float | None) -> int | None:
    """The measurement's own number, else that at which its effect would be certain; never fewer than there are."""
    needed = each.rows_to_decide
    if needed is None and each.is_beyond and p_value is not None:
        needed = rows_until_certain(p_value, ALPHA, each.n)
    return needed if needed is not None and needed > each.n else None


def _finding(each: Measurement, severity: Severity, p_value: float | None, reason: str) -> Finding:
    return Finding(
        check=each.check,
        subject=each.subject,
        statistic=each.statistic,
        value=each.value,
        threshold=math.nan if each.margin is None else each.margin,
        n=each.n,
        severity=severity,
        reason=reason,
        remedy=each.remedy,
        p_value=p_value,
        chart=each.chart if severity is not Severity.INFO else None,
        sample=each.sample if severity is not Severity.INFO else None,
        column=each.column,
        table=each.table,
    )


def _as_configured(finding: Finding, configured: CheckSettings | None, today: date) -> Finding:
    """A configured severity or waiver lowers a blocking finding to a warning; a waiver that has expired does not."""
    if configured is None or finding.severity is not Severity.BLOCK:
        return finding
    if configured.severity == "warn":
        return replace(finding, severity=Severity.WARN)
    return waived(finding, configured.waive, today)


def waived(finding: Finding, waiver: Waiver | None, today: date) -> Finding:
    """The finding as a warning where the waiver covers it; a waiver that has expired covers nothing."""
    if waiver is None or (waiver.subjects and finding.subject not in waiver.subjects):
        return finding
    if today > waiver.expires:
        return replace(finding, reason=f"{finding.reason} Its waiver expired on {waiver.expires}: it blocks again.")
    until = waiver.expires.isoformat()
    reason = f"{finding.reason} Waived until {until}: {waiver.reason}"
    return replace(finding, severity=Severity.WARN, reason=reason, waiver=waiver.reason, waived_until=until)


def _gravest_first(finding: Finding) -> int:
    return (Severity.BLOCK, Severity.WARN, Severity.INFO).index(finding.severity)
