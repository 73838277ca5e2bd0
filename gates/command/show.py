"""What the command prints: a table of the findings that block or warn, the verdict, the catalogue, the columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.printable import hanging, one_line, printable
from core.terminal import PlainConsole
from core.text import counted, shortened
from gates.tables.describe import ColumnSummary, DataSummary
from gates.verdict.catalogue import Check
from gates.verdict.finding import Finding, GateReport, Severity, Verdict

_PIPED_WIDTH = 120
_MOST_SHOWN = 40
_MOST_DOUBTS = 10
_STYLE = {Severity.BLOCK: "bold red", Severity.WARN: "yellow", Severity.INFO: "dim"}
_VERDICT_STYLE = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}
_VERDICT_WORDS = {
    Verdict.PASS: "nothing blocks",
    Verdict.FAIL: "refused",
    Verdict.INCONCLUSIVE: "nothing blocks, but not all of it is sure: {} (--strict refuses)",
}


def console_on(stream: TextIO) -> Console:
    """A console as wide as the terminal, or of a fixed width into a file."""
    return PlainConsole(stream, _PIPED_WIDTH)


def show_report(console: Console, report: GateReport, verbose: bool = False) -> None:
    """Prints each finding that blocks or warns, the checks in doubt, how many checks ran, and the verdict."""
    shown = [*report.of(Severity.BLOCK), *report.of(Severity.WARN), *(report.of(Severity.INFO) if verbose else ())]
    left_out = 0 if verbose else max(0, len(shown) - _MOST_SHOWN)
    shown = shown[: len(shown) - left_out]
    if shown:
        table = _bare_table()
        table.add_column(no_wrap=True)
        table.add_column(max_width=26, overflow="fold")
        table.add_column(max_width=24, overflow="fold")
        table.add_column(overflow="fold", ratio=1)
        for finding in shown:
            severity = Text(finding.severity.value, _STYLE[finding.severity])
            table.add_row(severity, Text(finding.check), Text(one_line(finding.subject)), _why(finding, verbose))
        console.print(table)
    if left_out:
        console.print(Text(f"and {left_out:,} more (--verbose, or --json)", "dim"))
    show_notes(console, report.notes)
    _show_doubts(console, report, verbose)
    _show_skipped(console, report, verbose)
    doubts = shortened(report.in_doubt, _MOST_DOUBTS) or "no check ran"
    words = f"{_VERDICT_WORDS[report.verdict].format(doubts)} · {report.seconds:.1f} s"
    console.print(Text(report.verdict.value.upper(), _VERDICT_STYLE[report.verdict]) + Text(f"  {words}", "default"))


def show_notes(console: Console, notes: Iterable[str]) -> None:
    """Prints the remarks on how tables were read."""
    for note in notes:
        console.print(Text(hanging(f"info: {note}"), "dim"))


def _why(finding: Finding, verbose: bool) -> Text:
    text = Text(printable(finding.reason))
    if finding.severity is not Severity.INFO:
        text.append(f"\n→ {printable(finding.remedy)}", style="dim")
    if verbose and finding.sample:
        heads = f"{finding.sample.caption}: {', '.join(finding.sample.columns)}"
        text.append(f"\n{one_line(heads)}", style="dim")
        for row in finding.sample.rows:
            text.append(f"\n  {one_line(' | '.join(row))}", style="dim")
    return text


def _show_doubts(console: Console, report: GateReport, verbose: bool) -> None:
    """Prints what makes a verdict inconclusive and is in no table: first each suspect, whose value is beyond its limit,
    with its reason; then how many subjects of which check are merely not excluded."""
    doubts = [each for each in report.findings if each.undecided]
    hidden = [] if verbose else [each for each in doubts if each.severity is Severity.INFO]
    suspects = [each for each in hidden if not each.value <= each.threshold][:_MOST_DOUBTS]
    for each in suspects:
        console.print(Text(hanging(f"undecided: {each.check}: {each.reason}"), "yellow"))
    if rest := Counter(each.check for each in doubts if each not in suspects):
        text = ", ".join(f"{check} ({count:,})" for check, count in rest.items())
        console.print(Text(f"too few rows to decide: {text}", "dim"))


def _show_skipped(console: Console, report: GateReport, verbose: bool) -> None:
    run, skipped = len(report.checks_run), len(report.checks_skipped)
    hint = " (why: --verbose)" if skipped and not verbose else ""
    console.print(Text(f"{counted(run, 'check')} run, {skipped} skipped{hint}", "dim"))
    if verbose:
        for each in report.checks_skipped:
            console.print(Text(hanging(f"  {each.check}: {each.why}"), "dim"))


def show_timings(console: Console, seconds: Mapping[str, float]) -> None:
    """Prints the processor time of each step, the longest first."""
    for name, spent in sorted(seconds.items(), key=lambda each: -each[1]):
        console.print(Text(f"{spent:8.3f} s  {name}", "dim"))


def show_catalogue(console: Console, checks: Iterable[Check]) -> None:
    """Prints every check: what it catches, its statistic, its margin and its source."""
    listed = list(checks)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", expand=True)
    table.add_column("check", no_wrap=True)
    for name, ratio in (("catches", 8), ("statistic", 8), ("margin", 2), ("source", 7)):
        table.add_column(name, ratio=ratio, overflow="fold", justify="right" if name == "margin" else "left")
    group = ""
    for each in listed:
        if each.group != group:
            group = each.group
            table.add_row(Text(f"\n{group}", "bold"))
        table.add_row(
            each.name, Text(each.catches), Text(each.statistic), f"{each.margin:.3g}", Text(each.source, "dim")
        )
    console.print(table)
    counts = Counter(each.gate.value for each in listed)
    console.print(Text(", ".join(f"{count} checks of the {name}" for name, count in counts.items()), "dim"))


def show_summary(console: Console, summary: DataSummary) -> None:
    """Prints what a table holds, one line for each column."""
    console.print(Text(f"{summary.rows:,} rows, {len(summary.columns)} columns", "bold"))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("column", "kind", "missing", "distinct", "values"):
        justify: Any = "right" if name in ("missing", "distinct") else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for column in summary.columns:
        table.add_row(*_cells(column))
    console.print(table)
    if summary.label:
        shares = ", ".join(f"{one_line(value)}: {share:.1%}" for value, share in summary.label_shares)
        more = f" and {summary.more_labels:,} more" if summary.more_labels else ""
        console.print(Text(f"label {one_line(summary.label)}  {shares}{more}"))
    if summary.time_range:
        console.print(Text(one_line(f"time {summary.time}  {summary.time_range[0]} to {summary.time_range[1]}")))


def _cells(column: ColumnSummary) -> Sequence[Text]:
    distinct = "" if column.distinct is None else f"{column.distinct:,}"
    return [Text(one_line(t)) for t in (column.name, column.kind, f"{column.missing:.1%}", distinct, column.values)]


def _bare_table() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), show_header=False, expand=True)
