"""`python -m gates check | list | describe`."""

from __future__ import annotations

import sys
import time as clock
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from core.atomic_write import write_text
from core.errors import ExitCode
from core.printable import json_text, show_json, show_text
from core.version import VERSION
from gates.command.usage import OneSentenceGroup, check_writable, show_or_write
from sources.formats import formats_of_files

_EPILOG = f"""\b
Exit codes:  0 nothing blocks          1 a defect of Sluice
             2 refused                 3 the input or the configuration cannot be used

A table is a file, a folder or a glob: {formats_of_files()}.
"""
_STDOUT = "-"
_LONG = 20.0
_READING = ("separator", "decimal", "thousands", "missing", "ignore_columns")
_DATA_HELP = "A file, folder or glob."


def _reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options on how files are read, which go over what a workload says."""
    for option in reversed(
        [
            click.option("--separator", metavar="S", help="Between cells of CSV: comma, semicolon, tab or pipe."),
            click.option("--decimal", metavar="D", help="Before the decimals of a number in CSV: point or comma."),
            click.option("--thousands", metavar="G", help="Between groups of three digits in CSV."),
            click.option("--missing", multiple=True, metavar="W", help="A word for missing in CSV; repeatable."),
            click.option(
                "--ignore-column",
                "ignore_columns",
                multiple=True,
                metavar="C",
                help="A column that is never read; repeatable.",
            ),
        ]
    ):
        command = option(command)
    return command


@click.group(cls=OneSentenceGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="sluice")
def main() -> None:
    """Look for leakage, skew and drift in tables, before anything is trained on them."""


@main.command(epilog=_EPILOG)
@click.option("--train", required=True, metavar="T", help=f"The training rows. {_DATA_HELP}")
@click.option(
    "--eval",
    "eval_",
    metavar="E",
    help="The rows for early stopping and tuning; without them and --test, train alone is searched for leakage.",
)
@click.option("--test", metavar="X", help="The rows that only the final evaluation sees.")
@click.option("--serving", metavar="S", help="What an endpoint saw.")
@click.option("--previous", metavar="P", help="The training rows of the last time.")
@click.option("--label", metavar="L", help="The column to predict.")
@click.option("--entity", metavar="K", help="The column that identifies the entity of a row.")
@click.option("--time", metavar="C", help="The column with the time of a row.")
@click.option(
    "--label-kind",
    type=click.Choice(["classes", "quantity"]),
    help="What the label's values are; without it they decide: text and few whole numbers are classes.",
)
@click.option(
    "--image",
    multiple=True,
    metavar="NAME",
    help="Numbered columns that are the pixels of one image: pixel for pixel1, pixel2, …; may be given several times.",
)
@click.option("--config", metavar="YAML", help="A workload such as configs/taxi.yaml; options go over what it says.")
@_reading_options
@click.option(
    "--strict", is_flag=True, help="Refuse also what a check could not judge, or was told to let pass without a waiver."
)
@click.option("--json", "out", metavar="OUT", help="Write the report as JSON; - is standard output.")
@click.option("--verbose", "-v", is_flag=True, help="Also what was found sound, and why checks were skipped.")
@click.option("--timings", is_flag=True, hidden=True)
def check(eval_: str | None, out: str | None, verbose: bool, timings: bool, **given: Any) -> None:
    """Run every data check that the given tables allow, and decide."""
    from gates.api import check as run
    from gates.command.show import console_on, show_report, show_timings

    if out not in (None, _STDOUT):
        check_writable(Path(out or ""), "--json")
    console = console_on(sys.stderr if out == _STDOUT else sys.stdout)
    watch = _Stopwatch()
    with console.status("reading") as status, warnings.catch_warnings():
        # The findings report what numpy warns of.
        warnings.simplefilter("ignore")

        def progress(name: str, place: int, count: int) -> None:
            status.update(f"{place + 1} of {count}: {name}")
            watch.begin(name)
            if not console.is_terminal and watch.is_long:
                # Where no line can be redrawn, as in the log of a job.
                show_text(f"{place + 1} of {count}: {name}", sys.stderr)

        def say(sentence: str) -> None:
            show_text(f"{sentence}.", sys.stderr)

        reading = {key: given.pop(key) for key in _READING}
        report = run(eval=eval_, progress=progress, on_sample=say, reading=reading, **given)
    watch.begin("")
    if out == _STDOUT:
        show_json({**report.to_json(), "seed": 0})
    elif out is not None:
        write_text(Path(out), json_text({**report.to_json(), "seed": 0}) + "\n")
    show_report(console, report, verbose)
    if timings:
        show_timings(console, watch.seconds)
    sys.exit(ExitCode.PUSHED if report.blessed else ExitCode.REFUSED)


@main.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--markdown", is_flag=True, help="As the page docs/gates.md.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what --json or --markdown prints to FILE, whole or not at all.",
)
def list_checks(as_json: bool, markdown: bool, output: Path | None) -> None:
    """List the catalogue: what each check catches, its statistic, its margin and source."""
    from gates.verdict.catalogue import as_json as plain
    from gates.verdict.catalogue import checks

    if as_json and output is None:
        show_json([plain(each) for each in checks()])
    elif as_json:
        show_or_write(json_text([plain(each) for each in checks()]) + "\n", output)
    elif markdown:
        from gates.command.catalogue_page import page

        show_or_write(page(checks()), output)
    elif output is not None:
        raise click.UsageError("--output needs --json or --markdown")
    else:
        from gates.command.show import console_on, show_catalogue

        show_catalogue(console_on(sys.stdout), checks())


@main.command()
@click.option("--data", required=True, metavar="D", help=_DATA_HELP)
@click.option("--label", metavar="L", help="Also show its shares.")
@click.option("--time", metavar="C", help="Also show its range.")
@_reading_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def describe(data: str, label: str | None, time: str | None, as_json: bool, **given: Any) -> None:
    """Describe a table: the kind, the missing share and the range of each column."""
    from gates.api import data_of
    from gates.command.show import console_on, show_notes, show_summary
    from gates.tables.describe import describe as summarise
    from gates.workload import Workload, reading_with
    from sources.reading import AS_USUAL

    found = data_of({"train": data}, Workload(label=label, time=time, reading=reading_with(AS_USUAL, given)), True)
    summary = summarise(found.train, label, time)
    if as_json:
        show_json({**summary.to_json(), "notes": list(found.notes)})
    else:
        show_summary(console_on(sys.stdout), summary)
        show_notes(console_on(sys.stdout), found.notes)


class _Stopwatch:
    """Processor seconds by step: on a busy machine elapsed time measures the other processes too."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._name, self._since = "reading", clock.process_time()
        self._started = self._since

    @property
    def is_long(self) -> bool:
        """Whether the work takes so long that each further check is worth a line."""
        return self._since - self._started > _LONG

    def begin(self, name: str) -> None:
        now = clock.process_time()
        self.seconds[self._name] = now - self._since
        self._name, self._since = name, now
