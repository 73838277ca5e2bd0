"""The DataGate: judges the tables of a run, before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from gates.data.causes import one_for_each_cause
from gates.data.evidence import Data
from gates.verdict.catalogue import Gate
from gates.verdict.finding import GateReport
from gates.verdict.judge import Progress, judge
from gates.verdict.settings import GateSettings

_WITHOUT_LABEL = (
    "No label was named, so leakage of the label was not looked at. Name the column to predict:  --label COLUMN"
)


def judge_data(
    data: Data, settings: GateSettings | None = None, today: date | None = None, progress: Progress | None = None
) -> GateReport:
    """The verdict on data. `progress` receives each check's name, its place and the number of checks."""
    settings, today = settings or GateSettings(), today or date.today()
    report = judge(Gate.DATA, data, settings, today, progress)
    report = replace(report, findings=one_for_each_cause(report.findings, data, settings, today))
    return report if data.label else replace(report, notes=(_WITHOUT_LABEL,))
