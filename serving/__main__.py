"""`python -m serving`: answers requests with the versions that were pushed for a workload."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gates.command.usage import OneSentenceCommand
from serving import container
from serving.local.server import ServerSettings, serve
from serving.protocol.body import BODY_LIMIT

TOKEN = "SLUICE_SERVING_TOKEN"

_EPILOG = f"""\b
What is served:   OUT/serving/WORKLOAD/VERSION: the newest, until somebody sets the traffic (serving/contract.py)
Ask:              curl -d '{{"instances": [{{…}}]}}' http://127.0.0.1:8080/v1/models/WORKLOAD:predict
Look:             GET /v1/models/WORKLOAD, /v1/models/WORKLOAD/metadata, /healthz, /metrics, /docs
{TOKEN}:  when set, requests need the header `Authorization: Bearer …`
{container.MODEL}:  when set, serves that one model alone, as serving/container.py
Exit codes:  0 stopped by SIGTERM or Ctrl-C    1 a defect of Sluice    3 nothing to serve, or the port is taken
"""


@click.command(cls=OneSentenceCommand, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--workload", default="taxi", show_default=True, help="The name of a workload that was pushed.")
@click.option("--output-dir", default="out", show_default=True, type=click.Path(path_type=Path), help="Where it wrote.")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 lets other machines in.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option("--grpc-port", type=click.IntRange(0, 65535), help="Answer TensorFlow Serving's gRPC there, too.")
@click.option("--newest", is_flag=True, help="Give the traffic to the newest version, whatever was set before.")
@click.option("--body-limit", default=BODY_LIMIT, show_default=True, type=click.IntRange(1), help="Bytes of a request.")
@click.option("--certificate", default="", metavar="FILE", help="With --key: answer over TLS.")
@click.option("--key", default="", metavar="FILE", help="The key of --certificate.")
def main(
    workload: str,
    output_dir: Path,
    host: str,
    port: int,
    grpc_port: int | None,
    newest: bool,
    body_limit: int,
    certificate: str,
    key: str,
) -> None:
    """Answer requests with the models that were pushed for a workload."""
    if container.MODEL in os.environ:
        container.run(container.settings_from(os.environ))
        return
    settings = ServerSettings(
        versions=output_dir / "serving" / workload,
        name=workload,
        host=host,
        port=port,
        grpc_port=grpc_port,
        token=os.environ.get(TOKEN, ""),
        body_limit=body_limit,
        certificate=certificate,
        key=key,
        newest=newest,
    )
    serve(settings, announce=f"sluice · {workload} · {{url}}/v1/models/{workload}:predict · Ctrl-C stops")


if __name__ == "__main__":
    main()
