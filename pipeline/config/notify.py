"""Who is notified when a run or a rollout needs a person."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.strict import Strict
from core.webhook import Webhook
from pipeline.config.types import Text

Event = Literal["refused", "failed", "rolled_back", "undecided", "waiting_for_approval"]


class NotifyConfig(Strict):
    """A webhook that is sent the outcome of a run or a rollout as JSON. It never changes how a run ends."""

    webhook: Text
    """https://…, or the name of the environment variable that holds the address. An address that is secret itself
    belongs into a variable: what stands here is shown in reports."""
    events: list[Event] = Field(["refused", "failed", "rolled_back", "undecided", "waiting_for_approval"], min_length=1)
    """What is sent. `refused`: by a gate or a threshold; `rolled_back`: by a step of the rollout."""
    secret: Text | None = None
    """The name of the environment variable that holds the secret; null: none is sent. The secret is written nowhere."""
    sign: Literal["bearer", "hmac"] = "bearer"
    """`bearer`: the secret is sent in the header Authorization; `hmac`: it signs the body, in X-Sluice-Signature."""

    def as_webhook(self) -> Webhook:
        """The same as what sends takes it."""
        return Webhook(self.webhook, tuple(self.events), self.secret, self.sign)
