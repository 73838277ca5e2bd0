"""Which steps a rollout has, and what each may take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from serving.watch.settings import WatchSettings


@dataclass(frozen=True)
class RolloutPlan:
    """The steps of a rollout. Shares are whole percentages of the requests, times as their names say."""

    shadow_share: int = 100
    """Copies of so many of the requests go to the candidate before it gets any of its own; 0: no shadow step."""
    canary_shares: tuple[int, ...] = (10,)
    """The candidate's share in each canary step, rising; without any, it gets all traffic after the shadow."""
    window_seconds: float = 60.0
    """How long answers are collected between two looks."""
    deadline_minutes: float = 1440.0
    """A step that is not decided after this long ends undecided; the candidate keeps the share that it has."""
    warm_minutes: float = 10.0
    """How long the version before stays loaded after the candidate got all traffic."""
    approve: Literal["auto", "manual"] = "auto"
    """`manual`: a person has to approve before the candidate gets all traffic."""
    latency_budget_ms: float = 1000.0
    """The p99 of the golden requests, one at a time, may take so long."""
    tolerance: float = 1e-3
    """How far a number in the answer to a golden request may lie from the recorded one."""
    watch: WatchSettings = field(default_factory=WatchSettings)
    """What counts as harm."""
