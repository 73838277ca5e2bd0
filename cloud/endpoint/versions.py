"""Versions of the folder that the Pusher fills, as versions in Vertex AI Model Registry."""

from __future__ import annotations

import posixpath
from typing import Any

from cloud.calls import Patience
from cloud.endpoint.options import EndpointOptions
from cloud.endpoint.resource import settle
from cloud.model_registry import PushedVersion, ServingContainer, files_digest, model_id_of, upload
from cloud.pipeline_jobs import Transport
from serving.container import ANSWERS as _ANSWERS
from serving.contract import ModelVersion, UnknownVersionError


def registered(
    version: ModelVersion,
    options: EndpointOptions,
    models: Any,
    transport: Transport,
    patience: Patience,
    loading: Patience,
) -> str:
    """The resource name of a version in Vertex AI Model Registry; it is uploaded when its files are not there yet.

    Args:
      version: a version of the folder of versions.
      options: those of the endpoint.
      models: the client of the registry.
      transport: how Vertex AI is called.
      patience: that of one call.
      loading: how long an earlier upload may still take.

    Raises:
      UnknownVersionError: when the folder has no such version.
      SluiceError: when Vertex AI refuses, or is away.
    """
    folder = posixpath.join(options.versions, version.version)
    files = files_digest(folder) if version.version.isdigit() else ""
    if not files:
        raise UnknownVersionError(f"there is no version {version.version} in {options.versions}")
    model = model_id_of(version.model, options.environment)
    name = f"{options.place.parent}/models/{model}"
    # An upload that was begun before this process makes a version that must be found, not made twice.
    settle(models, name, f"the model {model} is being changed", options.place, loading)
    pushed = PushedVersion(
        workload=version.model,
        environment=options.environment,
        number=version.version,
        deployment=f"pushed-{version.version}",
        artifact_uri=folder,
        description=f"Rolled out from {folder}",
        container=ServingContainer(
            options.serving_image, variables={_ANSWERS: options.answers} if options.answers else {}
        ),
        labels=options.more_labels,
        encryption_key=options.encryption_key,
        files=files,
        is_candidate=True,
    )
    return upload(pushed, options.project, options.region, transport, patience)
