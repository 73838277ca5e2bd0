"""`make bench-leaks`: judges every table of the corpus with the DataGate and writes benchmarks/natures_leaks.md.

python -m benchmarks.natures_leaks [--half develop|check] [--only NAME]
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from benchmarks.faults.tasks import ONE_THREAD
from benchmarks.natures_leaks.corpus import tables
from benchmarks.natures_leaks.judged import judged
from benchmarks.natures_leaks.page import page

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "benchmarks" / "natures_leaks.md"


@click.command()
@click.option("--half", type=click.Choice(["develop", "check"]), help="A half alone; prints, writes no page.")
@click.option("--only", default="", help="Tables whose name contains this; prints, writes no page.")
@click.option("--json", "to_json", type=click.Path(path_type=Path), help="Also writes all findings to this file.")
def main(half: str | None, only: str, to_json: Path | None) -> None:
    """Judge the tables and print what was refused."""
    os.environ.update(ONE_THREAD)
    chosen = [each for each in tables() if half in (None, each.half) and only in each.name]
    results = []
    for table in chosen:
        result = judged(table)
        results.append(result)
        wanted = bool(table.leaks)
        if wanted != bool(result.leaks_refused if wanted else result.without_cause):
            click.echo(f"{'missed' if wanted else 'refused without cause'}: {table.name} ({table.half})")
        for check, subject, reason in result.blocks:
            if not wanted or subject not in table.leaks:
                click.echo(f"    {table.name}: {check} on {subject}: {reason[:260]}")
    if to_json:
        to_json.write_text(json.dumps([{**asdict(each), "table": each.table.name} for each in results], indent=1))
    if half is None and not only:
        PAGE.write_text(page(results), encoding="utf-8")
        click.echo(f"written: {PAGE.relative_to(ROOT)}")
