"""Endpoints and the models that are deployed to them."""

from __future__ import annotations

import re
import threading
from typing import Any

from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types

from cloud.testing.vertex import traffic
from cloud.testing.vertex.model_host import HostedModel
from cloud.testing.vertex.models import Versions
from cloud.testing.vertex.names import last, region_of
from cloud.testing.vertex.service import Backend, Service
from cloud.testing.vertex.store import Collection, now
from cloud.testing.vertex.validation import NOT_SET, invalid_argument

# A name, or a number without leading zeros.
ENDPOINT_ID = r"[a-z]|[a-z][a-z0-9-]{0,61}[a-z0-9]|[1-9][0-9]{0,8}"
DEPLOYED_ID = r"[0-9]{1,10}"
DEDICATED_DOMAIN = "prediction.vertexai.goog"
CHANGEABLE = (
    "display_name",
    "description",
    "traffic_split",
    "labels",
    "predict_request_response_logging_config",
    "client_connection_config",
)
# What mutateDeployedModel may change, by the resources that it stands in.
MUTABLE = (
    "dedicated_resources.min_replica_count",
    "dedicated_resources.max_replica_count",
    "dedicated_resources.required_replica_count",
    "dedicated_resources.autoscaling_metric_specs",
    "automatic_resources.min_replica_count",
    "automatic_resources.max_replica_count",
    "disable_container_logging",
)


class EndpointService(Service):
    """`endpoints`."""

    name = "EndpointService"

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.endpoints = Collection(backend.store, "endpoints", types.Endpoint, ENDPOINT_ID)
        self.versions = Versions(backend)
        self._coming: dict[str, str] = {}  # the operations that load models

    def create_endpoint(self, request: Any) -> Any:
        """An endpoint without models."""
        request.endpoint.traffic_split = traffic.checked(dict(request.endpoint.traffic_split), [])
        made = self.endpoints.add(request.parent, request.endpoint, request.endpoint_id)
        if made.dedicated_endpoint_enabled:
            made.dedicated_endpoint_dns = dedicated_host(made.name)
            self.endpoints.keep(made)
        return self.operations.start(made.name, made, types.CreateEndpointOperationMetadata)

    def get_endpoint(self, request: Any) -> Any:
        """An endpoint."""
        return self.endpoints.get(request.name)

    def list_endpoints(self, request: Any) -> Any:
        """A page of endpoints."""
        return self.endpoints.list(request, types.ListEndpointsResponse)

    def update_endpoint(self, request: Any) -> Any:
        """Changes what the mask names; the traffic split must stay within the rules."""
        endpoint = self.endpoints.get(request.endpoint.name)
        if "traffic_split" in request.update_mask.paths:
            traffic.checked(dict(request.endpoint.traffic_split), _ids(endpoint))
        return self.endpoints.update(request.endpoint, request.update_mask, CHANGEABLE)

    def delete_endpoint(self, request: Any) -> Any:
        """Deletes an endpoint that serves nothing.

        Raises:
            FailedPrecondition: models are deployed to it.
        """
        endpoint = self.endpoints.get(request.name)
        if endpoint.deployed_models:
            raise exceptions.FailedPrecondition(f"The Endpoint {endpoint.name!r} still has deployed Models.")
        self.endpoints.delete(request.name)
        return self.operations.start(endpoint.name, None, types.DeleteOperationMetadata)

    def deploy_model(self, request: Any) -> Any:
        """Deploys a version of a model; traffic goes to it only when the request states it. Where models run, the
        operation lasts until the version answers."""
        endpoint, deployed = self.endpoints.get(request.endpoint), request.deployed_model
        _check_resources(deployed)
        version = self.versions.find(deployed.model)
        self._check_id(endpoint, deployed.id)
        deployed.id = deployed.id or self.store.new_id()
        split = dict(request.traffic_split)
        traffic.after_deploying(dict(endpoint.traffic_split), split, deployed.id, _ids(endpoint))
        deployed.model, deployed.model_version_id, deployed.create_time = version.name, version.version_id, now()
        deployed.display_name = deployed.display_name or version.display_name
        if self.backend.host is None:
            response = self._add(endpoint.name, deployed, split)
            return self.operations.start(endpoint.name, response, types.DeployModelOperationMetadata)
        operation = self.operations.begin(endpoint.name, types.DeployModelOperationMetadata)
        self._coming[_key(endpoint.name, deployed.id)] = operation.name
        arguments = (operation.name, endpoint.name, deployed, split, hosted_model(endpoint.name, deployed, version))
        threading.Thread(target=self._load, args=arguments, daemon=True).start()
        return operation

    def undeploy_model(self, request: Any) -> Any:
        """Takes a model that has no traffic from the endpoint."""
        endpoint = self.endpoints.get(request.endpoint)
        going = _deployed(endpoint, request.deployed_model_id)
        endpoint.traffic_split = traffic.after_undeploying(
            dict(endpoint.traffic_split), dict(request.traffic_split), going.id, _ids(endpoint)
        )
        self._forget(endpoint, going)
        endpoint.deployed_models = [each for each in endpoint.deployed_models if each.id != going.id]
        self.endpoints.keep(endpoint)
        if self.backend.host is not None:
            self.backend.host.stop(_key(endpoint.name, going.id))
        return self.operations.start(endpoint.name, types.UndeployModelResponse(), types.UndeployModelOperationMetadata)

    def mutate_deployed_model(self, request: Any) -> Any:
        """Changes how many replicas a deployed model has.

        Raises:
            InvalidArgument: the mask names anything else.
        """
        endpoint = self.endpoints.get(request.endpoint)
        deployed = _deployed(endpoint, request.deployed_model.id)
        wrong = [path for path in request.update_mask.paths if path not in MUTABLE]
        if wrong:
            raise invalid_argument(
                [("update_mask", f"{path!r} of a deployed model cannot be changed.") for path in wrong]
            )
        Collection(self.store, "", types.DeployedModel).merge(deployed, request.deployed_model, request.update_mask)
        self.endpoints.keep(endpoint)
        response = types.MutateDeployedModelResponse(deployed_model=deployed)
        return self.operations.start(endpoint.name, response, types.MutateDeployedModelOperationMetadata)

    def _check_id(self, endpoint: Any, deployed_id: str) -> None:
        if not deployed_id:
            return
        loading = self._coming.get(_key(endpoint.name, deployed_id), "")
        taken = deployed_id in _ids(endpoint) or self.operations.is_under_way(loading)
        if taken or deployed_id == traffic.NEW_MODEL or not re.fullmatch(DEPLOYED_ID, deployed_id):
            raise invalid_argument([("deployed_model.id", f"{deployed_id!r} is taken or not 1 to 10 digits.")])

    def _load(self, operation: str, endpoint: str, deployed: Any, split: dict[str, int], model: HostedModel) -> None:
        """Starts the model's process and ends the operation; on a thread of its own, which holds the lock only then."""
        host = self.backend.host
        assert host is not None
        key = _key(endpoint, deployed.id)
        try:
            problem = host.start(key, model)
        except Exception as defect:
            problem = f"{type(defect).__name__}: {defect}"
        with self.backend.lock:
            if not self.operations.is_under_way(operation):
                # Cancelled. Another one may load the same model now.
                if self._coming[key] == operation:
                    host.stop(key)
                return
            try:
                if problem:
                    raise exceptions.FailedPrecondition(f"Model server exited unexpectedly: {problem}.")
                self.operations.end(operation, self._add(endpoint, deployed, split))
            except exceptions.GoogleAPICallError as error:
                self.operations.fail(operation, error)
            self.backend.save()

    def _add(self, endpoint_name: str, deployed: Any, split: dict[str, int]) -> Any:
        endpoint, version = self.endpoints.get(endpoint_name), self.versions.find(_version_of(deployed))
        endpoint.traffic_split = traffic.after_deploying(
            dict(endpoint.traffic_split), split, deployed.id, _ids(endpoint)
        )
        endpoint.deployed_models.append(deployed)
        self.endpoints.keep(endpoint)
        version.deployed_models.append(types.DeployedModelRef(endpoint=endpoint.name, deployed_model_id=deployed.id))
        self.versions.keep(version)
        return types.DeployModelResponse(deployed_model=deployed)

    def _forget(self, endpoint: Any, going: Any) -> None:
        version = self.versions.find(_version_of(going))
        version.deployed_models = [
            each
            for each in version.deployed_models
            if (each.endpoint, each.deployed_model_id) != (endpoint.name, going.id)
        ]
        self.versions.keep(version)


def dedicated_host(endpoint: str) -> str:
    """The host of a dedicated endpoint's own."""
    project, region = endpoint.split("/")[1], region_of(endpoint)
    return f"{last(endpoint)}.{region}-{project}.{DEDICATED_DOMAIN}"


def hosted_model(endpoint: str, deployed: Any, version: Any) -> HostedModel:
    """A version as its container is given it: the variables of its specification, and Vertex AI's own."""
    own = {"AIP_ENDPOINT_ID": last(endpoint), "AIP_DEPLOYED_MODEL_ID": deployed.id}
    given = {each.name: each.value for each in version.container_spec.env}
    return HostedModel(version.artifact_uri, {**given, **own})


def _key(endpoint: str, deployed_id: str) -> str:
    return f"{endpoint}/{deployed_id}"


def _version_of(deployed: Any) -> str:
    return f"{deployed.model}@{deployed.model_version_id}"


def _ids(endpoint: Any) -> list[str]:
    return [each.id for each in endpoint.deployed_models]


def _deployed(endpoint: Any, deployed_model_id: str) -> Any:
    for each in endpoint.deployed_models:
        if each.id == deployed_model_id:
            return each
    raise exceptions.NotFound(f"DeployedModel ID(s) [{deployed_model_id}] do not exist at {last(endpoint.name)}.")


def _check_resources(deployed: Any) -> None:
    """A model runs on machines of its own, named by type and number."""
    path = "deployed_model.dedicated_resources"
    if "dedicated_resources" not in deployed:
        raise invalid_argument([(path, NOT_SET)])
    resources = deployed.dedicated_resources
    machine = resources.machine_spec
    if not machine.machine_type:
        raise invalid_argument([(f"{path}.machine_spec.machine_type", NOT_SET)])
    if bool(machine.accelerator_type) != bool(machine.accelerator_count):
        text = "Both accelerator_type and accelerator_count should be specified or none."
        raise invalid_argument([(f"{path}.machine_spec.accelerator_count", text)])
    if resources.min_replica_count < 1:
        raise invalid_argument([(f"{path}.min_replica_count", "It must be at least 1.")])
    if resources.max_replica_count and resources.max_replica_count < resources.min_replica_count:
        raise invalid_argument([(f"{path}.max_replica_count", "It must not be smaller than min_replica_count.")])
