"""An endpoint in memory that keeps the contract, what is observed there, and a process that is killed at a change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from serving.contract import (
    Answer,
    DeployedModel,
    DeployError,
    Endpoint,
    EndpointChangedError,
    EndpointState,
    HasTrafficError,
    IdTakenError,
    InvalidTrafficError,
    Mirror,
    ModelVersion,
    PredictionRefusedError,
    UnknownVersionError,
    checked_split,
    checked_target,
)
from serving.watch.window import Observation, Window
from tests.samples.traffic import Behaviour

GOLDEN_ANSWER = {"tip": 0.25}


class Killed(BaseException):
    """Signal 9 at this very place: nothing of the process runs on."""


@dataclass
class MemoryEndpoint(Endpoint):
    """`behaviours` by version; `broken` versions cannot be loaded; `golden` is what a version answers, by version.

    `kill_at`: the number of the change, counted from 1, at which the process is killed; `after_change`: whether the
    change was made by then.
    """

    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    golden: dict[str, Any] = field(default_factory=dict)
    kill_at: int = 0
    after_change: bool = False
    changes: int = 0
    aside: set[str] = field(default_factory=set)
    present: EndpointState = field(default_factory=lambda: EndpointState("taxi", "0", (), {}))

    def deploy(self, version: ModelVersion) -> DeployedModel:
        found = self.present.find(version.deployed_id)
        if found is not None:
            if (found.model, found.version) != (version.model, version.version):
                raise IdTakenError(f"`{version.deployed_id}` is version {found.version}")
            return found
        if version.version in self.broken:
            raise DeployError(f"version {version.version} cannot be deployed: its graph is damaged")
        made = DeployedModel(version.deployed_id, version.model, version.version, ready=True)
        self._change(deployed=(*self.present.deployed, made))
        return made

    def set_traffic(self, split: Mapping[str, int], etag: str) -> EndpointState:
        self._require(etag)
        wanted = checked_split(split, self.present)
        return self._change(traffic=wanted, previous=dict(self.present.traffic))

    def mirror(self, share: int, to: str, etag: str) -> EndpointState:
        self._require(etag)
        checked_target(to, share, self.present)
        return self._change(mirror=Mirror(share, to) if share else None)

    def predict(
        self, instances: Sequence[Any], parameters: Mapping[str, Any] | None = None, deployed_id: str = ""
    ) -> Answer:
        found = self.present.find(deployed_id or next(iter(self.present.traffic), ""))
        if found is None:
            raise UnknownVersionError(f"no model `{deployed_id}` is deployed")
        answer = self.golden.get(found.version, GOLDEN_ANSWER)
        if isinstance(answer, int):
            raise PredictionRefusedError(answer, "the model failed")
        return Answer([answer] * len(instances), found.deployed_id, found.model, found.version)

    def state(self) -> EndpointState:
        return self.present

    def undeploy(self, deployed_id: str) -> EndpointState:
        mirror = self.present.mirror
        if self.present.traffic.get(deployed_id) or (mirror and mirror.deployed_id == deployed_id):
            raise HasTrafficError(f"`{deployed_id}` has traffic")
        if self.present.find(deployed_id) is None:
            return self.present
        return self._change(deployed=tuple(each for each in self.present.deployed if each.deployed_id != deployed_id))

    def rollback(self, etag: str) -> EndpointState:
        self._require(etag)
        if self.present.previous is None:
            raise InvalidTrafficError("there is no split before this one")
        wanted = checked_split(self.present.previous, self.present)
        return self._change(traffic=wanted, previous=dict(self.present.traffic), mirror=None)

    def set_aside(self, version: str, is_aside: bool) -> None:
        (self.aside.add if is_aside else self.aside.discard)(version)

    def serve(self, version: ModelVersion) -> None:
        """Deploys a version and gives it all traffic, as a rollout long ago did."""
        self.deploy(version)
        self.set_traffic({version.deployed_id: 100}, self.present.etag)
        self.changes = 0

    def _require(self, etag: str) -> None:
        if etag != self.present.etag:
            raise EndpointChangedError(f"the endpoint changed: its etag is {self.present.etag}, not {etag}")

    def _change(self, **parts: Any) -> EndpointState:
        self.changes += 1
        if self.changes == self.kill_at and not self.after_change:
            raise Killed
        self.present = replace(self.present, etag=str(int(self.present.etag) + 1), **parts)
        if self.changes == self.kill_at:
            raise Killed
        return self.present


class ObservedEndpoint(Protocol):
    """What answers are drawn from: the state, and how each version behaves."""

    behaviours: dict[str, Behaviour]

    def state(self) -> EndpointState: ...


@dataclass
class DrawnAnswers:
    """Requests to an endpoint: each window has `requests` of them, by the split and the mirror of that moment.

    `shares` keeps the split of every window.
    """

    endpoint: ObservedEndpoint
    requests: int = 500
    shares: list[dict[str, int]] = field(default_factory=list)

    def since(self, cursor: str, canary: str, stable: str) -> Window:
        number = int(cursor or 0) + 1
        rng = np.random.default_rng([7, number])
        state = self.endpoint.state()
        self.shares.append(dict(state.traffic))
        copies = state.mirror.share if state.mirror and state.mirror.deployed_id == canary else 0
        sides = [(canary, state.traffic.get(canary, 0) + copies), (stable, state.traffic.get(stable, 0))]
        found = (self._answers(name, math.floor(self.requests * share / 100), rng) for name, share in sides)
        return Window(*found, str(number))

    def _answers(self, deployed_id: str, count: int, rng: np.random.Generator) -> list[Observation]:
        found = self.endpoint.state().find(deployed_id)
        behaviour = self.endpoint.behaviours.get(found.version if found else "", Behaviour())
        return behaviour.answers(count, rng)


@dataclass
class Clock:
    """Time that passes when somebody waits."""

    now: float = 1_764_400_000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds
