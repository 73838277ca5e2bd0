"""The local endpoint behind the contract: it changes the state file, and the server follows."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serving.contract import (
    WHOLE,
    Answer,
    DeployedModel,
    DeployError,
    Endpoint,
    EndpointDownError,
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
from serving.local.caller import Caller
from serving.local.following import held
from serving.local.state import Observed, StateFile, StoredMirror, StoredModel, StoredState
from serving.log.answer_files import FOLDER as ANSWERS

_LOOK_EVERY = 0.02


class LocalEndpoint(Endpoint):
    """The endpoint that `python -m serving` runs on a folder of versions; `token` is sent with requests.

    `patience`: seconds in which a version must be loaded, and the server must follow any other change.
    """

    def __init__(self, versions: Path, name: str, token: str = "", patience: float = 120) -> None:
        self._file = StateFile(versions, name)
        self.answers_at = str(self._file.folder / ANSWERS)
        self._token = token
        self._patience = patience
        self._caller = Caller(patience)

    def deploy(self, version: ModelVersion) -> DeployedModel:
        """See Endpoint.

        Raises:
          UnknownVersionError: when the folder has no such version.
          IdTakenError: when another version has this id.
          DeployError: when it cannot be loaded; nothing stays behind.
          EndpointDownError: when no server runs that could load it.
        """
        path = self._file.versions / version.version
        if not version.version.isdigit() or not path.is_dir():
            raise UnknownVersionError(f"there is no version {version.version} in {self._file.versions}")
        if self._live() is None:
            raise self._down()
        wanted = StoredModel(deployed_id=version.deployed_id, model=version.model, version=version.version)
        was_there = self._file.read().find(version.deployed_id) is not None

        def added(state: StoredState) -> StoredState:
            found = state.find(version.deployed_id)
            if found is not None and found != wanted:
                raise IdTakenError(
                    f"`{version.deployed_id}` is version {found.version} of {found.model} at `{state.endpoint}`, not "
                    f"version {version.version} of {version.model}"
                )
            deployed = state.deployed if found else [*state.deployed, wanted]
            # Somebody decides from here on: the next version that is pushed must not take the traffic by itself.
            return state.model_copy(update={"deployed": deployed, "follows_newest": False})

        state = self._file.change(added)
        observed = self._followed(state, version.deployed_id)
        found = observed.models[version.deployed_id]
        if not found.ready:
            if not was_there:
                self._file.change(lambda before: _without(before, version.deployed_id))
            raise DeployError(f"version {version.version} of {version.model} cannot be deployed: {found.problem}")
        return _deployed(wanted, observed)

    def set_traffic(self, split: Mapping[str, int], etag: str) -> EndpointState:
        """See Endpoint.

        Raises:
          EndpointChangedError: when `etag` is not that of the present state.
          InvalidTrafficError: when the shares are not 0 to 100 and 100 in sum, or a model that gets one is not ready.
          UnknownVersionError: when an id is not deployed.
          EndpointDownError: when the server does not follow in time.
        """

        def shared(state: StoredState) -> StoredState:
            # To hold the present split, no server need run: it is what it will do when it is started.
            is_held = bool(split) and dict(split) == state.traffic
            return _with_traffic(state, split if is_held else checked_split(split, self._state_of(state)))

        return self._applied(self._file.change(shared, etag))

    def mirror(self, share: int, to: str, etag: str) -> EndpointState:
        """See Endpoint.

        Raises:
          EndpointChangedError: when `etag` is not that of the present state.
          InvalidTrafficError: when `share` is not 0 to 100, or `to` is not ready.
          UnknownVersionError: when `to` is not deployed.
          EndpointDownError: when the server does not follow in time.
        """

        def mirrored(state: StoredState) -> StoredState:
            checked_target(to, share, self._state_of(state))
            return state.model_copy(update={"mirror": StoredMirror(share=share, deployed_id=to) if share else None})

        return self._applied(self._file.change(mirrored, etag))

    def predict(
        self, instances: Sequence[Any], parameters: Mapping[str, Any] | None = None, deployed_id: str = ""
    ) -> Answer:
        """See Endpoint.

        Raises:
          UnknownVersionError: when `deployed_id` is not deployed.
          PredictionRefusedError: when the endpoint answers with an error.
          EndpointDownError: when nothing answers.
        """
        observed = self._live()
        if observed is None:
            raise self._down()
        path = f"/v1/models/{self._file.name}:predict"
        if deployed_id:
            found = self._file.read().find(deployed_id)
            if found is None:
                raise UnknownVersionError(f"no model `{deployed_id}` is deployed at `{self._file.name}`")
            path = f"/v1/models/{found.model}/deployed/{deployed_id}:predict"
        body = {"instances": list(instances), **({"parameters": dict(parameters)} if parameters else {})}
        answer = self._post(observed, path, json.dumps(body).encode())
        return Answer(
            answer["predictions"],
            answer["deployedModelId"],
            answer["model"],
            answer["modelVersionId"],
            answer["headers"],
        )

    def state(self) -> EndpointState:
        """See Endpoint.

        Raises:
          EndpointDownError: when no endpoint was ever started here.
        """
        if not self._file.exists():
            raise self._down()
        return self._state_of(self._file.read())

    def undeploy(self, deployed_id: str) -> EndpointState:
        """See Endpoint.

        Raises:
          HasTrafficError: when requests, or copies of requests, go to it.
          EndpointDownError: when the server does not follow in time.
        """

        def removed(state: StoredState) -> StoredState:
            share = state.traffic.get(deployed_id, 0)
            copies = state.mirror.share if state.mirror and state.mirror.deployed_id == deployed_id else 0
            if share or copies:
                what = f"{share} % of the traffic" if share else f"copies of {copies} % of the traffic"
                raise HasTrafficError(f"model `{deployed_id}` at `{state.endpoint}` has {what}; take it away first")
            return _without(state, deployed_id)

        return self._applied(self._file.change(removed))

    def rollback(self, etag: str) -> EndpointState:
        """See Endpoint.

        Raises:
          EndpointChangedError: when `etag` is not that of the present state.
          InvalidTrafficError: when there is no previous split, or a model of it is not ready.
          UnknownVersionError: when a model of the previous split is not deployed any more.
          EndpointDownError: when the server does not follow in time.
        """

        def restored(state: StoredState) -> StoredState:
            if state.previous is None:
                raise InvalidTrafficError(f"the endpoint `{state.endpoint}` has had one split of the traffic only")
            split = checked_split(state.previous, self._state_of(state))
            return _with_traffic(state, split).model_copy(update={"mirror": None})

        return self._applied(self._file.change(restored, etag))

    def hold_newest(self) -> None:
        """See Endpoint.

        Raises:
          SluiceError: when the state was damaged.
        """
        newest = self._file.newest_version()
        if newest is not None and not self._file.exists():
            self._file.change(lambda state: held(state, newest, self._file.name))

    def set_aside(self, version: str, is_aside: bool) -> None:
        """See Endpoint."""
        self._file.set_aside(version, is_aside)

    def _live(self) -> Observed | None:
        observed = self._file.observed()
        return observed if observed and observed.is_alive() else None

    def _down(self) -> EndpointDownError:
        folder = self._file.versions
        return EndpointDownError(
            f"nothing serves {folder}",
            f"Start it:  python -m serving --workload {self._file.name} --output-dir {folder.parent.parent}",
        )

    def _followed(self, state: StoredState, deployed_id: str = "") -> Observed:
        """What the server has made of this state or of a later one, once it has; with an id, once its fate is known."""
        until = time.monotonic() + self._patience
        while time.monotonic() < until:
            observed = self._live()
            if observed is None:
                raise self._down()
            if observed.etag in (state.etag, self._file.read().etag):
                found = observed.models.get(deployed_id)
                if not deployed_id or (found and (found.ready or found.problem)):
                    return observed
            time.sleep(_LOOK_EVERY)
        raise EndpointDownError(
            f"the server of {self._file.versions} did not follow a change within {self._patience:g} s"
        )

    def _applied(self, state: StoredState) -> EndpointState:
        """The state once a live server follows it; one that does not run follows it when it is started."""
        if self._live() is not None:
            self._followed(state)
        return self._state_of(state)

    def _state_of(self, state: StoredState) -> EndpointState:
        observed = self._live()
        mirror = Mirror(state.mirror.share, state.mirror.deployed_id) if state.mirror else None
        deployed = tuple(_deployed(each, observed) for each in state.deployed)
        return EndpointState(state.endpoint, state.etag, deployed, state.traffic, state.previous, mirror)

    def _post(self, observed: Observed, path: str, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            called = self._caller.post(observed.address, observed.certificate, path, body, headers)
        except (OSError, http.client.HTTPException) as problem:
            raise EndpointDownError(f"the endpoint at {observed.address} does not answer: {problem}") from problem
        if called.code != 200:
            raise PredictionRefusedError(called.code, _message(called.body))
        return {**json.loads(called.body), "headers": dict(called.headers)}


def _deployed(stored: StoredModel, observed: Observed | None) -> DeployedModel:
    found = observed.models.get(stored.deployed_id) if observed else None
    problem = found.problem if found else ("" if observed else "no server runs")
    return DeployedModel(stored.deployed_id, stored.model, stored.version, bool(found and found.ready), problem)


def _with_traffic(state: StoredState, split: Mapping[str, int]) -> StoredState:
    if dict(split) == state.traffic:
        return state.model_copy(update={"follows_newest": False})
    previous = state.traffic if sum(state.traffic.values()) == WHOLE else state.previous
    return state.model_copy(update={"traffic": dict(split), "previous": previous, "follows_newest": False})


def _without(state: StoredState, deployed_id: str) -> StoredState:
    kept = [each for each in state.deployed if each.deployed_id != deployed_id]
    return state.model_copy(update={"deployed": kept})


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:200] or "no reason was given"
