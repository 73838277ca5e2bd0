"""What an endpoint does by itself until somebody sets its traffic: the newest version of its folder gets it."""

from __future__ import annotations

from collections.abc import Mapping

from serving.contract import WHOLE, deployed_id_of
from serving.local.state import StoredModel, StoredState


def following(state: StoredState, newest: str, model: str, ready: set[str]) -> StoredState:
    """The state in which the newest version is deployed and, once it is ready, or nothing else could answer, has the
    traffic. The one before it stays for a rollback, older ones go."""
    deployed_id = deployed_id_of(newest)
    if not state.follows_newest:
        return state
    if state.find(deployed_id) is None:
        added = StoredModel(deployed_id=deployed_id, model=model, version=newest)
        state = state.model_copy(update={"deployed": [*state.deployed, added]})
    if state.traffic and deployed_id not in ready:
        return state
    split: Mapping[str, int] = {deployed_id: WHOLE}
    if state.traffic != split:
        state = state.model_copy(update={"previous": state.traffic or None, "traffic": dict(split)})
    needed = {*state.traffic, *(state.previous or {}), *([state.mirror.deployed_id] if state.mirror else [])}
    return state.model_copy(update={"deployed": [each for each in state.deployed if each.deployed_id in needed]})


def held(state: StoredState, newest: str, model: str) -> StoredState:
    """The state of an endpoint that nobody has started yet, with what it would serve today: the next version that is
    pushed must not take the traffic by itself."""
    if state.traffic or not state.follows_newest:
        return state
    found = following(state, newest, model, ready=set())
    return found.model_copy(update={"follows_newest": False})
