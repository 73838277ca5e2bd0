"""Long-running operations: a name to poll, and the typed response once it is done."""

from __future__ import annotations

import math
from typing import Any

import proto
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2
from google.rpc import code_pb2

from cloud.testing.vertex.store import Store, now


class Operations:
    """Operations of one store. What they do is done at once, but for those that are begun and ended; a client sees it
    after `polls` further calls."""

    def __init__(self, store: Store, polls: int = 0) -> None:
        self.store = store
        self.polls = polls
        self._left: dict[str, float] = {}

    def start(self, below: str, response: proto.Message | None, metadata: type[proto.Message]) -> Any:
        """An operation below a resource's name; without a response its answer is empty, as that of a deletion."""
        operation = self._made(below, metadata)
        _answer(operation, response)
        self._left[operation.name] = self.polls
        return self._seen(operation)

    def begin(self, below: str, metadata: type[proto.Message]) -> Any:
        """An operation that is not done until `end` or `fail` is called with its name."""
        operation = self._made(below, metadata)
        self._left[operation.name] = math.inf
        return self._seen(operation)

    def end(self, name: str, response: proto.Message | None) -> None:
        """Gives an operation that was begun its response."""
        _answer(self.store.resources[name], response)
        self._left[name] = 0

    def fail(self, name: str, error: exceptions.GoogleAPICallError) -> None:
        """Ends an operation that was begun without its effect."""
        found = self.store.resources[name]
        found.error.code = error.grpc_status_code.value[0] if error.grpc_status_code else code_pb2.UNKNOWN
        found.error.message = error.message
        self._left[name] = 0

    def cancel(self, name: str) -> Any:
        """Ends an operation that was begun, without its effect; one that has had its effect stays as it is.

        Raises:
            NotFound: there is none of that name.
        """
        found = self._found(name)
        if self.is_under_way(found.name):
            self.fail(found.name, exceptions.Cancelled("The operation was cancelled."))
        return empty_pb2.Empty()

    def is_under_way(self, name: str) -> bool:
        """Whether an operation was begun and has neither ended nor failed."""
        return self._left.get(name) == math.inf

    def list(self, below: str) -> Any:
        """The operations right below a resource, as they stand at this poll."""
        found = [each.name for each in self.store.below(self.store.names.canonical(below), "operations")]
        return operations_pb2.ListOperationsResponse(operations=[self.get(name) for name in found])

    def get(self, name: str) -> Any:
        """The operation as it stands at this poll.

        Raises:
            NotFound: there is none of that name.
        """
        found = self._found(name)
        self._left[found.name] = self._left.get(found.name, 0) - 1
        return self._seen(found)

    def _found(self, name: str) -> Any:
        found = self.store.resources.get(self.store.names.canonical(name))
        if not isinstance(found, operations_pb2.Operation):
            raise exceptions.NotFound(f"The operation does not exist: {name}")
        return found

    def _made(self, below: str, metadata: type[proto.Message]) -> Any:
        times = types.GenericOperationMetadata(create_time=now(), update_time=now())
        operation = operations_pb2.Operation(name=f"{below}/operations/{self.store.new_id()}")
        operation.metadata.Pack(metadata.pb(metadata(generic_metadata=times)))
        self.store.resources[operation.name] = operation
        return operation

    def _seen(self, operation: Any) -> Any:
        seen = operations_pb2.Operation()
        seen.CopyFrom(operation)
        seen.done = self._left.get(operation.name, 0) <= 0
        if not seen.done:
            seen.ClearField("response")
        return seen


def _answer(operation: Any, response: proto.Message | None) -> None:
    operation.response.Pack(empty_pb2.Empty() if response is None else type(response).pb(response))
