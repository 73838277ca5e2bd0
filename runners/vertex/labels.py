"""The labels of everything that a run makes in the cloud."""

from __future__ import annotations

from cloud.pipeline_jobs import ENVIRONMENT_LABEL, WORKLOAD_LABEL
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.workload import WorkloadConfig


def labels_of(config: WorkloadConfig, cloud: EnvironmentConfig) -> dict[str, str]:
    """The environment's labels, and those by which our jobs are found again."""
    return {**cloud.labels, WORKLOAD_LABEL: config.name, ENVIRONMENT_LABEL: cloud.name}
