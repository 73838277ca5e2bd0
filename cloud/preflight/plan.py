"""What a preflight looks at: plain values of one job, of its environment and of this checkout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class MachineDemand:
    """Machines that one step of the job takes at the same time. Of several for one purpose, the first that can be had
    is taken."""

    purpose: str  # for sentences: "the Trainer"
    machine_type: str | None  # None: Vertex AI's choice
    accelerator_type: str | None
    accelerator_count: int  # on each machine
    region: str
    parallel: int = 1  # machines at the same time
    capacity: str = "standard"  # or "spot", "flex_start"

    @property
    def accelerators(self) -> int:
        """Accelerators in use while the step runs."""
        return self.accelerator_count * self.parallel


@dataclass(frozen=True)
class ServingDemand:
    """Machines of an endpoint: of each deployed model up to `max_replicas`."""

    machine_type: str
    accelerator_type: str | None
    accelerator_count: int  # on each machine
    max_replicas: int
    region: str
    spot: bool = False

    @property
    def canary(self) -> int:
        """Machines that a rollout adds: those of the candidate, and one for its copy that golden requests reach."""
        return self.max_replicas + 1

    @property
    def together(self) -> int:
        """Machines while a rollout runs, those of the stable version among them."""
        return self.max_replicas + self.canary


@dataclass(frozen=True)
class Plan:
    """One job as it would be submitted."""

    project: str
    region: str
    bucket: str  # without gs://
    image: str
    job_id: str | None  # None: Vertex AI names the jobs of a schedule
    code: str  # the fingerprint of this checkout's code
    service_account: str | None = None  # runs the pipeline; None: the project's default
    serving_image: str | None = None  # of models that are uploaded to Vertex AI; None: none is
    dataflow_region: str | None = None  # None: no step runs on Dataflow
    machines: tuple[MachineDemand, ...] = ()
    serving: ServingDemand | None = None  # None: the environment has no endpoint
    is_watched: bool = False  # whether a rollout reads what the containers of the endpoint record in the bucket
    serving_account: str | None = None  # runs those containers; None: one without any right in the project
    price_file: Path | None = None  # None: the one that comes with Sluice
    today: date | None = None  # for the age of the price file; None: the machine's own
