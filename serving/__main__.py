"""`python -m serving`: answers requests with the versions that were pushed for a workload."""

from __future__ import annotations

from core.environment import SERVING, enter_environment

if __name__ == "__main__":
    enter_environment(SERVING)

import os
from pathlib import Path

import click

from core.version import VERSION
from gates.command.usage import OneSentenceCommand, folder_name
from serving import container
from serving.local.fronts import FRONTS, ROUTER
from serving.local.server import ServerSettings, serve
from serving.log.record_files import MOST_BYTES
from serving.log.serving_log import FLUSH_SECONDS, SHARE
from serving.log.settings import SALT, LogSettings, checked_privacy
from serving.protocol.body import BODY_LIMIT
from serving.protocol.token import TOKEN

_SECONDS = click.FloatRange(0.1, 3600)

_EPILOG = f"""\b
What is served:   OUT/serving/WORKLOAD/VERSION: the newest, until somebody sets the traffic (serving/contract.py)
Ask:              curl -d '{{"instances": [{{…}}]}}' http://127.0.0.1:8080/v1/models/WORKLOAD:predict
Look:             a page at /; GET /v1/models/WORKLOAD, /v1/models/WORKLOAD/metadata, /healthz, /metrics, /docs
{TOKEN}:  when set, requests need the header `Authorization: Bearer …`
{SALT}:  the salt of --log-hash
{container.MODEL}:  when set, serves that one model alone, as serving/container.py
Exit codes:  0 stopped by SIGTERM or Ctrl-C    1 a defect of Sluice    3 nothing to serve, or the port is taken
"""


@click.command(cls=OneSentenceCommand, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="sluice")
@click.option(
    "--workload",
    default="taxi",
    show_default=True,
    callback=folder_name,
    help="The name of a workload that was pushed.",
)
@click.option("--output-dir", default="out", show_default=True, type=click.Path(path_type=Path), help="Where it wrote.")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 lets other machines in.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option("--front", default=ROUTER, show_default=True, type=click.Choice(FRONTS), help="What has the port.")
@click.option("--grpc-port", type=click.IntRange(0, 65535), help="Answer TensorFlow Serving's gRPC there, too.")
@click.option("--newest", is_flag=True, help="Give the traffic to the newest version, whatever was set before.")
@click.option("--body-limit", default=BODY_LIMIT, show_default=True, type=click.IntRange(1), help="Bytes of a request.")
@click.option("--certificate", default="", metavar="FILE", help="With --key: answer over TLS.")
@click.option("--key", default="", metavar="FILE", help="The key of --certificate.")
@click.option(
    "--log-share", default=SHARE, show_default=True, type=click.FloatRange(0, 100), help="Percent of requests."
)
@click.option("--log-folder", type=click.Path(path_type=Path), help="[default: OUT/serving_log/WORKLOAD]")
@click.option("--log-bytes", default=MOST_BYTES, show_default=True, type=click.IntRange(1), help="Of all its files.")
@click.option("--log-every", default=FLUSH_SECONDS, show_default=True, type=_SECONDS, help="Seconds from file to file.")
@click.option("--log-hash", multiple=True, metavar="FEATURE", help="Log a salted hash of it.")
@click.option("--log-omit", multiple=True, metavar="FEATURE", help="Leave it out of the log.")
def main(
    workload: str,
    output_dir: Path,
    host: str,
    port: int,
    front: str,
    grpc_port: int | None,
    newest: bool,
    body_limit: int,
    certificate: str,
    key: str,
    log_share: float,
    log_folder: Path | None,
    log_bytes: int,
    log_every: float,
    log_hash: tuple[str, ...],
    log_omit: tuple[str, ...],
) -> None:
    """Answer requests with the models that were pushed for a workload."""
    if container.MODEL in os.environ:
        container.run(container.settings_from(os.environ))
        return
    log = LogSettings(
        log_folder or output_dir / "serving_log" / workload,
        log_share,
        log_every,
        log_bytes,
        checked_privacy(log_omit, log_hash, os.environ.get(SALT, "")),
    )
    settings = ServerSettings(
        versions=output_dir / "serving" / workload,
        name=workload,
        host=host,
        port=port,
        grpc_port=grpc_port,
        front=front,
        token=os.environ.get(TOKEN, ""),
        body_limit=body_limit,
        certificate=certificate,
        key=key,
        newest=newest,
        log=log if log_share else None,
    )
    serve(settings, announce=f"sluice · {workload} · {{url}}/v1/models/{workload}:predict · Ctrl-C stops")


if __name__ == "__main__":
    main()
