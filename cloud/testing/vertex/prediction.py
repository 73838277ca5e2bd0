"""Online predictions: which deployed model answers is the endpoint's business, what it answers is another's."""

from __future__ import annotations

import random
from typing import Any

from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format, struct_pb2

from cloud.testing.vertex.service import Backend, Service
from cloud.testing.vertex.store import Collection


class PredictionService(Service):
    """`endpoints:predict`, answered by the backend's predictor for the model that the traffic split chooses."""

    name = "PredictionService"

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.endpoints = Collection(backend.store, "endpoints", types.Endpoint)
        self._random = random.Random(0)

    def predict(self, request: Any) -> Any:
        """Predictions, with the deployed model that has made them.

        Raises:
            FailedPrecondition: no model receives traffic, or the local cloud has no predictor.
        """
        endpoint = self.endpoints.get(request.endpoint)
        split = {name: share for name, share in endpoint.traffic_split.items() if share}
        if not split:
            raise exceptions.FailedPrecondition(f"No model at {endpoint.name} receives traffic.")
        if self.backend.predictor is None:
            raise exceptions.FailedPrecondition("The local cloud has no predictor.")
        chosen = self._random.choices(list(split), weights=list(split.values()))[0]
        deployed = next(each for each in endpoint.deployed_models if each.id == chosen)
        predictions = self.backend.predictor(deployed, list(request.instances))
        answer = types.PredictResponse(
            deployed_model_id=deployed.id,
            model=deployed.model,
            model_version_id=deployed.model_version_id,
            model_display_name=deployed.display_name,
        )
        # Past proto-plus, which takes a list of values for one value that is a list.
        values = [json_format.ParseDict(each, struct_pb2.Value()) for each in predictions]
        types.PredictResponse.pb(answer).predictions.extend(values)
        return answer
