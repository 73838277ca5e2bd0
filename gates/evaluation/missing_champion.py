"""Decides about a model to beat that exists and cannot be read: its files are gone, or its registry is damaged."""

from __future__ import annotations

from datetime import date

from gates.evaluation.limits import CHANGE
from gates.verdict.finding import Finding, Severity
from gates.verdict.settings import Waiver

_WAIVE = (
    "Bring it back, or go on without it for a time:  python runners/local_runner.py "
    "--set 'evaluator.without_champion={reason: WHY, expires: YYYY-MM-DD}'"
)


def missing_champion(missing: str, rows: int, waiver: Waiver | None, today: date) -> Finding:
    """The finding where a threshold compares with a model that is missing, for the reason `missing`, a sentence: it
    refuses, because any model would pass, until a person waives it for a time. `rows`: of test."""
    severity, reason, waived = Severity.BLOCK, missing, None
    if waiver is not None and today <= waiver.expires:
        severity, waived = Severity.WARN, waiver.reason
        reason = f"{missing} Waived until {waiver.expires}: {waiver.reason}"
    elif waiver is not None:
        reason = f"{missing} Its waiver expired on {waiver.expires}: it blocks again."
    return Finding(
        check=CHANGE,
        subject="model to beat",
        statistic="models to compare with",
        value=0.0,
        threshold=1.0,
        n=rows,
        severity=severity,
        reason=reason,
        remedy=_WAIVE,
        waiver=waived,
    )
