"""`python -m cloud.testing.dataflow.worker PIPELINE_URL OPTIONS_JSON`: runs a staged pipeline as the workers of
Dataflow would, in one process."""

from __future__ import annotations

import json
import sys
from typing import Any

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner


def run_staged(url: str, options: dict[str, Any]) -> None:
    """Read the pipeline from `url` and run it to its end; what it raises leaves."""
    with FileSystems.open(url) as file:
        pipeline = beam_runner_api_pb2.Pipeline.FromString(file.read())
    _use_this_process(pipeline)
    known = {name: value for name, value in options.items() if name in ("experiments", "save_main_session")}
    FnApiRunner().run_via_runner_api(pipeline, PipelineOptions.from_dictionary(known)).wait_until_finish()


def _use_this_process(pipeline: beam_runner_api_pb2.Pipeline) -> None:
    """Puts this process in the place of every container: there is no engine that starts one."""
    for environment in pipeline.components.environments.values():
        environment.urn = "beam:env:embedded_python:v1"
        environment.payload = b""
        # What was staged for the container is installed here.
        del environment.dependencies[:]


if __name__ == "__main__":
    run_staged(sys.argv[1], json.loads(sys.argv[2]))
