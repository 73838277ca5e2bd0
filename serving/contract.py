"""What every endpoint promises, whichever backend it has: versions side by side, a split of the traffic, a way back.

Identifiers are the caller's: an endpoint and a model are text, a deployed model is 1 to 10 digits, so that a retry
finds what the first attempt made. Every change of the traffic names the etag of the state that it was decided on.
"""

from __future__ import annotations

import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from core.errors import SluiceError

WHOLE = 100  # percent
_DEPLOYED_ID = re.compile(r"[0-9]{1,10}")


class EndpointChangedError(SluiceError):
    """The state is not the one that the caller decided on: somebody else changed it meanwhile."""


class UnknownVersionError(SluiceError):
    """No deployed model has this id, or the version to deploy is not there."""


class HasTrafficError(SluiceError):
    """A deployed model that receives requests cannot be removed."""


class InvalidTrafficError(SluiceError):
    """Shares that do not add up to 100, or that go to a model which is not ready."""


class IdTakenError(SluiceError):
    """Another version is deployed under this id."""


class DeployError(SluiceError):
    """The version was found and could not be loaded."""


class EndpointDownError(SluiceError):
    """Nothing answers at this endpoint, or it did not follow a change in time."""


class PredictionRefusedError(SluiceError):
    """The endpoint answered with an error; `code` is the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.headline)


@dataclass(frozen=True)
class ModelVersion:
    """A version to deploy. `deployed_id`: 1 to 10 digits; `model`: the model's name at this endpoint; `version`: its
    number in the folder of versions or in the registry.

    Raises:
      SluiceError: when `deployed_id` is not 1 to 10 digits.
    """

    deployed_id: str
    model: str
    version: str

    def __post_init__(self) -> None:
        if not _DEPLOYED_ID.fullmatch(self.deployed_id):
            raise SluiceError(f"the id of a deployed model is 1 to 10 digits, not `{self.deployed_id}`")


def deployed_id_of(version: str) -> str:
    """The id of a version at an endpoint, 1 to 10 digits: itself where it is that, else a number made of it."""
    return version if _DEPLOYED_ID.fullmatch(version) else str(zlib.crc32(version.encode()))


@dataclass(frozen=True)
class DeployedModel:
    """A version at the endpoint. `ready`: it is loaded and answers; otherwise `problem` is the reason, or empty while
    it is being loaded."""

    deployed_id: str
    model: str
    version: str
    ready: bool
    problem: str = ""


@dataclass(frozen=True)
class Mirror:
    """Copies of `share` percent of the requests go to `deployed_id`; its answers are thrown away."""

    share: int
    deployed_id: str


@dataclass(frozen=True)
class EndpointState:
    """`traffic`: percent by deployed id, those without traffic left out; `previous`: the last other split, which
    `rollback` restores; `etag`: another one after every change."""

    endpoint: str
    etag: str
    deployed: tuple[DeployedModel, ...]
    traffic: Mapping[str, int]
    previous: Mapping[str, int] | None = None
    mirror: Mirror | None = None

    def find(self, deployed_id: str) -> DeployedModel | None:
        """The deployed model of this id, if there is one."""
        return next((each for each in self.deployed if each.deployed_id == deployed_id), None)


@dataclass(frozen=True)
class Answer:
    """One prediction an instance, and which deployed model made them."""

    predictions: Sequence[Any]
    deployed_id: str
    model: str
    version: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Endpoint(ABC):
    """An address at which versions of a model answer requests.

    `mirrors`: whether it copies requests; where it does not, `mirror` takes a share of 0 alone. `answers_at`: the place
    of the record of its answers, which `serving.log.answer_source.answer_source_at` takes; empty where none is kept.
    """

    mirrors: bool = True
    answers_at: str = ""

    @abstractmethod
    def deploy(self, version: ModelVersion) -> DeployedModel:
        """Loads a version and returns when it answers; it gets no traffic. Does nothing when it is there already.

        Raises:
          UnknownVersionError: when there is no such version.
          IdTakenError: when another version has this id.
          DeployError: when it cannot be loaded; nothing stays behind.
          EndpointDownError: when nothing runs that could load it.
        """

    @abstractmethod
    def set_traffic(self, split: Mapping[str, int], etag: str) -> EndpointState:
        """Sends each deployed id its percentage of the requests, from the next request on.

        Raises:
          EndpointChangedError: when `etag` is not that of the present state.
          InvalidTrafficError: when the shares are not 0 to 100 and 100 in sum, or a model that gets one is not ready.
          UnknownVersionError: when an id is not deployed.
          EndpointDownError: when the endpoint does not follow in time.
        """

    @abstractmethod
    def mirror(self, share: int, to: str, etag: str) -> EndpointState:
        """Copies `share` percent of the requests to `to`; 0 ends it.

        Raises:
          EndpointChangedError: when `etag` is not that of the present state.
          InvalidTrafficError: when `share` is not 0 to 100, `to` is not ready, or this endpoint copies no requests.
          UnknownVersionError: when `to` is not deployed.
          EndpointDownError: when the endpoint does not follow in time.
        """

    @abstractmethod
    def predict(
        self, instances: Sequence[Any], parameters: Mapping[str, Any] | None = None, deployed_id: str = ""
    ) -> Answer:
        """Answers by the split, or by one deployed model, whatever its traffic.

        Raises:
          UnknownVersionError: when `deployed_id` is not deployed.
          PredictionRefusedError: when the endpoint answers with an error.
          EndpointDownError: when nothing answers.
        """

    @abstractmethod
    def state(self) -> EndpointState:
        """What is deployed and who gets which share.

        Raises:
          EndpointDownError: when there is no such endpoint.
        """

    @abstractmethod
    def undeploy(self, deployed_id: str) -> EndpointState:
        """Removes a deployed model once its last request is answered; does nothing when it is not there.

        Raises:
          HasTrafficError: when requests, or copies of requests, go to it.
          EndpointDownError: when the endpoint does not follow in time.
        """

    @abstractmethod
    def rollback(self, etag: str) -> EndpointState:
        """Restores the previous split and ends the mirroring. Rolling back twice is rolling forward again.

        Raises:
          EndpointChangedError: when `etag` is not that of the present state.
          InvalidTrafficError: when there is no previous split, or a model of it is not ready.
          UnknownVersionError: when a model of the previous split is not deployed any more.
          EndpointDownError: when the endpoint does not follow in time.
        """

    def hold_newest(self) -> None:  # noqa: B027
        """Where an endpoint gives the newest version all traffic by itself and was never started: deploys what is the
        newest now, and no later one gets traffic by itself. Nothing to do elsewhere."""

    def set_aside(self, version: str, is_aside: bool) -> None:  # noqa: B027
        """Where an endpoint gives the newest version all traffic by itself: whether this one is left out, because a
        rollout took it back. Nothing to do elsewhere."""

    def deployed(self) -> tuple[DeployedModel, ...]:
        """The deployed models in the order in which they came.

        Raises:
          EndpointDownError: when there is no such endpoint.
        """
        return self.state().deployed


def checked_split(split: Mapping[str, int], state: EndpointState) -> dict[str, int]:
    """The shares without those of 0.

    Raises:
      UnknownVersionError: when an id is not deployed.
      InvalidTrafficError: when the shares are not 0 to 100 and 100 in sum, or a model that gets one is not ready.
    """
    for deployed_id, share in split.items():
        checked_target(deployed_id, share, state)
    if sum(split.values()) != WHOLE:
        shares = " + ".join(map(str, split.values())) or "nothing"
        raise InvalidTrafficError(
            f"the shares of the traffic of `{state.endpoint}` are {shares} % and must be 100 in sum"
        )
    return {deployed_id: share for deployed_id, share in split.items() if share}


def checked_target(deployed_id: str, share: int, state: EndpointState) -> DeployedModel:
    """The deployed model that a share of the requests, or of their copies, shall go to.

    Raises:
      UnknownVersionError: when it is not deployed.
      InvalidTrafficError: when the share is not a whole number from 0 to 100, or is above 0 for a model not ready.
    """
    found = state.find(deployed_id)
    if found is None:
        there = ", ".join(each.deployed_id for each in state.deployed) or "none"
        raise UnknownVersionError(f"no model `{deployed_id}` is deployed at `{state.endpoint}`; deployed: {there}")
    if isinstance(share, bool) or not isinstance(share, int) or not 0 <= share <= WHOLE:
        raise InvalidTrafficError(f"the share of `{deployed_id}` must be a whole number from 0 to 100, not {share}")
    if share and not found.ready:
        why = f": {found.problem}" if found.problem else ", it is being loaded"
        raise InvalidTrafficError(f"model `{deployed_id}` at `{state.endpoint}` cannot get traffic{why}")
    return found
