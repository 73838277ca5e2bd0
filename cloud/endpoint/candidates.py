"""The second endpoint of a workload: a copy of each model that shares the traffic of the first or gets none of it.

Vertex AI sends a request to the model that the split chooses, and takes no other choice (only `explain` does). So that
golden requests reach a candidate before any user's request does, its copy has all traffic of this second endpoint,
which nobody else calls. A copy is one machine, and goes once its model has all traffic or is undeployed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.cloud.aiplatform_v1 import types

from cloud.endpoint.resource import EndpointResource, StaleEtagError, ids_of
from core.errors import SluiceError
from serving.contract import WHOLE, EndpointChangedError

_ATTEMPTS = 3


@dataclass(frozen=True)
class Candidates:
    """The copies at the second endpoint."""

    resource: EndpointResource

    def with_all_traffic(self, deployed_id: str) -> Any | None:
        """The endpoint once all its traffic goes to this copy; None when there is none.

        Raises:
          EndpointChangedError: when somebody else sends it elsewhere all the time.
          SluiceError: when Vertex AI refuses, or is away.
        """
        for _ in range(_ATTEMPTS):
            found = self.resource.find()
            if found is None or deployed_id not in ids_of(found):
                return None
            if dict(found.traffic_split) == {deployed_id: WHOLE}:
                return found
            try:
                return self._send(found, {deployed_id: WHOLE})
            except StaleEtagError:
                continue
        raise EndpointChangedError(f"the endpoint {self.resource.endpoint_id} is changed all the time", "Try again.")

    def remove(self, deployed_ids: Iterable[str]) -> None:
        """Removes copies; those that are not there are no error.

        Raises:
          SluiceError: when Vertex AI refuses, or is away.
        """
        found = self.resource.find()
        for deployed_id in deployed_ids:
            if found is None or deployed_id not in ids_of(found):
                continue
            if found.traffic_split.get(deployed_id):
                try:
                    self._send(found, {})
                except StaleEtagError as problem:
                    raise SluiceError(
                        f"the endpoint {self.resource.endpoint_id} was changed meanwhile.", "Try again."
                    ) from problem
            self.resource.undeploy(deployed_id)
            found = self.resource.find()

    def _send(self, found: Any, split: dict[str, int]) -> Any:
        changed = types.Endpoint(name=found.name, etag=found.etag, display_name=found.display_name, traffic_split=split)
        return self.resource.update(changed, "traffic_split")
