"""The outcome of the run, its reason, and every finding of every gate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from gates.verdict.finding import Finding, GateReport, Severity
from report.evidence import Evidence
from report.markup import fragment
from report.run_record import RunRecord
from report.sections.section import Section
from report.wording import count, duration, size

SHOWN = 40
GRAVEST_FIRST = (Severity.BLOCK, Severity.WARN, Severity.INFO)


def gate_reports(record: RunRecord, evidence: Evidence) -> tuple[GateReport, ...]:
    """The gates' reports: those of the evidence, else those of the run record."""
    return evidence.gates or tuple(GateReport.from_json(plain) for plain in record.gates)


def render(record: RunRecord, evidence: Evidence) -> Section:
    """The verdict in one word, the reason in one sentence, then the findings, gravest first."""
    reports = gate_reports(record, evidence)
    found = _gravest_first(reports)
    notable = [entry for entry in found if entry[1].severity is not Severity.INFO]
    body = fragment(
        "verdict",
        record=record,
        facts=_facts(record),
        next_command=evidence.next_command,
        reports=reports,
        notable=notable[:SHOWN],
        more=notable[SHOWN:],
        informative=list(islice((entry for entry in found if entry[1].severity is Severity.INFO), 10 * SHOWN)),
        skipped=[(report.gate, skipped) for report in reports for skipped in report.checks_skipped],
    )
    return Section("verdict", "Verdict", body)


def _gravest_first(reports: Sequence[GateReport]) -> list[tuple[str, Finding]]:
    return [(report.gate, finding) for grade in GRAVEST_FIRST for report in reports for finding in report.of(grade)]


def _facts(record: RunRecord) -> list[tuple[str, str]]:
    facts = []
    if record.pushed_version:
        where = f" → {record.pushed_to}" if record.pushed_to else ""
        facts.append(("Model", f"{record.pushed_version}{where}"))
    elif record.outcome != "pushed":
        facts.append(("Model", "none pushed"))
    if record.rows:
        facts.append(("Rows", " · ".join(f"{split} {count(rows)}" for split, rows in record.rows.items())))
    facts.append(("Took", duration(record.seconds)))
    if record.peak_memory_bytes is not None:
        facts.append(("Peak memory", size(record.peak_memory_bytes)))
    facts.append(("Exit code", str(record.exit_code)))
    return facts
