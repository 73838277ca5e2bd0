"""`python runners/vertex_runner.py`: compiles a workload into the job that Vertex AI Pipelines runs, and checks it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parent.parent)]  # a script's own folder would hide the packages

from runners.bootstrap import enter_environment

if __name__ == "__main__":
    enter_environment()

import click

from core.errors import SluiceError
from gates.command.usage import say
from runners.command_line import OneSentenceCommand


@click.command(cls=OneSentenceCommand)
@click.option("--workload", default="taxi", show_default=True, help="A name in configs/, or the path of a YAML file.")
@click.option(
    "--environment", default="dev", show_default=True, help="A name in configs/environments/, or a YAML file."
)
@click.option("--project", help="Google Cloud project; overrides the environment's.")
@click.option("--region", help="Region; overrides the environment's.")
@click.option("--bucket", help="Bucket for artifacts, without gs://; overrides the environment's.")
@click.option("--image", help="Container image of the components; overrides the environment's.")
@click.option("--data", metavar="PATH", help="Where the data lies, e.g. gs://bucket/span-{SPAN}/*.csv")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of the workload.")
@click.option(
    "--profile",
    metavar="NAME",
    help="A set of overrides that the workload keeps under a name (local_runner.py --list).",
)
@click.option("--output-dir", default="out", show_default=True, type=click.Path(path_type=Path), help="Where to write.")
@click.option("--check", is_flag=True, help="Compile, parse back and list tasks; no credentials, no network.")
def main(
    workload: str,
    environment: str,
    project: str | None,
    region: str | None,
    bucket: str | None,
    image: str | None,
    data: str | None,
    overrides: tuple[str, ...],
    profile: str | None,
    output_dir: Path,
    check: bool,
) -> None:
    """Compile a workload into a Vertex AI pipeline job and check it. Submitting the job is not built yet."""
    try:
        if not check:
            raise SluiceError(
                "submitting to Vertex AI is not built yet; compiling and checking is.",
                f"Check:  python runners/vertex_runner.py --workload {workload} --check",
            )
        from runners.vertex.check import check_job

        given = {"project": project, "region": region, "bucket": bucket, "image": image}
        changes = tuple(f"{key}={value}" for key, value in given.items() if value is not None)
        sys.exit(check_job(workload, overrides, environment, changes, data, output_dir, profile))
    except SluiceError as problem:
        say(problem)
        sys.exit(problem.exit_code)


if __name__ == "__main__":
    main()
