"""Where a pipeline runs in the cloud, and on which machines."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from core.strict import Strict
from pipeline.config.endpoint import EndpointConfig
from pipeline.config.serving import RolloutConfig
from pipeline.config.types import (
    Bucket,
    EncryptionKey,
    Experiment,
    Image,
    Name,
    Network,
    Project,
    Region,
    ServiceAccount,
    Subnetwork,
    TensorBoard,
    Text,
)


class RetryConfig(Strict):
    """How often a task that failed is run again, and after which wait."""

    count: NonNegativeInt = 2
    """Retries at most; 0 for none."""
    first_wait_seconds: PositiveInt = 30
    """The wait before the first retry."""
    factor: Annotated[float, Field(ge=1.0)] = 2.0
    """What each further wait is multiplied by."""
    longest_wait_seconds: PositiveInt = 600
    """No wait is longer."""


class TaskConfig(Strict):
    """The container of one task of the pipeline; the work of Beam, training and tuning has machines of its own."""

    cpu: PositiveFloat = 4.0
    """Virtual processors."""
    memory_gib: PositiveFloat = 16.0
    """Memory, in GiB."""
    accelerator_type: Text | None = None
    """A GPU for this task, e.g. NVIDIA_L4; null: none."""
    accelerator_count: NonNegativeInt = 0
    """How many of them."""
    timeout_minutes: PositiveInt = 120
    """The task fails when it takes longer."""


class FallbackConfig(Strict):
    """A machine that is tried when the one before it has no capacity or no quota."""

    machine_type: Text
    """A Compute Engine machine type."""
    accelerator_type: Text | None = None
    """Its GPU; null: none."""
    accelerator_count: NonNegativeInt = 0
    """How many of them."""
    region: Region | None = None
    """Another region; null: the environment's."""


class WorkersConfig(Strict):
    """The machine of a Vertex AI custom job; a search by workers has one for each parallel trial."""

    machine_type: Text = "g2-standard-12"
    """A Compute Engine machine type."""
    accelerator_type: Text | None = "NVIDIA_L4"
    """Its GPU; null: none."""
    accelerator_count: NonNegativeInt = 1
    """How many of them, each machine."""
    disk_gb: Annotated[int, Field(ge=100, le=64000)] = 100
    """The boot disk, in GB."""
    capacity: Literal["standard", "spot", "flex_start"] = "standard"
    """`spot` is cheaper and can be taken away; `flex_start` waits for GPUs, not for T4."""
    longest_wait_hours: PositiveFloat = 24.0
    """How long the job waits for its machines."""
    timeout_hours: PositiveFloat = 24.0
    """The job fails when it takes longer."""
    restart_on_worker_restart: bool = True
    """Starts again from the last checkpoint when a machine is replaced."""
    fallbacks: list[FallbackConfig] = []
    """What is tried instead, in this order, when there is no capacity or no quota."""


class TuningConfig(Strict):
    """How a hyperparameter search is spread in the cloud."""

    service: Literal["workers", "vertex-vizier"] = "workers"
    """`workers`: the Tuner's own search on several machines; `vertex-vizier`: a Vertex AI hyperparameter tuning job."""
    parallel_trials: PositiveInt = 2
    """Trials at the same time, each on a machine of its own."""
    machines: WorkersConfig = WorkersConfig()
    """The machines of the trials."""


class DataflowConfig(Strict):
    """Workers for the Beam parts."""

    machine_type: Text = "n1-standard-4"
    """A Compute Engine machine type."""
    workers: PositiveInt = 1
    """Workers at the start."""
    max_workers: PositiveInt = 10
    """Autoscaling never goes beyond."""
    autoscaling: Literal["THROUGHPUT_BASED", "NONE"] = "THROUGHPUT_BASED"
    """NONE keeps the number of workers."""
    disk_gb: Annotated[int, Field(ge=20)] = 50
    """The disk of a worker, in GB."""
    region: Region | None = None
    """Another region than the environment's; null: the same."""
    public_addresses: bool = True
    """False: workers have private addresses only, and the subnetwork needs Private Google Access."""
    subnetwork: Subnetwork | None = None
    """`regions/REGION/subnetworks/NAME`; null: the project's default network."""
    service_account: ServiceAccount | None = None
    """Runs the workers; null: the environment's."""


class EnvironmentConfig(Strict):
    """One cloud environment: `configs/environments/<name>.yaml`."""

    name: Name
    """The environment's name, e.g. dev, staging, prod."""
    project: Project
    """Google Cloud project id."""
    region: Region
    """Region of every resource, e.g. europe-west4."""
    bucket: Bucket
    """Cloud Storage bucket for artifacts, without gs://."""
    image: Image
    """Container image that runs each component (built from deploy/)."""
    serving_image: Image | None = None
    """Container image that serves a model (deploy/'s target `serving`); `endpoint` and `model_registry` need it."""
    service_account: ServiceAccount | None = None
    """Runs the pipeline; the project's default when absent."""
    strict_gates: bool = False
    """True: where the data cannot decide a tier-1 check, the gates refuse. For environments that serve customers."""
    network: Network | None = None
    """`projects/NUMBER/global/networks/NAME`, peered with Vertex AI; null: public."""
    encryption_key: EncryptionKey | None = None
    """Cloud KMS key for everything that is stored: `projects/…/locations/…/keyRings/…/cryptoKeys/…`; null: Google's."""
    labels: dict[str, str] = {}
    """Labels of every job and model, for the bill: up to 63 of a-z, 0-9, _ and -."""
    caching: bool = True
    """Whether a task whose inputs, settings and code are unchanged takes the result of an earlier run."""
    registry: bool = True
    """Whether blessed models are registered in the bucket, where the next run finds the model to beat."""
    model_registry: bool = False
    """Whether pushed models are also uploaded to Vertex AI Model Registry, as versions of `sluice-WORKLOAD-NAME`."""
    experiment: Experiment | None = None
    """Vertex AI experiment that collects the parameters and metrics of every run; null: none."""
    tensorboard: TensorBoard | None = None
    """An existing Vertex AI TensorBoard instance: its number or its whole resource name; null: none, none is made."""
    rollout: RolloutConfig | None = None
    """The steps by which a pushed version gets the traffic of an endpoint, in place of the workload's
    `serving.rollout`; null: none. For local runs with `--environment`, and for jobs where there is an `endpoint`."""
    fail_fast: bool = True
    """Whether tasks that have not started are given up when one fails."""
    retries: RetryConfig = RetryConfig()
    """What happens to a task that failed."""
    task: TaskConfig = TaskConfig()
    """The container of every task that `tasks` does not name."""
    tasks: dict[str, TaskConfig] = {}
    """The containers of single tasks, by component, e.g. ModelGate."""
    training: WorkersConfig = WorkersConfig()
    """The machines of the Trainer."""
    tuning: TuningConfig = TuningConfig()
    """The machines of the Tuner."""
    dataflow: DataflowConfig = DataflowConfig()
    """The workers of the Beam parts."""
    endpoint: EndpointConfig | None = None
    """The endpoint of each workload, `sluice-WORKLOAD-NAME`, served by `serving_image`; null: none."""
