"""`python -m cloud.request_log TABLE --to FOLDER`: what an endpoint of Vertex AI was sent, as JSON Lines."""

from __future__ import annotations

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import click

from cloud.request_log.table import logged_requests
from core.atomic_write import write_text
from core.errors import SluiceError
from core.printable import show_text
from core.version import VERSION
from gates.command.usage import OneSentenceCommand, check_writable

FILE = "request_log.jsonl"
_EPILOG = """\b
TABLE:       project.dataset.request_response_logging; the page of the endpoint names it
Then:        python runners/local_runner.py --workload taxi --set data.serving_log=FOLDER
Exit codes:  0 written    1 a defect of Sluice    3 the table cannot be read, or holds no request
"""


@click.command(cls=OneSentenceCommand, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="sluice")
@click.argument("table")
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path), help="A folder; the file is replaced.")
@click.option("--days", default=7.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Not older ones.")
@click.option("--most", default=100_000, show_default=True, type=click.IntRange(1), help="The newest so many requests.")
def main(table: str, folder: Path, days: float, most: int) -> None:
    """Read Vertex AI's log of requests out of BigQuery, for `data.serving_log` and `gates check --serving`."""
    _check_place(folder)  # before the query, which costs
    found = logged_requests(table, datetime.now(timezone.utc) - timedelta(days=days), most)
    if not found.instances:
        raise SluiceError(
            f"{table} holds no instance with named features of the last {days:g} days ({found.requests:,} requests).",
            "Look further back:  --days 30",
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / FILE, "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in found.instances))
    left_out = f", {found.left_out:,} left out that name no features" if found.left_out else ""
    show_text(f"{folder / FILE}: {len(found.instances):,} instances of {found.requests:,} requests{left_out}")


def _check_place(folder: Path) -> None:
    """That the file can be written, or the first folder on its way be made."""
    target = folder.absolute() / FILE
    while not target.parent.exists():
        target = target.parent
    check_writable(target, "--to")


if __name__ == "__main__":
    main()
