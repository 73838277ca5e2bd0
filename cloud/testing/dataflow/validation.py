"""What Dataflow refuses in a job that is submitted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from apache_beam.runners.dataflow.internal.clients.dataflow import dataflow_v1b3_messages as messages
from apitools.base.py import encoding
from google.api_core import exceptions


def parse_job(body: bytes) -> Any:
    """The job of a request's body, read by the public description of the service.

    Raises:
        BadRequest: a field that there is not, or one that is required is not set.
    """
    try:
        job = encoding.JsonToMessage(messages.Job, body.decode("utf-8"))
    except (ValueError, encoding.exceptions.Error) as error:
        raise exceptions.BadRequest(f"Invalid JSON payload received. {error}") from error
    wrong = [*_unknown(job, "job"), *_missing(job)]
    if wrong:
        raise exceptions.BadRequest("; ".join(wrong))
    return job


def pipeline_options(job: Any) -> dict[str, Any]:
    """The options of Beam's command line that came with the job, and `pipelineUrl`, where the pipeline is staged."""
    found = json.loads(encoding.MessageToJson(job.environment.sdkPipelineOptions))
    return dict(found.get("options", {}))


def _missing(job: Any) -> Iterator[str]:
    environment = job.environment
    if not job.name:
        yield "job.name is required"
    if job.type is None:
        yield "job.type is required"
    if environment is None or not environment.workerPools:
        yield "job.environment.workerPools is required"
        return
    for number, pool in enumerate(environment.workerPools):
        if not pool.workerHarnessContainerImage and not pool.sdkHarnessContainerImages:
            yield f"job.environment.workerPools[{number}] has no container image"
    if environment.sdkPipelineOptions is None or not pipeline_options(job).get("pipelineUrl", "").startswith("gs://"):
        yield "job.environment.sdkPipelineOptions names no pipeline that is staged in Cloud Storage"
    if not (environment.tempStoragePrefix or "").startswith("storage.googleapis.com/"):
        yield "job.environment.tempStoragePrefix is no folder in Cloud Storage"


def _unknown(message: Any, at: str) -> Iterator[str]:
    """Fields that the description has not, at any depth; where it is open, as for options, anything may stand."""
    for name in message.all_unrecognized_fields():
        yield f"Unknown name {json.dumps(name)} at {at}: Cannot find field"
    for field in message.all_fields():
        if field.name == "additionalProperties" or not hasattr(field, "message_type"):
            continue
        value = getattr(message, field.name)
        for each in value if field.repeated else [value]:
            if each is not None and hasattr(each, "all_unrecognized_fields"):
                yield from _unknown(each, f"{at}.{field.name}")
