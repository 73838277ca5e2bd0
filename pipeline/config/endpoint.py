"""The endpoint on Vertex AI at which an environment serves."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from core.strict import Strict, conflict
from pipeline.config.types import Text

_Percent = Annotated[int, Field(ge=1, le=100)]


class EndpointConfig(Strict):
    """The machines of each deployed model, and who reaches the endpoint. A canary is deployed beside the stable version
    on as many machines; golden requests reach it on one more."""

    machine_type: Text = "n1-standard-4"
    """A Compute Engine machine type."""
    accelerator_type: Text | None = None
    """Its GPU, e.g. NVIDIA_L4; null: none."""
    accelerator_count: NonNegativeInt = 0
    """How many of them, each replica."""
    min_replicas: PositiveInt = 1
    """Replicas that are always there; Vertex AI has no zero."""
    max_replicas: PositiveInt = 1
    """Replicas are added up to so many. All of them count against the quota from the start."""
    cpu_target_percent: _Percent = 60
    """Use of the processors above which a replica is added."""
    accelerator_target_percent: _Percent = 60
    """Use of the GPUs above which a replica is added."""
    spot: bool = False
    """Cheaper machines that can be taken away: for dev and staging."""
    service_account: Text | None = None
    """Runs the container; null: an account without rights in the project, which is enough to answer. A rollout needs
    one that may write to the bucket: the containers record their answers there."""
    private_projects: list[Text] = []
    """Projects whose networks reach the endpoint by Private Service Connect; []: it is public, behind IAM."""
    private_address: Text | None = None
    """Where a private endpoint answers in the network of whoever rolls out: https://…"""
    private_candidate_address: Text | None = None
    """The same of the second endpoint, `…-candidate`, which golden requests reach."""
    log_table: Text | None = None
    """BigQuery table for sampled requests and answers: `bq://PROJECT.DATASET.TABLE`; null: none are logged."""
    log_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    """The share of the requests that are logged."""
    load_minutes: PositiveInt = 45
    """A version that does not answer by then is refused; most of the time a machine is awaited."""

    @model_validator(mode="after")
    def _replicas_fit(self) -> EndpointConfig:
        if self.max_replicas < self.min_replicas:
            sentence = f"`max_replicas` is {self.max_replicas} and `min_replicas` {self.min_replicas}"
            raise conflict(sentence, "max_replicas")
        return self
