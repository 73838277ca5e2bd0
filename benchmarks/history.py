"""`benchmarks/history.md`: one row for each `make bench`, so that a slower version is seen beside the one before."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.timed_process import ProcessCost
from core.atomic_write import write_text

HISTORY = Path(__file__).resolve().parent / "history.md"
_TITLE = "# Speed over time\n"
_RUNS = """
Whole runs of the taxi workload beside the official TFX template on the same machine and rows, in seconds of wall time;
`make bench` appends a row. Compare ratios: machines differ, and two runs in turn share theirs.

| date | commit | pairs | size | Sluice, s | template, s | ratio | peak memory, GiB |
|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Compared:
    """The runs of both on one size of the data, in turn."""

    size: str
    sluice: Sequence[ProcessCost]
    template: Sequence[ProcessCost]


def append_rows(compared: Sequence[Compared], history: Path = HISTORY) -> None:
    """Appends a row for each size: medians of the wall time, their ratio pair by pair, and Sluice's peak memory."""
    append_to(_RUNS, [_row(each) for each in compared], history)


def append_to(section: str, rows: Sequence[str], history: Path = HISTORY) -> None:
    """Writes the rows below those that the table of the section has. `section` is all before its first row."""
    text = history.read_text(encoding="utf-8") if history.exists() else _TITLE
    if section not in text:
        text += section
    before, after = text.split(section)
    table, gap, rest = after.partition("\n\n")
    write_text(history, before + section + table + ("\n" if gap else "") + "".join(rows) + ("\n" if gap else "") + rest)


def when() -> str:
    """The first two cells of a row: date and commit."""
    return f"{time.strftime('%Y-%m-%d')} | {_commit()}"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, cwd=HISTORY.parent, capture_output=True, text=True, check=True).stdout.strip()


def _row(compared: Compared) -> str:
    pairs = list(zip(compared.sluice, compared.template, strict=True))
    seconds = [statistics.median(run.seconds for run in runs) for runs in (compared.sluice, compared.template)]
    ratio = statistics.median(one.seconds / other.seconds for one, other in pairs)
    peak = max(run.peak_bytes for run in compared.sluice) / 2**30
    return (
        f"| {when()} | {len(pairs)} | {compared.size} | {seconds[0]:.1f} | {seconds[1]:.1f} | {ratio:.2f} | "
        f"{peak:.2f} |\n"
    )
