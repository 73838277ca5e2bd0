"""`python runners/local_runner.py`: runs a workload on this machine, from its data to a pushed model."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parent.parent)]  # a script's own folder would hide the packages

from runners.bootstrap import enter_environment

if __name__ == "__main__":
    enter_environment()

import click

from core.errors import ExitCode, SluiceError
from core.printable import show_error, show_page
from core.version import VERSION
from runners.command_line import OneSentenceCommand

_EPILOG = """\b
`doctor` instead of options says whether this machine can run Sluice and, if not, what to type next.
Exit codes:  0 pushed, or nothing to push by design    1 error, see run.log
             2 refused by a gate, a threshold or a step of the rollout
             3 input, configuration, environment or endpoint cannot be used
             4 the rollout is undecided, or waits for approval
             130 stopped by Ctrl-C                     143 stopped by SIGTERM
What is written:  OUT/WORKLOAD/RUN/{run.json, report.html, run.log}, OUT/WORKLOAD/latest, OUT/serving/WORKLOAD/VERSION,
                  OUT/registry/WORKLOAD/VERSION (python -m registry)
"""


@click.command(cls=OneSentenceCommand, epilog=_EPILOG)
@click.version_option(VERSION, prog_name="sluice")
@click.option("--workload", default="taxi", show_default=True, help="A name in configs/, or the path of a YAML file.")
@click.option("--data", metavar="PATH", help="Your own files, in a format of docs/sources.md: a path, or gs://…")
@click.option("--output-dir", default="out", show_default=True, type=click.Path(path_type=Path), help="Where to write.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key: --set train.epochs=2")
@click.option("--profile", metavar="NAME", help="A set of overrides that the workload keeps under a name (--list).")
@click.option("--environment", metavar="NAME", help="Its rollout and strict gates: dev, staging, prod, or a YAML file.")
@click.option("--until", metavar="COMPONENT", help="Stop after this component (names: --list).")
@click.option("--resume/--fresh", default=True, show_default=True, help="Reuse what has not changed, or run all anew.")
@click.option("--beam-runner", default="DirectRunner", show_default=True, help="DataflowRunner, FlinkRunner, …")
@click.option("--list", "list_names", is_flag=True, help="List workloads and components, then exit.")
@click.option(
    "--explain", metavar="[KEY]", is_flag=False, flag_value="", help="Say what a key means (no key: all), then exit."
)
@click.argument("beam_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[doctor | -- BEAM_OPTIONS]")
def main(
    workload: str,
    data: str | None,
    output_dir: Path,
    overrides: tuple[str, ...],
    profile: str | None,
    environment: str | None,
    until: str | None,
    resume: bool,
    beam_runner: str,
    list_names: bool,
    explain: str | None,
    beam_arguments: tuple[str, ...],
) -> None:
    """Run a workload on this machine: from its data to a pushed model, or to a verdict with the reason."""
    if beam_arguments == ("doctor",) and "--" not in sys.argv:
        from runners.doctor import main as diagnose

        sys.exit(diagnose(["--output-dir", str(output_dir)]))
    if beam_arguments and "--" not in sys.argv:
        raise click.UsageError(f"unexpected word `{beam_arguments[0]}`; options for Beam go behind `--`")
    try:
        if explain is not None:
            from pipeline.config.explain import explain as explanation

            show_page(explanation(explain))
            sys.exit(ExitCode.PUSHED)
        if list_names:
            from runners.command_line import listing

            show_page(listing())
            sys.exit(ExitCode.PUSHED)
        from runners.local.run import Request, run

        request = Request(
            workload, data, output_dir, overrides, until, resume, beam_runner, beam_arguments, profile, environment
        )
        sys.exit(run(request))
    except SluiceError as problem:
        show_error(problem)
        sys.exit(problem.exit_code)


def command() -> None:
    """The console command of an installation, which may be one of the gates alone."""
    enter_environment()
    main()


if __name__ == "__main__":
    main()
