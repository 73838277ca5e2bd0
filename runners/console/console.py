"""The console of a run: a line for each component, a progress line on a terminal, the verdict."""

from __future__ import annotations

import logging
import sys
import textwrap
import time
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.prompt import Confirm
from rich.table import Table
from rich.text import Text

from core.errors import SluiceError
from core.printable import hanging, one_line
from core.terminal import PlainConsole
from gates.verdict.finding import Finding, GateReport, Severity

_NAME_WIDTH = 13
_WIDTH_IN_FILES = 110
_SEVERITY_STYLE = {Severity.BLOCK: "bold red", Severity.WARN: "yellow", Severity.INFO: "dim"}


class RunConsole:
    """Prints to the real standard output; the progress line is drawn on terminals only."""

    def __init__(self, stream: TextIO) -> None:
        self._console = PlainConsole(stream, _WIDTH_IN_FILES, soft_wrap=not stream.isatty())
        self._progress: Progress | None = None
        self._name = ""
        self._listener = _ProgressListener(self)

    def headline(self, *parts: str) -> None:
        """Print the first line: what runs, and where."""
        self._console.print(Text(one_line(" · ".join(("sluice", *parts))), style="bold"))

    def working_on(self, name: str) -> None:
        """Show that `name` runs, until the next line is printed."""
        self.rest()
        self._name = name
        if not self.is_terminal:
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(30), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._progress.add_task(f"{name:<{_NAME_WIDTH}}", total=None)
        self._progress.start()

    def advance(self, done: float, total: float, what: str) -> None:
        """Move the progress bar."""
        if self._progress is not None:
            task = self._progress.tasks[0]
            name = task.description[:_NAME_WIDTH]
            self._progress.update(task.id, completed=done, total=total, description=f"{name} {what}")

    def step(self, sentence: str) -> None:
        """Print a step of what runs as a line of its own, where there is no progress line."""
        if not self.is_terminal:
            self.component(self._name, sentence, None, "dim")

    def rest(self) -> None:
        """Remove the progress line."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def component(self, name: str, sentence: str, seconds: float | None, style: str = "") -> None:
        """Print one component's line; continuation lines keep the indent."""
        self.rest()
        spent = "" if seconds is None else f"{seconds:7.1f} s"
        lines = textwrap.wrap(sentence, 78) or [""]
        self._console.print(Text(f"  {name:<{_NAME_WIDTH}} {lines[0]:<78}{spent}".rstrip(), style=style))
        for line in lines[1:]:
            self._console.print(Text(f"  {'':<{_NAME_WIDTH}} {line}", style=style))

    def verdict(self, reports: Sequence[GateReport], limit: int = 8) -> None:
        """Print the table of the findings that block or warn; nothing when there are none."""
        self.rest()
        shown = [
            (report.gate, finding)
            for severity in (Severity.BLOCK, Severity.WARN)
            for report in reports
            for finding in report.of(severity)
            # The pusher's refusal only repeats that of a gate.
            if report.gate != "pusher" or all(other.blessed for other in reports if other is not report)
        ]
        if not shown:
            return
        table = Table(box=None, padding=(0, 1), show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for gate, finding in shown[:limit]:
            table.add_row(Text(finding.severity.value, _SEVERITY_STYLE[finding.severity]), Text(gate), _why(finding))
        self._console.print(table, soft_wrap=False)
        if len(shown) > limit:
            self._console.print(f"  and {len(shown) - limit} more in the report")

    def last_words(self, word: str, sentence: str, style: str = "bold") -> None:
        """Print how the run ended."""
        self.rest()
        self._console.print(Text(f"  {word}  ", style=style) + Text(hanging(sentence)))

    @property
    def rich(self) -> Console:
        """The console of rich, for what prints tables of its own."""
        self.rest()
        return self._console

    def table(self, table: Table) -> None:
        """Print a table; its cells are never cut."""
        self.rest()
        self._console.print(table, soft_wrap=False)

    @property
    def is_terminal(self) -> bool:
        """Whether a progress line is drawn."""
        return self._console.is_terminal

    @property
    def can_ask(self) -> bool:
        """Whether a person can answer."""
        return self.is_terminal and sys.stdin.isatty()

    def ask(self, question: str) -> bool:
        """Whether a person answers yes; False where nobody can answer."""
        self.rest()
        return self.can_ask and Confirm.ask(Text(hanging(question)), console=self._console, default=False)

    def error(self, problem: SluiceError) -> None:
        """Print a user's error: one sentence, and the next command."""
        self.rest()
        self._console.print(Text(hanging(f"sluice: {problem.headline}")))
        if problem.next_command:
            self._console.print(Text(hanging(f"        {problem.next_command}")))

    def __enter__(self) -> RunConsole:
        logging.getLogger("sluice.progress").addHandler(self._listener)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("sluice.progress").removeHandler(self._listener)
        self.rest()


def _why(finding: Finding) -> Text:
    text = Text(finding.reason)
    if finding.severity is Severity.BLOCK:
        text.append(f"\n→ {finding.remedy}", style="dim")
    return text


class _ProgressListener(logging.Handler):
    """Turns `logging.getLogger("sluice.progress").info("epoch 3", extra={"done": 3, "total": 10})` into a moving bar,
    and what has `extra={"is_step": True}` into a line: components report through the log and need no console."""

    def __init__(self, console: RunConsole) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self._last = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "is_step", False):
            self._console.step(record.getMessage())
            return
        done, total = getattr(record, "done", None), getattr(record, "total", None)
        if done is None or total is None or time.monotonic() - self._last < 0.1:
            return
        self._last = time.monotonic()
        self._console.advance(float(done), float(total), record.getMessage())
