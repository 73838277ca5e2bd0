"""The messages of the API for an endpoint and a deployed model, and back: pure, without a call."""

from __future__ import annotations

from typing import Any

from google.cloud.aiplatform_v1 import types

from cloud.endpoint.options import EndpointOptions
from cloud.endpoint.split_label import split_of
from cloud.pipeline_jobs import ENVIRONMENT_LABEL, WORKLOAD_LABEL
from serving.contract import DeployedModel, EndpointState, IdTakenError, ModelVersion

PREVIOUS_LABEL = "sluice_previous"
_METRICS = "aiplatform.googleapis.com/prediction/online"


def endpoint_message(endpoint_id: str, workload: str, options: EndpointOptions, is_logged: bool) -> Any:
    """A new endpoint: public ones are dedicated, with a network of their own."""
    private = [each for each in options.private_projects.split(",") if each]
    labels = {**options.more_labels, WORKLOAD_LABEL: workload, ENVIRONMENT_LABEL: options.environment}
    made = types.Endpoint(display_name=endpoint_id, labels=labels, dedicated_endpoint_enabled=not private)
    if private:
        made.private_service_connect_config = types.PrivateServiceConnectConfig(
            enable_private_service_connect=True, project_allowlist=private
        )
    if options.encryption_key:
        made.encryption_spec = types.EncryptionSpec(kms_key_name=options.encryption_key)
    if options.log_table and is_logged:
        made.predict_request_response_logging_config = types.PredictRequestResponseLoggingConfig(
            enabled=True,
            sampling_rate=options.log_share,
            bigquery_destination=types.BigQueryDestination(output_uri=options.log_table),
        )
    return made


def deployed_message(version: ModelVersion, registered: str, options: EndpointOptions, is_copy: bool) -> Any:
    """A version on machines of its own; of a copy that only golden requests reach, one machine."""
    machine = types.MachineSpec(machine_type=options.machine_type)
    targets = {"cpu/utilization": options.cpu_target}
    if options.accelerator_type:
        machine.accelerator_type = types.AcceleratorType[options.accelerator_type]
        machine.accelerator_count = options.accelerator_count
        targets["accelerator/duty_cycle"] = options.accelerator_target
    resources = types.DedicatedResources(
        machine_spec=machine,
        min_replica_count=1 if is_copy else options.min_replicas,
        max_replica_count=1 if is_copy else options.max_replicas,
        autoscaling_metric_specs=[
            types.AutoscalingMetricSpec(metric_name=f"{_METRICS}/{name}", target=target)
            for name, target in targets.items()
        ],
        spot=options.spot,
    )
    return types.DeployedModel(
        id=version.deployed_id,
        model=registered,
        # A deployed model has no labels, and Vertex AI numbers versions by itself.
        display_name=title_of(version),
        dedicated_resources=resources,
        service_account=options.service_account or "",
    )


def title_of(version: ModelVersion) -> str:
    """How a version is called at the endpoint: `taxi@17`."""
    return f"{version.model}@{version.version}"


def state_of(endpoint: Any) -> EndpointState:
    """What is deployed, oldest first, and who gets which share."""
    deployed = sorted(
        endpoint.deployed_models, key=lambda each: each.create_time.timestamp() if each.create_time else 0
    )
    return EndpointState(
        endpoint=endpoint.display_name,
        etag=endpoint.etag,
        deployed=tuple(deployed_of(each) for each in deployed),
        traffic={deployed_id: share for deployed_id, share in endpoint.traffic_split.items() if share},
        previous=split_of(endpoint.labels.get(PREVIOUS_LABEL, "")),
    )


def deployed_of(message: Any) -> DeployedModel:
    """Vertex AI lists a model once it answers. One that was deployed by hand has its own name and number."""
    model, mark, version = message.display_name.rpartition("@")
    if not mark:
        model, version = message.display_name, message.model_version_id
    return DeployedModel(message.id, model, version, ready=True)


def check_same(found: DeployedModel, version: ModelVersion, endpoint: str) -> None:
    """Does nothing when the id stands for this version.

    Raises:
      IdTakenError: when another version has it.
    """
    if (found.model, found.version) != (version.model, version.version):
        raise IdTakenError(
            f"`{version.deployed_id}` is version {found.version} of {found.model} at `{endpoint}`, not version "
            f"{version.version} of {version.model}"
        )
