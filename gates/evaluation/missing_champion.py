"""Decides about a model to beat that exists and cannot be read: its files are gone, or its registry is damaged."""

from __future__ import annotations

from datetime import date

from gates.evaluation.limits import CHANGE
from gates.verdict.finding import Finding, Severity
from gates.verdict.rule import waived
from gates.verdict.settings import Waiver

_WAIVE = (
    "Bring it back, or go on without it for a time: add to the command  "
    "--set 'evaluator.without_champion={reason: WHY, expires: YYYY-MM-DD}'"
)


def missing_champion(missing: str, rows: int, waiver: Waiver | None, today: date) -> Finding:
    """The finding where a threshold compares with a model that is missing, for the reason `missing`, a sentence: it
    refuses, because any model would pass, until a person waives it for a time. `rows`: of test."""
    finding = Finding(
        check=CHANGE,
        subject="model to beat",
        statistic="models to compare with",
        value=0.0,
        threshold=1.0,
        n=rows,
        severity=Severity.BLOCK,
        reason=missing,
        remedy=_WAIVE,
    )
    # There is one subject alone, so that those of the waiver mean nothing.
    return waived(finding, waiver and waiver.model_copy(update={"subjects": []}), today)
