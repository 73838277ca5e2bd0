"""Online predictions: the endpoint's split chooses the deployed model, and its process answers."""

from __future__ import annotations

import json
import random
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format, struct_pb2

from cloud.testing.vertex.endpoints import hosted_model
from cloud.testing.vertex.models import Versions
from cloud.testing.vertex.service import Backend, Service
from cloud.testing.vertex.store import Collection
from serving.protocol.errors import JSON, RequestError


class PredictionService(Service):
    """`endpoints:predict` and `endpoints:rawPredict`. A model that answers slowly keeps no other call waiting."""

    name = "PredictionService"
    takes_turns = False

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.endpoints = Collection(backend.store, "endpoints", types.Endpoint)
        self.versions = Versions(backend)
        self._random = random.Random(0)

    def predict(self, request: Any) -> Any:
        """Predictions, with the deployed model that has made them.

        Raises:
            FailedPrecondition: no model receives traffic, or nothing runs models here.
            GoogleAPICallError: the model has refused the request, with its own code.
        """
        endpoint, deployed = self._chosen(request.endpoint)
        if self.backend.host is None and self.backend.predictor is not None:
            predictions = self.backend.predictor(deployed, list(request.instances))
        else:
            message = types.PredictRequest.pb(request)
            body = {"instances": [_plain(json_format.MessageToDict(each)) for each in message.instances]}
            if message.HasField("parameters"):
                body["parameters"] = _plain(json_format.MessageToDict(message.parameters))
            predictions = json.loads(self._answer(endpoint, deployed, json.dumps(body).encode()))["predictions"]
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

    def raw_predict(self, request: Any) -> HttpBody:
        """The body that the model answers; which model that was stands in headers.

        Raises:
            FailedPrecondition: no model receives traffic, or nothing runs models here.
            GoogleAPICallError: the model has refused the request, with its own code.
        """
        endpoint, deployed = self._chosen(request.endpoint)
        body = self._answer(endpoint, deployed, request.http_body.data)
        answer = HttpBody(content_type=JSON, data=body)
        answer.extensions.add().Pack(
            json_format.ParseDict(
                {
                    "X-Vertex-AI-Deployed-Model-Id": deployed.id,
                    "X-Vertex-AI-Model": deployed.model,
                    "X-Vertex-AI-Model-Version-Id": deployed.model_version_id,
                },
                struct_pb2.Struct(),
            )
        )
        return answer

    def _chosen(self, name: str) -> tuple[str, Any]:
        """The endpoint's name and the deployed model that answers this request."""
        with self.backend.lock:
            endpoint = self.endpoints.get(name)
            split = {name: share for name, share in endpoint.traffic_split.items() if share}
            if not split:
                raise exceptions.FailedPrecondition(f"No model at {endpoint.name} receives traffic.")
            chosen = self._random.choices(list(split), weights=list(split.values()))[0]
            return endpoint.name, next(each for each in endpoint.deployed_models if each.id == chosen)

    def _answer(self, endpoint: str, deployed: Any, body: bytes) -> bytes:
        host = self.backend.host
        if host is None:
            raise exceptions.FailedPrecondition("The local cloud runs no models: LocalCloud(serves=True).")
        key = f"{endpoint}/{deployed.id}"
        with self.backend.lock:
            version = self.versions.find(f"{deployed.model}@{deployed.model_version_id}")
        # A local cloud that goes on with the state of an earlier one has the model, and no process yet.
        if problem := host.start(key, hosted_model(endpoint, deployed, version)):
            raise exceptions.ServiceUnavailable(f"The model has ended: {problem}")
        try:
            answer = host.post(key, body)
        except RequestError as refused:
            raise exceptions.from_http_status(refused.code, refused.message) from refused
        if answer.code != 200:
            raise exceptions.from_http_status(answer.code, str(json.loads(answer.body)["error"]["message"]))
        return answer.body


def _plain(value: Any) -> Any:
    """JSON as the service passes it on: a number of protobuf's that is whole is written without a fraction."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
