"""Changes of an endpoint's traffic that can be repeated; what others changed meanwhile is not undone."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import SluiceError
from core.text import listed
from serving.contract import WHOLE, Endpoint, EndpointChangedError, EndpointState

_ATTEMPTS = 3


class TrafficChangedError(Exception):
    """The traffic is neither the one that this rollout set nor the one that it is about to set."""


def only_version_with_traffic(state: EndpointState) -> str | None:
    """The deployed id that has all traffic; None when nothing is deployed.

    Raises:
      SluiceError: when several share the traffic: another rollout is under way, or a person split it.
    """
    if len(state.traffic) > 1:
        raise SluiceError(
            f"the traffic of `{state.endpoint}` is split already ({in_words(state.traffic)}): another rollout is under "
            "way, or somebody set it by hand.",
            "Finish that rollout, or send all traffic to one version; then roll out again.",
        )
    return next(iter(state.traffic), None)


def hold_traffic(endpoint: Endpoint) -> None:
    """Keeps the present split when the next version is pushed: a local endpoint gives a new version of its folder all
    traffic by itself until somebody has set the traffic, also when it is started later for the first time. Call it
    before the push that a rollout follows.

    Raises:
      SluiceError: when the endpoint refuses, or changes all the time.
    """
    endpoint.hold_newest()
    for attempt in range(_ATTEMPTS):
        state = endpoint.state()
        if not state.traffic:
            return
        try:
            endpoint.set_traffic(state.traffic, state.etag)
            return
        except EndpointChangedError:
            if attempt == _ATTEMPTS - 1:
                raise


def ensure_traffic(endpoint: Endpoint, wanted: Mapping[str, int], before: Mapping[str, int]) -> None:
    """Sets the traffic to `wanted`, coming from `before`.

    Each attempt decides on the present state and names its etag, so of two rollouts one is refused.

    Raises:
      TrafficChangedError: when the traffic is neither of the two.
      SluiceError: when the endpoint refuses, or changes all the time.
    """
    for attempt in range(_ATTEMPTS):
        state = endpoint.state()
        if dict(state.traffic) == dict(wanted):
            return
        if dict(state.traffic) != dict(before):
            sentence = f"the traffic is {in_words(state.traffic)}; this rollout had left {in_words(before)}"
            raise TrafficChangedError(sentence)
        try:
            endpoint.set_traffic(wanted, state.etag)
        except EndpointChangedError:
            if attempt == _ATTEMPTS - 1:
                raise


def ensure_mirror(endpoint: Endpoint, share: int, to: str) -> None:
    """Copies `share` percent of the requests to `to`; 0 ends the copies to it and leaves those to others.

    Raises:
      SluiceError: when the endpoint refuses, or changes all the time.
    """
    for attempt in range(_ATTEMPTS):
        state = endpoint.state()
        present = state.mirror.share if state.mirror and state.mirror.deployed_id == to else 0
        if present == share:
            return
        try:
            endpoint.mirror(share, to, state.etag)
            return
        except EndpointChangedError:
            if attempt == _ATTEMPTS - 1:
                raise


def take_away(endpoint: Endpoint, candidate: str, previous: str | None) -> None:
    """Gives the candidate's share back to the version before and removes the candidate; shares of others stay.

    Raises:
      SluiceError: when the version before is not deployed any more, or the endpoint refuses.
    """
    ensure_mirror(endpoint, 0, candidate)
    for attempt in range(_ATTEMPTS):
        state = endpoint.state()
        share = state.traffic.get(candidate, 0)
        if not share:
            break
        if previous is None or state.find(previous) is None:
            raise SluiceError(
                f"version `{candidate}` of `{state.endpoint}` has {share} % of the traffic and cannot be taken back: "
                f"the version before{f', `{previous}`,' if previous else ''} is not deployed.",
                "Deploy an earlier version, or send the traffic to another one.",
            )
        others = {name: given for name, given in state.traffic.items() if name != candidate}
        try:
            endpoint.set_traffic({**others, previous: others.get(previous, 0) + share}, state.etag)
        except EndpointChangedError:
            if attempt == _ATTEMPTS - 1:
                raise
    endpoint.undeploy(candidate)


def split(candidate: str, share: int, previous: str | None) -> dict[str, int]:
    """The candidate's share and the rest, without shares of 0."""
    rest = {} if previous is None else {previous: WHOLE - share}
    return {name: given for name, given in {candidate: share, **rest}.items() if given}


def in_words(traffic: Mapping[str, int]) -> str:
    """`{"1": 90, "2": 10}` → "90 % to 1 and 10 % to 2"."""
    return listed([f"{share} % to {name}" for name, share in traffic.items()]) or "not set"
