"""An endpoint in memory where versions are rolled out, and the folder of the rollouts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.contract import ModelVersion
from serving.rollout.folder_store import FolderStore
from serving.rollout.golden import GoldenRequests
from serving.rollout.order import RolloutOrder
from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Rollout
from serving.rollout.run import RolloutTools, roll_out
from serving.rollout.store import Instruction
from serving.watch.settings import WatchSettings
from tests.samples.endpoints import GOLDEN_ANSWER, Clock, DrawnAnswers, MemoryEndpoint
from tests.samples.traffic import Behaviour

ONE, TWO, THREE = (ModelVersion(str(number), "taxi", str(number)) for number in (1, 2, 3))
GOLDEN = GoldenRequests([{"trip_miles": 1.0}], [GOLDEN_ANSWER])
# Wide margins: decided within a few windows.
WATCH = WatchSettings(failure_margin=0.1, slow_margin=0.1, prediction_margin=0.6)
BAD = Behaviour(failures=0.5)


def plan_of(**parts: Any) -> RolloutPlan:
    return RolloutPlan(latency_budget_ms=1e6, watch=WATCH, **parts)


QUICK = plan_of()
CANARY_ALONE = plan_of(shadow_share=0, deadline_minutes=30)
MANUAL = plan_of(approve="manual")


@dataclass
class Site:
    """An endpoint whose version 1 has all traffic, and the folder of its rollouts."""

    folder: Path
    endpoint: MemoryEndpoint = field(default_factory=MemoryEndpoint)
    requests: int = 1_000
    clock: Clock = field(default_factory=Clock)
    noted: list[Rollout] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.endpoint.serve(ONE)
        self.answers = DrawnAnswers(self.endpoint, self.requests)

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.folder, "taxi")

    def roll_out(self, candidate: ModelVersion = TWO, plan: RolloutPlan = QUICK) -> Rollout:
        self.answers.requests = self.requests
        parts = (self.endpoint, self.answers, GOLDEN, self.store, self.clock, self.clock.wait)
        tools = RolloutTools(*parts, RolloutOrder("endpoint", "model", plan), self.noted.append)
        return roll_out(candidate, plan, tools)

    def instruct(self, action: str) -> None:
        current = self.store.current()
        assert current is not None
        self.store.instruct(Instruction(current.id, current.phase.value, action, "by ada"))

    def deployed(self) -> list[str]:
        return [each.version for each in self.endpoint.state().deployed]

    def most_of(self, version: str) -> int:
        """The largest share that a version had while there were requests."""
        return max(shares.get(version, 0) for shares in self.answers.shares)


def is_as_before(site: Site) -> bool:
    state = site.endpoint.state()
    return dict(state.traffic) == {"1": 100} and site.deployed() == ["1"] and state.mirror is None


def has_replaced(site: Site) -> bool:
    state = site.endpoint.state()
    return dict(state.traffic) == {"2": 100} and site.deployed() == ["2"] and state.mirror is None
