"""`make bench-stacks`: taxi on the classic stack (the environment of the checkout) and on the modern one (a Debian 13
folder) in turn; writes benchmarks/stacks.md. Exit code 2 when verdicts, splits or metrics are not the same on both.

python -m benchmarks.stacks [--pairs 3]
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.stacks.differences import differences
from benchmarks.stacks.measured import Measured
from benchmarks.stacks.page import page
from core.errors import ExitCode, SluiceError
from core.printable import show_error
from core.stack import CLASSIC, active_stack

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "benchmarks/stacks.md"
IN_FOLDER = ("sh", str(ROOT / "scripts/in_debian13.sh"))
ONE_RUN = ("-m", "benchmarks.stacks.one_run")


@click.command()
@click.option("--pairs", default=3, show_default=True, type=click.IntRange(1), help="Runs of each, in turn.")
def main(pairs: int) -> None:
    """Time both, alternating; write benchmarks/stacks.md."""
    try:
        sys.exit(_compared(pairs))
    except SluiceError as problem:
        show_error(problem)
        sys.exit(problem.exit_code)


def _compared(pairs: int) -> ExitCode:
    if active_stack() is not CLASSIC:
        raise SluiceError(
            "The environment of the checkout is not of the classic stack, with which the modern one is compared.",
            "Where glibc is older than 2.39, or anywhere by:  SLUICE_STACK=classic make setup",
        )
    # Made and copied into before the clock runs, and a refusal comes before the first run.
    _call([*IN_FOLDER, "true"])
    classic: list[Measured] = []
    modern: list[Measured] = []
    for turn in range(pairs):
        classic.append(_run([sys.executable, *ONE_RUN]))
        modern.append(_run([*IN_FOLDER, ".venv/bin/python", *ONE_RUN]))
        click.echo(f"pair {turn + 1}: classic {classic[-1].seconds:.1f} s, modern {modern[-1].seconds:.1f} s")
    found = _problems(classic, modern)
    PAGE.write_text(page(classic, modern, found), encoding="utf-8")
    for problem in found:
        click.echo(f"NOT THE SAME: {problem}")
    click.echo(f"written: {PAGE.relative_to(ROOT)}")
    return ExitCode.REFUSED if found else ExitCode.PUSHED


def _problems(classic: Sequence[Measured], modern: Sequence[Measured]) -> list[str]:
    """Every run is held against the first of the classic stack: those of one stack must agree as well."""
    named = [("classic", run) for run in classic[1:]] + [("modern", run) for run in modern]
    return list(dict.fromkeys(f"{name}: {text}" for name, run in named for text in differences(classic[0], run)))


def _run(command: Sequence[str]) -> Measured:
    return Measured.of_json(_call(command).splitlines()[-1])


def _call(command: Sequence[str]) -> str:
    """What a command prints; its complaints go to the console as they come.

    Raises:
      SluiceError: when it fails.
    """
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        code = ExitCode.UNUSABLE if done.returncode == ExitCode.UNUSABLE else ExitCode.ERROR
        raise SluiceError(
            f"`{' '.join(command)}` ended with exit code {done.returncode}; the reason is above.",
            "Then again:  make bench-stacks",
            code,
        )
    return done.stdout
