"""Long-running operations: a name to poll, and the typed response once it is done."""

from __future__ import annotations

from typing import Any

import proto
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from cloud.testing.vertex.store import Store, now


class Operations:
    """Operations of one store. What they do is done at once; a client sees it after `polls` further calls."""

    def __init__(self, store: Store, polls: int = 0) -> None:
        self.store = store
        self.polls = polls
        self._left: dict[str, int] = {}

    def start(self, below: str, response: proto.Message | None, metadata: type[proto.Message]) -> Any:
        """An operation below a resource's name; without a response its answer is empty, as that of a deletion."""
        name = f"{below}/operations/{self.store.new_id()}"
        times = types.GenericOperationMetadata(create_time=now(), update_time=now())
        operation = operations_pb2.Operation(name=name)
        operation.metadata.Pack(metadata.pb(metadata(generic_metadata=times)))
        operation.response.Pack(empty_pb2.Empty() if response is None else type(response).pb(response))
        self._left[name] = self.polls
        self.store.resources[name] = operation
        return self._seen(operation)

    def get(self, name: str) -> Any:
        """The operation as it stands at this poll.

        Raises:
            NotFound: there is none of that name.
        """
        found = self.store.resources.get(self.store.names.canonical(name))
        if not isinstance(found, operations_pb2.Operation):
            raise exceptions.NotFound(f"The operation does not exist: {name}")
        self._left[found.name] = self._left.get(found.name, 0) - 1
        return self._seen(found)

    def _seen(self, operation: Any) -> Any:
        seen = operations_pb2.Operation()
        seen.CopyFrom(operation)
        seen.done = self._left[operation.name] <= 0
        if not seen.done:
            seen.ClearField("response")
        return seen
