"""Where a pipeline runs in the cloud."""

from __future__ import annotations

from pydantic import PositiveInt

from core.strict import Strict
from pipeline.config.types import Bucket, Name, Text


class DataflowConfig(Strict):
    """Workers for the Beam parts."""

    machine_type: str = "n1-standard-4"
    """A Compute Engine machine type."""
    max_workers: PositiveInt = 10
    """Autoscaling never goes beyond."""


class EnvironmentConfig(Strict):
    """One cloud environment: `configs/environments/<name>.yaml`."""

    name: Name
    """The environment's name, e.g. dev, staging, prod."""
    project: Text
    """Google Cloud project id."""
    region: Text
    """Region of every resource, e.g. europe-west4."""
    bucket: Bucket
    """Cloud Storage bucket for artifacts, without gs://."""
    image: Text
    """Container image that runs each component (built from deploy/)."""
    service_account: str | None = None
    """Runs the pipeline; the project's default when absent."""
    strict_gates: bool = False
    """True: where the data cannot decide a tier-1 check, the gates refuse. For environments that serve customers."""
    dataflow: DataflowConfig = DataflowConfig()
    """The workers of the Beam parts."""
