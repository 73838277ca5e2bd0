"""One endpoint of Vertex AI by its id: made, found, changed under its etag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types
from google.longrunning import operations_pb2
from google.protobuf import field_mask_pb2

from cloud.calls import Patience, call, tried
from cloud.place import Place
from core.errors import SluiceError

_LOG = "predict_request_response_logging_config"


class StaleEtagError(Exception):
    """The endpoint was changed since its etag was read."""


class UnfinishedError(SluiceError):
    """An operation has not ended in its time, though Vertex AI answers."""


class _UnderWay(exceptions.ServiceUnavailable):
    """An operation has not ended at this look."""


@dataclass(frozen=True)
class EndpointResource:
    """An endpoint, which need not be there yet. `loading`: how long an operation may take."""

    client: Any
    place: Place
    endpoint_id: str
    patience: Patience
    loading: Patience

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.place.parent}/endpoints/{self.endpoint_id}"

    def find(self) -> Any | None:
        """The endpoint, or None.

        Raises:
          SluiceError: when Vertex AI refuses, or is away.
        """
        request = types.GetEndpointRequest(name=self.name)
        try:
            return self._call(self.client.get_endpoint, request, "cannot be read")
        except SluiceError as problem:
            if isinstance(problem.__cause__, exceptions.NotFound):
                return None
            raise

    def ensure(self, wanted: Any) -> Any:
        """The endpoint; it is made as `wanted` when it is not there. Of one that is there only the log of requests can
        be changed; it becomes the wanted one.

        Raises:
          SluiceError: when Vertex AI refuses, or is away.
        """
        found = self.find()
        if found is not None:
            return self._with_log(found, getattr(wanted, _LOG))
        request = types.CreateEndpointRequest(parent=self.place.parent, endpoint=wanted, endpoint_id=self.endpoint_id)
        try:
            operation = self._call(self.client.create_endpoint, request, "cannot be made")
        except SluiceError as problem:
            # Made by an attempt whose answer was lost, or by somebody else.
            if not isinstance(problem.__cause__, exceptions.Conflict):
                raise
            self.settle()
        else:
            self.finish(operation, "cannot be made")
        made = self.find()
        if made is None:
            raise SluiceError(f"{self._title} was made and is not there: somebody has deleted it.", "Try again.")
        return made

    def settle(self) -> None:
        """Waits for what earlier attempts, and other people, have begun here.

        Raises:
          SluiceError: when it does not end in time, or Vertex AI refuses.
        """
        settle(self.client, self.name, f"{self._title} is being changed", self.place, self.loading)

    def begin_deploy(self, deployed: Any, split: Mapping[str, int]) -> Any | None:
        """The operation that deploys a model; None when it has ended meanwhile. Without a split the traffic stays as it
        is.

        Raises:
          SluiceError: when Vertex AI refuses, or is away.
        """
        request = types.DeployModelRequest(endpoint=self.name, deployed_model=deployed, traffic_split=dict(split))
        try:
            return self._call(self.client.deploy_model, request, f"cannot load {deployed.display_name}")
        except SluiceError as problem:
            # The id is taken when the answer to a first try was lost.
            if isinstance(problem.__cause__, (exceptions.BadRequest, exceptions.Conflict)):
                self.settle()
                found = self.find()
                if found is not None and deployed.id in ids_of(found):
                    return None
            raise

    def finish(self, operation: Any, cannot: str) -> None:
        """Returns once an operation has ended well.

        Raises:
          UnfinishedError: when it has not ended in its time.
          SluiceError: with the operation's own error as its cause.
        """

        def look() -> None:
            if not operation.done(retry=None):
                raise _UnderWay("it has not ended yet")

        try:
            tried(look, f"{self._title} {cannot}", self.place, self.loading)
        except SluiceError as given_up:
            if not isinstance(given_up.__cause__, _UnderWay):
                raise
            minutes = f"{self.loading.altogether / 60:g} minutes (`endpoint.load_minutes`)"
            raise UnfinishedError(f"{self._title} {cannot}: it has not ended after {minutes}.") from given_up
        # Only now, and once: an operation that has ended with an error ends no other way when it is asked again.
        ended_with = operation.exception()
        if ended_with is not None:
            tried(lambda: _raised(ended_with), f"{self._title} {cannot}", self.place, Patience(altogether=0.0))

    def cancel(self, operation: Any) -> None:
        """Asks that an operation ends without its effect. Not every one can: `settle` shows when it has ended."""
        request = operations_pb2.CancelOperationRequest(name=operation.operation.name)
        with suppress(SluiceError):
            self._call(self.client.cancel_operation, request, "cannot cancel an operation")

    def update(self, changed: Any, *paths: str) -> Any:
        """Writes these fields of the endpoint; `changed` carries the etag that they were decided on.

        Raises:
          StaleEtagError: when the endpoint was changed since.
          SluiceError: when Vertex AI refuses, or is away.
        """
        mask = field_mask_pb2.FieldMask(paths=paths)
        request = types.UpdateEndpointRequest(endpoint=changed, update_mask=mask)
        try:
            return self._call(self.client.update_endpoint, request, "cannot be changed")
        except SluiceError as problem:
            if is_stale(problem.__cause__):
                raise StaleEtagError(problem.headline) from problem
            raise

    def undeploy(self, deployed_id: str) -> None:
        """Removes a deployed model; one that is not there is no error.

        Raises:
          SluiceError: when it has traffic, or Vertex AI refuses.
        """
        request = types.UndeployModelRequest(endpoint=self.name, deployed_model_id=deployed_id)
        cannot = f"cannot remove the model {deployed_id}"
        try:
            self.finish(self._call(self.client.undeploy_model, request, cannot), cannot)
        except SluiceError as problem:
            if not isinstance(problem.__cause__, exceptions.NotFound):
                raise

    def _with_log(self, found: Any, wanted: Any) -> Any:
        if getattr(found, _LOG) == wanted:
            return found
        changed = types.Endpoint(name=found.name, etag=found.etag, display_name=found.display_name)
        setattr(changed, _LOG, wanted)
        try:
            return self.update(changed, _LOG)
        except StaleEtagError as problem:
            raise SluiceError(f"{self._title} was changed meanwhile.", "Try again.") from problem

    @property
    def _title(self) -> str:
        return f"the endpoint {self.endpoint_id}"

    def _call(self, method: Any, request: Any, cannot: str) -> Any:
        return call(method, request, f"{self._title} {cannot}", self.place, self.patience)


def ids_of(endpoint: Any) -> list[str]:
    """The ids of the deployed models of an endpoint."""
    return [each.id for each in endpoint.deployed_models]


def settle(client: Any, name: str, cannot: str, place: Place, patience: Patience) -> None:
    """Waits until no operation of a resource is under way; a resource that is not there has none.

    Raises:
      SluiceError: when one does not end in time, or Vertex AI refuses.
    """

    def look() -> None:
        request = operations_pb2.ListOperationsRequest(name=name)
        try:
            if any(not each.done for each in _operations(client, request, patience)):
                raise exceptions.ServiceUnavailable("an operation has not ended yet")
        except exceptions.NotFound:
            return

    tried(look, cannot, place, patience)


def is_stale(problem: BaseException | None) -> bool:
    """Whether a service refuses a change because the etag is not that of the present state."""
    if isinstance(problem, exceptions.FailedPrecondition):
        return "etag" in str(problem).lower()
    return isinstance(problem, exceptions.Conflict)


def _operations(client: Any, request: Any, patience: Patience) -> Iterator[Any]:
    while True:
        page = client.list_operations(request, timeout=patience.one_try, retry=None)
        yield from page.operations
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _raised(problem: BaseException) -> None:
    raise problem
