"""Runs the local cloud by hand: `python -m cloud.testing --bucket my-bucket` prints the environment of its clients."""

from __future__ import annotations

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()

import signal
import threading
from pathlib import Path

import click

from cloud.testing.cloud import LocalCloud
from core.printable import show_text
from core.version import VERSION


@click.command()
@click.version_option(VERSION, prog_name="sluice")
@click.option("--project", default="local-project", show_default=True, help="The id of the project.")
@click.option("--bucket", "buckets", multiple=True, help="A bucket that is there from the start; may be repeated.")
@click.option("--region", default="us-central1", show_default=True, help="Where these buckets lie.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keeps the objects of Cloud Storage for the next time.")
def main(project: str, buckets: tuple[str, ...], region: str, folder: Path | None) -> None:
    """Start Google Cloud on loopback and print what to paste into the shell of its clients; Ctrl-C ends it."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with LocalCloud(project, folder) as cloud:
        for bucket in set(buckets) - {each.name for each in cloud.storage.buckets()}:
            cloud.storage.create_bucket(bucket, region)
        for name, value in cloud.environment.items():
            show_text(f"export {name}={value}")
        show_text("# Serving. Ctrl-C ends it.")
        try:
            stopped.wait()
        except KeyboardInterrupt:
            show_text("# Ended.")
    for refused in sorted(set(cloud.proxy.refused)):
        show_text(f"# Refused: {refused}")


if __name__ == "__main__":
    main()
