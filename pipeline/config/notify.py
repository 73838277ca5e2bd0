"""Who is notified when a run or a rollout needs a person."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from core.strict import Strict, conflict
from core.webhook import Webhook, is_in_the_open
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

    @model_validator(mode="after")
    def _keeps_its_secret(self) -> NotifyConfig:
        if self.secret is None or self.sign != "bearer" or "://" not in self.webhook:
            return self
        try:
            is_open = is_in_the_open(self.webhook)
        except ValueError:
            raise conflict("`webhook` is no address: https://HOST/PATH is", "webhook") from None
        if is_open:
            sentence = "`webhook` is an address with http://, which would send the secret in the open; take https://"
            raise conflict(f"{sentence}, or `sign: hmac`, which does not send it", "webhook")
        return self

    def as_webhook(self) -> Webhook:
        """The same as what sends takes it."""
        return Webhook(self.webhook, tuple(self.events), self.secret, self.sign)
