"""The endpoint of a workload on Vertex AI behind the contract."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types
from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient

from cloud.calls import PATIENCE, Patience, errors_in_one_sentence
from cloud.endpoint.candidates import Candidates
from cloud.endpoint.deployment import (
    PREVIOUS_LABEL,
    check_same,
    deployed_message,
    deployed_of,
    endpoint_message,
    state_of,
    title_of,
)
from cloud.endpoint.options import CANDIDATE_SUFFIX, EndpointOptions
from cloud.endpoint.predictions import Predictions
from cloud.endpoint.resource import EndpointResource, StaleEtagError, UnfinishedError
from cloud.endpoint.split_label import split_text
from cloud.endpoint.versions import registered
from cloud.pipeline_jobs import Transport, connected
from core.errors import SluiceError
from serving.contract import (
    WHOLE,
    Answer,
    DeployedModel,
    DeployError,
    Endpoint,
    EndpointChangedError,
    EndpointDownError,
    EndpointState,
    HasTrafficError,
    InvalidTrafficError,
    ModelVersion,
    PredictionRefusedError,
    UnknownVersionError,
    checked_split,
    checked_target,
)

# An operation that loads a model ends so, or not in its time, when the container of the model never answers; anything
# else is not the version's fault.
_UNLOADABLE = (exceptions.FailedPrecondition, exceptions.DeadlineExceeded, exceptions.Unknown)
# How an endpoint refuses a request that no deployed model can get.
_GONE = (400, 404)


def endpoint_of(place: str, workload: str) -> VertexEndpoint:
    """The endpoint that `vertex://…` names (cloud/endpoint/options.py).

    Raises:
      SluiceError: when the text names none, or its options do not go together.
    """
    return VertexEndpoint(EndpointOptions.of(place), workload)


class VertexEndpoint(Endpoint):
    """The endpoint `sluice-WORKLOAD-ENVIRONMENT`; the first `deploy` makes it. Until then its state is empty."""

    mirrors = False

    def __init__(
        self, options: EndpointOptions, workload: str, transport: Transport = "grpc", patience: Patience = PATIENCE
    ) -> None:
        """`transport`: how Vertex AI is managed; predictions go by HTTP. `patience`: that of one call.

        Raises:
          SluiceError: when the options do not go together.
        """
        options.check()
        self._options = options
        self._workload = workload
        self._id = options.endpoint_id(workload)
        self.answers_at = f"{options.answers}/{self._id}" if options.answers else ""
        self._transport = transport
        self._patience = patience
        self._loading = replace(patience, altogether=60.0 * options.load_minutes)
        candidate = f"{self._id}{CANDIDATE_SUFFIX}"
        private = {self._id: options.private_address, candidate: options.private_candidate_address}
        self._predictions = Predictions(options.place, private)
        self._reached: dict[str, Any] = {}
        self._known: dict[str, DeployedModel] = {}

    def deploy(self, version: ModelVersion) -> DeployedModel:
        """See Endpoint. The version is uploaded to Vertex AI Model Registry; a copy is loaded at the second endpoint.

        Raises:
          UnknownVersionError: when the folder of versions has no such version.
          IdTakenError: when another version has this id.
          DeployError: when it cannot be loaded; nothing stays behind.
          SluiceError: when Vertex AI refuses, has no machine, or is away.
        """
        for each in (self._main, self._candidates.resource):
            each.settle()
        found = self._main.find()
        present = None if found is None else state_of(found).find(version.deployed_id)
        if present is not None:
            check_same(present, version, self._id)
        if found is None or found.traffic_split.get(version.deployed_id, 0) != WHOLE:
            self._load(version, [self._candidates.resource, self._main])
        made = self._state().find(version.deployed_id)
        if made is None:
            raise DeployError(f"version {version.version} of {version.model} was removed while it was deployed")
        return made

    def set_traffic(self, split: Mapping[str, int], etag: str) -> EndpointState:
        """See Endpoint.

        Raises:
          EndpointChangedError: when `etag` is not that of the present state.
          InvalidTrafficError: when the shares are not 0 to 100 and 100 in sum.
          UnknownVersionError: when an id is not deployed.
          SluiceError: when Vertex AI refuses, or is away.
        """
        return self._changed(etag, lambda state: checked_split(split, state))

    def mirror(self, share: int, to: str, etag: str) -> EndpointState:
        """See Endpoint: Vertex AI copies no requests, so only the share of 0 is taken.

        Raises:
          EndpointChangedError: when `etag` is not that of the present state.
          InvalidTrafficError: when `share` is not 0.
          UnknownVersionError: when `to` is not deployed.
          SluiceError: when Vertex AI refuses, or is away.
        """
        state = self._at(etag)[1]
        checked_target(to, share, state)
        if share:
            raise InvalidTrafficError(
                f"`{self._id}` is an endpoint of Vertex AI, which copies no requests to another version",
                "Watch a canary instead:  canary_percents: [10]",
            )
        return state

    def predict(
        self, instances: Sequence[Any], parameters: Mapping[str, Any] | None = None, deployed_id: str = ""
    ) -> Answer:
        """See Endpoint. One deployed model answers by its copy at the second endpoint, or here when it has all traffic.

        Raises:
          UnknownVersionError: when `deployed_id` is not deployed.
          PredictionRefusedError: when the endpoint answers with an error, or the model shares the traffic and has no
            copy.
          EndpointDownError: when nothing answers.
          SluiceError: when Vertex AI refuses, or is away.
        """
        body = {"instances": list(instances), **({"parameters": dict(parameters)} if parameters else {})}
        until = time.monotonic() + self._patience.altogether
        while True:
            was_reached = deployed_id in self._reached
            try:
                answer = self._asked(self._reach(deployed_id), body)
            except PredictionRefusedError as refused:
                # It may have been undeployed since it was reached. An error of the model is an answer.
                if not was_reached or refused.code not in _GONE:
                    raise
                del self._reached[deployed_id]
                continue
            if deployed_id in ("", answer.deployed_id):
                return answer
            # A split takes its time to reach every machine of Vertex AI.
            self._reached.pop(deployed_id, None)
            if time.monotonic() > until:
                raise EndpointDownError(
                    f"`{deployed_id}` has all traffic of an endpoint where {answer.deployed_id} answers"
                )
            time.sleep(self._patience.first_wait)

    def state(self) -> EndpointState:
        """See Endpoint; empty when nothing was deployed yet.

        Raises:
          SluiceError: when Vertex AI refuses, or is away.
        """
        return self._state()

    def undeploy(self, deployed_id: str) -> EndpointState:
        """See Endpoint. The copies that are not needed any more go, too.

        Raises:
          HasTrafficError: when requests go to it.
          SluiceError: when Vertex AI refuses, or is away.
        """
        for each in (self._main, self._candidates.resource):
            each.settle()
        state = self._state()
        if share := state.traffic.get(deployed_id):
            raise HasTrafficError(
                f"model `{deployed_id}` at `{self._id}` has {share} % of the traffic; take it away first"
            )
        if state.find(deployed_id) is not None:
            self._undeploy(deployed_id)
        self._reached.clear()
        whole = [each for each, share in state.traffic.items() if share == WHOLE]
        self._candidates.remove([deployed_id, *whole])
        return self._state()

    def rollback(self, etag: str) -> EndpointState:
        """See Endpoint.

        Raises:
          EndpointChangedError: when `etag` is not that of the present state.
          InvalidTrafficError: when there is no previous split.
          UnknownVersionError: when a model of the previous split is not deployed any more.
          SluiceError: when Vertex AI refuses, or is away.
        """

        def restored(state: EndpointState) -> dict[str, int]:
            if state.previous is None:
                raise InvalidTrafficError(f"the endpoint `{self._id}` has had one split of the traffic only")
            return checked_split(state.previous, state)

        return self._changed(etag, restored)

    @cached_property
    def _clients(self) -> tuple[Any, Any]:
        place = self._options.place
        with errors_in_one_sentence("Vertex AI cannot be called", place):
            endpoints = connected(EndpointServiceClient, place, self._transport)
            return endpoints, connected(ModelServiceClient, place, self._transport)

    @cached_property
    def _main(self) -> EndpointResource:
        return EndpointResource(self._clients[0], self._options.place, self._id, self._patience, self._loading)

    @cached_property
    def _candidates(self) -> Candidates:
        return Candidates(replace(self._main, endpoint_id=f"{self._id}{CANDIDATE_SUFFIX}"))

    def _load(self, version: ModelVersion, resources: Sequence[EndpointResource]) -> None:
        """Deploys a version where it is not yet; what this call has deployed goes again when any of it fails."""
        options, models = self._options, self._clients[1]
        name = registered(version, options, models, self._transport, self._patience, self._loading)
        missing = [each for each in resources if not self._has(each, version)]
        begun: list[tuple[EndpointResource, Any]] = []
        try:
            for each in missing:
                is_copy = each is not self._main
                message = deployed_message(version, name, options, is_copy)
                begun.append((each, each.begin_deploy(message, {"0": WHOLE} if is_copy else {})))
            for each, operation in begun:
                if operation is not None:
                    each.finish(operation, f"cannot load {title_of(version)}")
        except SluiceError as problem:
            left = self._take_back(version.deployed_id, begun)
            look = f"What is there:  gcloud ai endpoints list {options.place.options}" if left else ""
            if isinstance(problem, UnfinishedError) or isinstance(problem.__cause__, _UNLOADABLE):
                raise DeployError(
                    f"version {version.version} of {version.model} cannot be deployed: {problem.headline}{left}", look
                ) from problem
            if left:
                raise SluiceError(f"{problem.headline}{left}", look, problem.exit_code) from problem
            raise

    def _has(self, resource: EndpointResource, version: ModelVersion) -> bool:
        """Whether a version is deployed at an endpoint, which is made when it is not there."""
        is_logged = resource is self._main
        wanted = endpoint_message(resource.endpoint_id, self._workload, self._options, is_logged=is_logged)
        there = state_of(resource.ensure(wanted)).find(version.deployed_id)
        if there is not None:
            check_same(there, version, resource.endpoint_id)
        return there is not None

    def _take_back(self, deployed_id: str, begun: Sequence[tuple[EndpointResource, Any]]) -> str:
        """Undoes deployments, each by itself. Returns a sentence about what may stay, or nothing."""
        for each, operation in begun:
            if operation is not None:
                each.cancel(operation)
        left = ""
        # What cannot be cancelled is awaited: it may still end, and must not stay then.
        for each, _ in begun:
            try:
                each.settle()
                if each is self._main:
                    each.undeploy(deployed_id)
                else:
                    self._candidates.remove([deployed_id])
            except SluiceError as problem:
                left += f" The model {deployed_id} may still be there: {problem.headline}"
        return left

    def _undeploy(self, deployed_id: str) -> None:
        try:
            self._main.undeploy(deployed_id)
        except SluiceError as problem:
            if isinstance(problem.__cause__, exceptions.FailedPrecondition):
                # Somebody has given it traffic since the state was read.
                raise HasTrafficError(problem.headline) from problem
            raise

    def _at(self, etag: str) -> tuple[Any, EndpointState]:
        """The endpoint as it is, when that is what the caller decided on."""
        found = self._main.find()
        state = self._empty() if found is None else self._remembered(found)
        if state.etag != etag:
            raise self._stale(etag, state)
        return found, state

    def _changed(self, etag: str, decide: Callable[[EndpointState], dict[str, int]]) -> EndpointState:
        found, state = self._at(etag)
        split = decide(state)
        if split == dict(state.traffic):
            return state
        back = state.traffic or state.previous
        labels = {**found.labels, **({PREVIOUS_LABEL: split_text(back)} if back else {})}
        changed = types.Endpoint(
            name=found.name, etag=etag, display_name=found.display_name, traffic_split=split, labels=labels
        )
        try:
            return self._remembered(self._main.update(changed, "traffic_split", "labels"))
        except StaleEtagError as problem:
            # Or changed by this very request, whose answer was lost.
            now = self._main.find()
            if now is not None and (dict(now.traffic_split), dict(now.labels)) == (split, labels):
                return self._remembered(now)
            raise self._stale(etag, self._state()) from problem

    def _stale(self, etag: str, state: EndpointState) -> EndpointChangedError:
        return EndpointChangedError(
            f"the endpoint `{self._id}` was changed meanwhile: its etag is {state.etag}, not {etag}",
            "Read its state again and decide anew.",
        )

    def _state(self) -> EndpointState:
        found = self._main.find()
        return self._empty() if found is None else self._remembered(found)

    def _empty(self) -> EndpointState:
        return EndpointState(self._id, "new", (), {})

    def _remembered(self, endpoint: Any) -> EndpointState:
        self._known.update({each.id: deployed_of(each) for each in endpoint.deployed_models})
        return state_of(endpoint)

    def _reach(self, deployed_id: str) -> Any:
        """The endpoint where this model gets every request; for the empty id the first one."""
        if deployed_id not in self._reached:
            self._reached[deployed_id] = self._found(deployed_id)
        return self._reached[deployed_id]

    def _found(self, deployed_id: str) -> Any:
        main = self._main.find()
        if main is None:
            raise EndpointDownError(
                f"there is no endpoint `{self._id}` in {self._options.place}; nothing was deployed yet"
            )
        state = self._remembered(main)
        if not deployed_id or dict(state.traffic) == {deployed_id: WHOLE}:
            return main
        if state.find(deployed_id) is None:
            raise UnknownVersionError(f"no model `{deployed_id}` is deployed at `{self._id}`")
        copy = self._candidates.with_all_traffic(deployed_id)
        if copy is None:
            share = state.traffic.get(deployed_id, 0)
            message = f"model `{deployed_id}` has {share} % of the traffic and no copy of its own; deploy it once more"
            raise PredictionRefusedError(409, message)
        return copy

    def _asked(self, endpoint: Any, body: Mapping[str, Any]) -> Answer:
        answer, headers = self._predictions.ask(endpoint, body)
        by = answer["deployedModelId"]
        if by not in self._known:
            self._state()
        known = self._known.get(by)
        model, version = (known.model, known.version) if known else (answer["model"], answer["modelVersionId"])
        return Answer(answer["predictions"], by, model, version, headers)
