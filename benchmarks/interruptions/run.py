"""`make bench-interruptions`: disturbs small runs of the taxi workload from outside, in every way of this room, and
writes benchmarks/interruptions.md. Exit code 2 when one did not end in order.

python -m benchmarks.interruptions [--kills 20] [--seed 0] [--only NAME]
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from benchmarks.interruptions.damages import damaged, damages
from benchmarks.interruptions.disks import FILLINGS, filled, may_mount
from benchmarks.interruptions.kills import killed, kills
from benchmarks.interruptions.page import page
from benchmarks.interruptions.site import ROOT, Site, State
from benchmarks.interruptions.together import the_same_twice, two_workloads
from benchmarks.interruptions.tried import Tried
from core.atomic_write import write_json

PAGE = ROOT / "benchmarks/interruptions.md"
Case = tuple[str, str, Callable[[], Tried]]


@click.command()
@click.option(
    "--kills", "moments", default=20, show_default=True, type=click.IntRange(0), help="How many moments to draw."
)
@click.option("--seed", default=0, show_default=True, help="Of the moments.")
@click.option("--only", default="", help="Cases whose kind or name contains this; writes no page.")
@click.option("--results", type=click.Path(path_type=Path), help="Keeps results; what ended in order is not repeated.")
def main(moments: int, seed: int, only: str, results: Path | None) -> None:
    """Disturb runs, and print how each ended."""
    known = _read(results)
    with tempfile.TemporaryDirectory(prefix="interruptions-") as folder:
        home = Path(folder)
        site, proven, kept = Site(home / "site"), home / "proven", home / "kept"
        seconds, expected = _undisturbed(site, proven)
        click.echo(f"undisturbed: {expected.outcome}, {seconds:.0f} s of processor")
        shutil.copytree(site.output, kept, symlinks=True)
        found: dict[str, list[Tried]] = {}
        for kind, name, case in _cases(site, proven, kept, seconds, expected, moments, seed):
            if only in kind or only in name:
                tried = known.get(f"{kind}: {name}") or case()
                found.setdefault(kind, []).append(tried)
                known[f"{kind}: {name}"] = tried
                _write(results, known)
                if not only:
                    PAGE.write_text(page(found, seed), encoding="utf-8")
                click.echo(f"{kind}: {tried.name}: {tried.ending}")
                for problem in tried.problems:
                    click.echo(f"    PROBLEM: {problem}")
    sys.exit(2 if any(tried.problems for group in found.values() for tried in group) else 0)


def _read(results: Path | None) -> dict[str, Tried]:
    if results is None or not results.exists():
        return {}
    known = {name: Tried(**plain) for name, plain in json.loads(results.read_text()).items()}
    return {name: tried for name, tried in known.items() if not tried.problems}


def _write(results: Path | None, known: Mapping[str, Tried]) -> None:
    if results is not None:
        write_json(results, {name: asdict(tried) for name, tried in known.items()})


def _undisturbed(site: Site, proven: Path) -> tuple[float, State]:
    """The processor time of a run that nothing disturbs, and its end. It goes as far as the ModelGate first, which
    leaves `proven`."""
    before = os.times()
    for arguments in (("--until", "ModelGate"), ()):
        ended = site.run(*arguments)
        if ended.exit_code:
            raise RuntimeError(ended.printed)
        if arguments:
            shutil.copytree(site.output, proven, symlinks=True)
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, site.state()


def _cases(
    site: Site, proven: Path, kept: Path, seconds: float, expected: State, moments: int, seed: int
) -> Iterator[Case]:
    for row in kills(moments, seconds, seed):
        yield "killed", row.name, partial(killed, site, proven, row, expected)
    if may_mount():
        for filling in FILLINGS:
            yield "a full disk", filling.name, partial(filled, site, proven, filling, expected)
    for damage in damages():
        yield "damaged", damage.name, partial(damaged, site, kept, damage, expected)
    yield "together", "two workloads", partial(two_workloads, site, expected)
    yield "together", "the same", partial(the_same_twice, site, expected)
