"""What a rollout was started with. It is recorded with the rollout, so that it can be finished without a pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.webhook import Webhook
from serving.rollout.plan import RolloutPlan


@dataclass(frozen=True)
class Registered:
    """The version of the model in a registry: the registry's place, the model's name and its number there."""

    place: str
    model: str
    version: str


@dataclass(frozen=True)
class RolloutOrder:
    """Which steps are carried out, where, with which model, and what is to be changed or sent as they end."""

    endpoint: str
    """The place of the endpoint, as `serving.backends.endpoint_at` takes it."""
    saved_model: str
    """The folder of the candidate's SavedModel, which holds its golden requests."""
    plan: RolloutPlan = field(default_factory=RolloutPlan)
    registered: Registered | None = None
    """None: no registry is changed."""
    webhook: Webhook | None = None
    """None: nothing is sent when a person finishes the rollout."""
    uploads: bool = False
    """Whether a version that a person brings to all traffic is uploaded to the model registry of the endpoint's cloud,
    where `production` refers to it then."""
