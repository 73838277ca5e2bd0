"""`python runners/vertex_runner.py`: compiles a workload into the job that Vertex AI Pipelines runs, submits it and
follows it to its end."""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parent.parent)]  # a script's own folder would hide the packages

from runners.bootstrap import enter_environment

if __name__ == "__main__":
    enter_environment()

from typing import Any

import click

from core.version import VERSION
from runners.command_line import Amount, OneSentenceGroup
from runners.vertex.jobs_command import jobs
from runners.vertex.options import KEYS, environment_overrides, refuse_without_meaning, with_keys, workload_overrides

_EPILOG = """\b
Without --check, --dry-run or --schedule: preflight and cost, compile, ask once, submit, follow. Values come from the
environment file and the workload's; options go over them.
Exit codes:  0 pushed, or nothing to push by design    1 error, see the log that is named
             2 refused by a gate or a threshold        3 input, configuration or environment cannot be used
             130 stopped by Ctrl-C, by a no or by a cancel; the job itself goes on unless it was cancelled
What is written:  OUT/WORKLOAD/vertex-job.json and vertex.log here, everything else in the bucket
"""


@click.group(cls=OneSentenceGroup, invoke_without_command=True, epilog=_EPILOG)
@click.version_option(VERSION, prog_name="sluice")
@click.option("--workload", default="taxi", show_default=True, help="A name in configs/, or the path of a YAML file.")
@click.option(
    "--environment", default="dev", show_default=True, help="A name in configs/environments/, or a YAML file."
)
@click.option("--profile", metavar="NAME", help="A set of overrides that the workload keeps (local_runner.py --list).")
@click.option("--data", metavar="PATH", help="Where the data lies, e.g. gs://bucket/span-{SPAN}/*.csv")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of the workload.")
@with_keys(KEYS)
@click.option("--labels", metavar="K=V,…", help="Labels of the job, beside those of the environment.")
@click.option("--job-name", metavar="NAME", help="The job's id; default: workload, environment and time.")
@click.option("--output-dir", default="out", show_default=True, type=click.Path(path_type=Path), help="Where to write.")
@click.option("--check", is_flag=True, help="Compile, parse back and list tasks; no credentials, no network.")
@click.option("--dry-run", is_flag=True, help="Everything but submitting: print what would be sent.")
@click.option("--rehearse", is_flag=True, help="Execute the compiled job on this machine; nothing is sent.")
@click.option("--schedule", metavar="CRON", help='Run again and again: "TZ=Europe/Berlin 0 3 * * *"')
@click.option("--follow/--no-follow", default=True, show_default=True, help="Stay until the job has ended.")
@click.option("--max-cost", type=Amount(), metavar="AMOUNT", help="Refuse a run that may cost more.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--debug-sync", is_flag=True, help="Stay until the end and print all that libraries log.")
@click.pass_context
def main(
    context: click.Context,
    workload: str,
    environment: str,
    profile: str | None,
    data: str | None,
    overrides: tuple[str, ...],
    labels: str | None,
    job_name: str | None,
    output_dir: Path,
    check: bool,
    dry_run: bool,
    rehearse: bool,
    schedule: str | None,
    follow: bool,
    max_cost: float | None,
    yes: bool,
    debug_sync: bool,
    **keys: Any,
) -> None:
    """Run a workload on Vertex AI: compile it, submit the job and follow it to its verdict."""
    # Google's clients warn at every import; versions of Python and of libraries are not the user's choice here.
    warnings.simplefilter("ignore", FutureWarning)
    if not debug_sync:
        # gRPC writes about a connection that fails to standard error, beside our sentence.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if context.invoked_subcommand is not None:
        return
    refuse_without_meaning(context)
    changes = environment_overrides(keys, labels)
    overrides = (*overrides, *workload_overrides(keys))
    if check:
        from runners.vertex.check import check_job

        sys.exit(check_job(workload, overrides, environment, changes, data, output_dir, profile))
    from runners.vertex.run import Request, run

    request = Request(
        workload=workload,
        environment=environment,
        output_dir=output_dir,
        overrides=overrides,
        environment_overrides=changes,
        data=data,
        profile=profile,
        job_name=job_name,
        schedule=schedule,
        dry_run=dry_run,
        max_cost=max_cost,
        yes=yes,
        follow=follow or debug_sync,
        debug=debug_sync,
        command=shlex.join(["python", "runners/vertex_runner.py", *sys.argv[1:]]),
    )
    if rehearse:
        from runners.vertex.rehearse import rehearse as rehearsed

        sys.exit(rehearsed(request))
    sys.exit(run(request))


main.add_command(jobs)


def command() -> None:
    """The console command of an installation, which may be one of the gates alone."""
    enter_environment()
    main()


if __name__ == "__main__":
    main()
