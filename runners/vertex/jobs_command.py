"""The options of `vertex_runner.py jobs`. Free of heavy imports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from runners.command_line import Amount
from runners.vertex.options import PLACE, environment_overrides, with_keys

_environment = click.option("--environment", default="dev", show_default=True, help="Where: a name or a YAML file.")
_workload = click.option("--workload", default="", help="Those of this workload alone.")
_output_dir = click.option(
    "--output-dir", default="out", show_default=True, type=click.Path(path_type=Path), help="For the log."
)
_MOST_DAYS = 36500.0  # a date of the calendar
_yes = click.option("--yes", is_flag=True, help="Ask nothing.")


@click.group()
def jobs() -> None:
    """List, follow, cancel, finish and clean up jobs and schedules on Vertex AI."""


@jobs.command("list")
@_environment
@with_keys(PLACE)
@_workload
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="Jobs at most.")
def list_command(environment: str, workload: str, limit: int, **place: Any) -> None:
    """List the newest jobs, and all schedules."""
    from runners.console.console import RunConsole
    from runners.vertex.jobs import list_jobs, place_of

    with RunConsole(sys.stdout) as console:
        sys.exit(list_jobs(place_of(environment, environment_overrides(place)), workload, limit, console))


@jobs.command("follow")
@click.argument("name")
@_environment
@with_keys(PLACE)
@_output_dir
def follow_command(name: str, environment: str, output_dir: Path, **place: Any) -> None:
    """Follow a job to its end, whoever has submitted it; the exit code is the job's."""
    from runners.vertex.jobs import follow_job, place_of

    sys.exit(follow_job(place_of(environment, environment_overrides(place)), name, output_dir))


@jobs.command("cancel")
@click.argument("name")
@_environment
@with_keys(PLACE)
def cancel_command(name: str, environment: str, **place: Any) -> None:
    """Cancel a job, or delete a schedule."""
    from runners.console.console import RunConsole
    from runners.vertex.jobs import cancel, place_of

    with RunConsole(sys.stdout) as console:
        sys.exit(cancel(place_of(environment, environment_overrides(place)), name, console))


@jobs.command("finish")
@click.argument("name")
@_environment
@with_keys(PLACE)
@_output_dir
def finish_command(name: str, environment: str, output_dir: Path, **place: Any) -> None:
    """Write record and report of a job that has ended once more, and upload what it pushed."""
    from runners.vertex.jobs import finish_job, place_of

    sys.exit(finish_job(place_of(environment, environment_overrides(place)), name, output_dir))


@jobs.command("clean")
@_environment
@with_keys(PLACE)
@_workload
@click.option("--older-than", "days", default=30.0, show_default=True, type=Amount(_MOST_DAYS), metavar="DAYS")
@_yes
def clean_command(environment: str, workload: str, days: float, yes: bool, **place: Any) -> None:
    """Delete jobs that ended long ago, and stop what any left running on Dataflow.

    Their artifacts, records and reports stay in the bucket.
    """
    from runners.console.console import RunConsole
    from runners.vertex.jobs import clean, dataflow_region_of, place_of

    overrides = environment_overrides(place)
    where, dataflow_region = place_of(environment, overrides), dataflow_region_of(environment, overrides)
    with RunConsole(sys.stdout) as console:
        sys.exit(clean(where, dataflow_region, workload, days, yes, console))
