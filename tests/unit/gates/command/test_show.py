"""What the console prints of a report that decides nothing for certain."""

from __future__ import annotations

import io

from gates.command.show import console_on, show_report
from gates.verdict.finding import Finding, GateReport, Severity, Verdict

SUSPECT = (
    "`score` alone has AUC 0.960 on 60 rows of train. That cannot be decided with 60 rows; about 140 would decide it."
)


def undecided(check: str, subject: str, value: float, reason: str = "It is like train.") -> Finding:
    return Finding(check, subject, "share", value, 0.5, 60, Severity.INFO, reason, "-", undecided=True)


def shown(*findings: Finding, verbose: bool = False) -> str:
    stream = io.StringIO()
    show_report(console_on(stream), GateReport("data_gate", Verdict.INCONCLUSIVE, findings), verbose)
    return " ".join(stream.getvalue().split())


def test_a_suspect_that_cannot_be_decided_is_shown_with_column_figure_and_rows() -> None:
    text = shown(undecided("single_feature", "score", 0.8, SUSPECT), undecided("nulls", "fare in eval", 0.1))
    assert f"undecided: single_feature: {SUSPECT}" in text
    assert "too few rows to decide: nulls (1)" in text


def test_an_inconclusive_verdict_names_its_checks() -> None:
    text = shown(undecided("single_feature", "score", 0.8, SUSPECT), undecided("nulls", "fare in eval", 0.1))
    assert "not all of it is sure: single_feature, nulls (--strict refuses)" in text
    assert "not all of it is sure: no check ran" in shown()
