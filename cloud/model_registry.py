"""Uploads a registered version to Vertex AI Model Registry: a model for each workload and environment, a version for
each pushed one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.api_core import exceptions
from google.api_core.operation import Operation
from google.cloud.aiplatform_v1 import types
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
from google.protobuf import field_mask_pb2

from cloud.bucket_folder import BucketFolder
from cloud.calls import PATIENCE, Patience, ended, errors_in_one_sentence, tried
from cloud.pipeline_jobs import ENVIRONMENT_LABEL, WORKLOAD_LABEL, Transport, connected
from cloud.place import Place

LONGEST_ID = 63
_LONGEST_LABEL = 63
PRODUCTION = "production"
VERSION_LABEL, DEPLOYMENT_LABEL = "sluice_version", "sluice_deployment"
# The push whose rollout has uploaded a version: nothing refers to it by `production` yet.
CANDIDATE_LABEL = "sluice_candidate"
FILES_LABEL = "sluice_files"

# What a reference without a version or an alias means.
_DEFAULT = "default"
# Vertex AI copies the files and the image before the upload has ended.
_COPYING = 1800.0


@dataclass(frozen=True)
class ServingContainer:
    """The container that serves a model: its image, where it answers, and its variables. Vertex AI copies the image at
    the upload."""

    image: str
    predict_route: str = "/predict"
    health_route: str = "/healthz"
    port: int = 8080
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PushedVersion:
    """A version that was pushed. A candidate is one that is rolled out at an endpoint: only its number refers to it,
    until it is uploaded as the pushed one."""

    workload: str
    environment: str
    number: str  # in our registry, e.g. 1.0.0
    deployment: str  # the push, e.g. pushed-17
    artifact_uri: str  # the SavedModel, in a folder that no other version has
    description: str
    container: ServingContainer
    labels: Mapping[str, str] = field(default_factory=dict)  # beside those of workload, environment, number and push
    encryption_key: str | None = None
    files: str = ""  # `files_digest` of the SavedModel: the same files in another folder are the same version
    is_candidate: bool = False

    @property
    def model_id(self) -> str:
        """The id of the model whose version it becomes."""
        return model_id_of(self.workload, self.environment)

    @property
    def alias(self) -> str:
        """Its number as an alias: v1-0-0."""
        return f"v{_dashed(self.number)}"

    @property
    def aliases(self) -> list[str]:
        """What refers to it once it is uploaded."""
        return [self.alias] if self.is_candidate else [_DEFAULT, PRODUCTION, self.alias]

    @property
    def all_labels(self) -> dict[str, str]:
        """Every label of the version."""
        return {
            **self.labels,
            WORKLOAD_LABEL: self.workload,
            ENVIRONMENT_LABEL: self.environment,
            VERSION_LABEL: _dashed(self.number),
            **({FILES_LABEL: self.files} if self.files else {}),
            CANDIDATE_LABEL if self.is_candidate else DEPLOYMENT_LABEL: self.deployment,
        }

    def is_in(self, version: types.Model) -> bool:
        """Whether `version` is made of the same files and served by the same image, with these variables at least.
        Files in another folder make the same version of a candidate, and of the push that follows it, also when that is
        uploaded again; other pushes of equal files are versions apart."""
        if version.container_spec.image_uri != self.container.image:
            return False
        variables = {each.name: each.value for each in version.container_spec.env}
        if any(variables.get(name) != value for name, value in self.container.variables.items()):
            return False
        is_address = version.artifact_uri.rstrip("/") == self.artifact_uri.rstrip("/")
        if not self.files or FILES_LABEL not in version.labels:
            return is_address
        are_files = version.labels[FILES_LABEL] == self.files
        is_its_push = version.labels.get(DEPLOYMENT_LABEL, self.deployment) == self.deployment
        return are_files and (is_address or self.is_candidate or is_its_push)

    def is_noted_in(self, version: types.Model) -> bool:
        """Whether this push has been recorded in `version`, or, for a candidate, need not be."""
        noted = [version.labels.get(DEPLOYMENT_LABEL)]
        if self.is_candidate:
            noted.append(version.labels.get(CANDIDATE_LABEL))
        return self.deployment in noted


def model_id_of(workload: str, environment: str) -> str:
    """The id of a workload's model in an environment; environments may share a project."""
    return f"sluice-{workload}-{environment}"


def files_digest(folder: str) -> str:
    """A hash of the names and the checksums of all objects below a folder of a bucket; empty when there are none.

    Raises:
      SluiceError: when the bucket cannot be used.
    """
    checksums = BucketFolder(folder).checksums()
    listed = "".join(f"{name}\0{each}\n" for name, each in sorted(checksums.items()))
    return hashlib.sha256(listed.encode()).hexdigest()[:_LONGEST_LABEL] if checksums else ""


def upload(
    pushed: PushedVersion,
    project: str,
    region: str,
    transport: Transport = "grpc",
    patience: Patience = PATIENCE,
) -> str:
    """Upload a version and let `production`, its number and Vertex AI's own `default` refer to it.

    A version that is there already, by its files and its image, is not uploaded again; its aliases move to it when this
    push has not been recorded yet. So a retry changes nothing, nor what people changed since.

    Args:
      pushed: the version.
      project: the project of the registry.
      region: its region.
      transport: how Vertex AI is called.
      patience: how long an outage is sat out; copying may take half an hour beside it.

    Returns:
      the resource name: `projects/NUMBER/locations/REGION/models/MODEL@VERSION`.

    Raises:
      SluiceError: when Vertex AI refuses it, or is still away in the end.
    """
    place = Place(project, region)
    cannot = f"version {pushed.number} of {pushed.workload} cannot be uploaded to Vertex AI Model Registry"
    with errors_in_one_sentence(cannot, place):
        client = connected(ModelServiceClient, place, transport)
    registry = _Registry(client, place, patience)
    # Each try looks first: the answer to the one before may have been lost on its way.
    found = tried(lambda: registry.found_or_begun(pushed), cannot, place, patience)
    if isinstance(found, Operation):
        ended(found, cannot, place, Patience(patience.one_try, patience.first_wait, patience.longest_wait, _COPYING))
        made = found.result()
        return _versioned(made.model, made.model_version_id)
    tried(lambda: registry.refer_to(found, pushed), cannot, place, patience)
    return _versioned(found.name, found.version_id)


class _Registry:
    def __init__(self, client: Any, place: Place, patience: Patience) -> None:
        self._client = client
        self._place = place
        self._options = {"timeout": patience.one_try, "retry": None}

    def found_or_begun(self, pushed: PushedVersion) -> types.Model | Operation:
        """The version when it is there, else the operation that uploads it."""
        name = f"{self._place.parent}/models/{pushed.model_id}"
        versions = self._versions(name)
        if found := next((each for each in versions if pushed.is_in(each)), None):
            return found
        request = types.UploadModelRequest(parent=self._place.parent, model=_message(pushed))
        if versions:
            request.parent_model = name
        else:
            request.model_id = pushed.model_id
        try:
            return self._client.upload_model(request, **self._options)
        except exceptions.Conflict as problem:
            # Another upload has made the model meanwhile; the next try finds it.
            raise exceptions.ServiceUnavailable(f"{pushed.model_id} is being made by another upload") from problem

    def refer_to(self, version: types.Model, pushed: PushedVersion) -> None:
        """Moves the aliases and records the push; the label comes last, so that half the work is done again."""
        if pushed.is_noted_in(version):
            return
        name = _versioned(version.name, version.version_id)
        request = types.MergeVersionAliasesRequest(name=name, version_aliases=pushed.aliases)
        self._client.merge_version_aliases(request, **self._options)
        labels = {**version.labels, **pushed.all_labels}
        changed = types.Model(name=name, display_name=version.display_name, labels=labels)
        mask = field_mask_pb2.FieldMask(paths=["labels"])
        if DEPLOYMENT_LABEL not in version.labels and not pushed.is_candidate:
            # Until now it was a candidate, without the words on its card and its gates.
            changed.version_description = pushed.description
            mask.paths.append("version_description")
        self._client.update_model(types.UpdateModelRequest(model=changed, update_mask=mask), **self._options)

    def _versions(self, name: str) -> list[types.Model]:
        try:
            return list(self._client.list_model_versions(types.ListModelVersionsRequest(name=name), **self._options))
        except exceptions.NotFound:
            return []


def _message(pushed: PushedVersion) -> types.Model:
    container = pushed.container
    model = types.Model(
        display_name=pushed.model_id,
        description=f"{pushed.workload}, as Sluice pushes it in {pushed.environment}.",
        version_description=pushed.description,
        version_aliases=pushed.aliases,
        artifact_uri=pushed.artifact_uri,
        labels=pushed.all_labels,
        container_spec=types.ModelContainerSpec(
            image_uri=container.image,
            predict_route=container.predict_route,
            health_route=container.health_route,
            ports=[types.Port(container_port=container.port)],
            env=[types.EnvVar(name=name, value=value) for name, value in container.variables.items()],
        ),
    )
    if pushed.encryption_key:
        model.encryption_spec = types.EncryptionSpec(kms_key_name=pushed.encryption_key)
    return model


def _versioned(name: str, version: str) -> str:
    return f"{name.partition('@')[0]}@{version}"


def _dashed(number: str) -> str:
    return number.replace(".", "-")
