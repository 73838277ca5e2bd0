"""Cancels a job with everything that works for it, wherever that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cloud.dataflow_jobs import cancel_dataflow_jobs_of
from cloud.pipeline_jobs import PipelineJobs
from runners.vertex.dataflow import regions_of_dataflow
from runners.vertex.mends import tasks_of

# Beside TFX's own keys in the `custom_config` of Trainer and Tuner.
FALLBACKS_KEY = "vertex_fallbacks"


def cancel_everywhere(jobs: PipelineJobs, name: str) -> None:
    """Ask for the end of a job and of the custom, tuning and Dataflow jobs of its tasks.

    Raises:
      SluiceError: when there is none, or it may not be cancelled.
    """
    spec = jobs.specification(name)
    jobs.cancel(name, regions_of_fallbacks(spec))
    _cancel_dataflow(jobs, name, spec)


def cancel_what_is_left(jobs: PipelineJobs, name: str) -> list[str]:
    """Cancel the Dataflow jobs that a job has left behind when it ended; returns their ids.

    Raises:
      SluiceError: when there is no such job, or they cannot be cancelled.
    """
    return _cancel_dataflow(jobs, name, jobs.specification(name))


def _cancel_dataflow(jobs: PipelineJobs, name: str, spec: Mapping[str, Any]) -> list[str]:
    project = jobs.place.project
    return [job for region in regions_of_dataflow(spec) for job in cancel_dataflow_jobs_of(project, region, name)]


def regions_of_fallbacks(spec: Mapping[str, Any]) -> list[str]:
    """Where Trainer and Tuner of a compiled specification may have gone, each region once."""
    configs = [json.loads(text) for text in _custom_configs(spec)]
    return list(dict.fromkeys(each["region"] for config in configs for each in config.get(FALLBACKS_KEY, [])))


def _custom_configs(spec: Mapping[str, Any]) -> Iterator[str]:
    """None for a job of others, whose specification may be empty."""
    for task in tasks_of(dict(spec)).values() if "root" in spec else ():
        source = task.get("inputs", {}).get("parameters", {}).get("custom_config", {})
        text = source.get("runtimeValue", {}).get("constant")
        if isinstance(text, str):
            yield text
