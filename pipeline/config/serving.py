"""Where a blessed model goes, and in which steps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from core.strict import Strict, conflict
from serving.rollout.plan import RolloutPlan
from serving.watch.settings import WatchSettings

_Percent = Annotated[int, Field(ge=1, le=99)]
_Margin = Annotated[float, Field(gt=0.0, lt=1.0)]
_Risk = Annotated[float, Field(gt=0.0, le=0.5)]


class WatchConfig(Strict):
    """What counts as harm when a candidate is compared with the stable version, and how sure a decision must be
    (docs/rollout.md)."""

    failure_margin: _Margin = 0.005
    """More failed requests than the stable version's, as a share of all, that are no harm."""
    slow_margin: _Margin = 0.01
    """More slow answers than the stable version's, as a share of all, that are no harm."""
    slowdown: Annotated[float, Field(ge=1.0)] = 1.25
    """An answer is slow when it takes longer than this many times the stable version's p99."""
    prediction_margin: PositiveFloat = 0.1
    """How far the mean of a score may move, in standard deviations of the stable version's scores."""
    false_rollback: _Risk = 0.01
    """The chance that a candidate without harm is ever rolled back, over all quantities and looks."""
    false_pass: _Risk = 0.05
    """The chance that a candidate with harm ever passes."""
    fewest_requests: PositiveInt = 200
    """A candidate that has answered fewer never passes."""


class RolloutConfig(Strict):
    """The steps by which a pushed version gets the traffic of an endpoint (docs/rollout.md)."""

    shadow_percent: Annotated[int, Field(ge=0, le=100)] = 100
    """Copies of so many of the requests go to the candidate before it gets any of its own; 0: no shadow step."""
    canary_percents: list[_Percent] = [10]
    """The candidate's share of the requests in each canary step, rising; []: no canary step."""
    window_seconds: PositiveFloat = 60.0
    """How long answers are collected between two looks."""
    deadline_minutes: PositiveFloat = 1440.0
    """A step that is not decided after this long ends undecided (exit code 4); the candidate keeps the share it has."""
    warm_minutes: NonNegativeFloat = 10.0
    """How long the version before stays loaded after the candidate got all traffic."""
    approve: Literal["auto", "manual"] = "auto"
    """`manual`: a person approves before the candidate gets all traffic (`python -m serving.rollout approve`)."""
    latency_budget_ms: PositiveFloat = 1000.0
    """The p99 of the golden requests, one at a time, may take so long."""
    tolerance: NonNegativeFloat = 1e-3
    """How far a number in the answer to a golden request may lie from the recorded one."""
    watch: WatchConfig = WatchConfig()
    """What counts as harm."""

    @model_validator(mode="after")
    def _shares_rise(self) -> RolloutConfig:
        if sorted(set(self.canary_percents)) != self.canary_percents:
            shares = ", ".join(map(str, self.canary_percents))
            raise conflict(f"the shares of `canary_percents` must rise, and are {shares}", "canary_percents")
        return self

    def plan(self) -> RolloutPlan:
        """The same as serving takes it."""
        return RolloutPlan(
            shadow_share=self.shadow_percent,
            canary_shares=tuple(self.canary_percents),
            window_seconds=self.window_seconds,
            deadline_minutes=self.deadline_minutes,
            warm_minutes=self.warm_minutes,
            approve=self.approve,
            latency_budget_ms=self.latency_budget_ms,
            tolerance=self.tolerance,
            watch=WatchSettings(**self.watch.model_dump()),
        )


class ServingConfig(Strict):
    """Where a blessed model goes."""

    push: bool = True
    """False: train and evaluate only."""
    keep_versions: PositiveInt = 5
    """Older pushed versions are removed; the one before the newest never is."""
    rollout: RolloutConfig | None = None
    """The steps of a rollout to the endpoint; null: a pushed version is in the folder, and nothing is rolled out."""
