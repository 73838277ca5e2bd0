"""Cancels a job with everything that works for it, in the regions of its fallbacks, too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cloud.pipeline_jobs import PipelineJobs
from runners.vertex.mends import tasks_of

# Beside TFX's own keys in the `custom_config` of Trainer and Tuner.
FALLBACKS_KEY = "vertex_fallbacks"


def cancel_everywhere(jobs: PipelineJobs, name: str) -> None:
    """Ask for the end of a job and of the custom and tuning jobs of its tasks.

    Raises:
      SluiceError: when there is none, or it may not be cancelled.
    """
    jobs.cancel(name, regions_of_fallbacks(jobs.specification(name)))


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
