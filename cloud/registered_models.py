"""A version of our own registry, as Vertex AI Model Registry has it once it is in production."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from typing import Any

from cloud.bucket_folder import BucketFolder
from cloud.endpoint.options import EndpointOptions
from cloud.model_registry import PushedVersion, ServingContainer, files_digest, upload
from core.errors import SluiceError
from registry.contract import RegisteredVersion
from registry.index import MODEL_FOLDER
from registry.version_record import CARD_FILE

GATES_FILE, ENVIRONMENT_FILE = "gates.json", "environment.json"
_SHORT = 12  # characters of a commit


def upload_registered(endpoint: str, version: RegisteredVersion, deployment: str) -> str:
    """Upload a version that has all traffic of an endpoint; `production` and `default` refer to it from then on. A
    second call changes nothing, nor what people changed since.

    Args:
      endpoint: the place of the endpoint, `vertex://…`, with the project, the serving image and the labels.
      version: the version, in a registry in a bucket.
      deployment: its push, e.g. pushed-17.

    Returns:
      the resource name.

    Raises:
      SluiceError: when its files cannot be read, or Vertex AI refuses it.
    """
    options = EndpointOptions.of(endpoint)
    model = posixpath.join(version.location, MODEL_FOLDER)
    files = BucketFolder(version.location)
    gates, environment = _stored(files, GATES_FILE), _stored(files, ENVIRONMENT_FILE)
    is_waived = any(finding.get("waiver") for report in gates for finding in report["findings"])
    pushed = PushedVersion(
        workload=version.model,
        environment=options.environment,
        number=version.version,
        deployment=deployment,
        artifact_uri=model,
        description=description_of(version.reason, version.location),
        container=ServingContainer(options.serving_image),
        labels={**options.more_labels, **evidence_labels(is_waived, environment.get("git_commit"))},
        encryption_key=options.encryption_key,
        files=files_digest(model),
    )
    return upload(pushed, options.project, options.region)


def description_of(reason: str, folder: str) -> str:
    """Why a version has its number, and where its card and the results of its gates lie."""
    card, gates = (posixpath.join(folder, name) for name in (CARD_FILE, GATES_FILE))
    return f"{reason}\nModel card: {card}\nGates: {gates}"


def evidence_labels(is_waived: bool, git_commit: str | None) -> Mapping[str, str]:
    """What the gates found, and of which code."""
    labels = {"sluice_gates": "passed-with-waivers" if is_waived else "passed"}
    if git_commit:
        commit, dash, dirty = git_commit.partition("-")
        labels["sluice_commit"] = f"{commit[:_SHORT]}{dash}{dirty}"
    return labels


def _stored(files: BucketFolder, name: str) -> Any:
    found = files.read(name)
    try:
        return json.loads(found[0] if found else b"")
    except ValueError as problem:
        sentence = f"{files.address}/{name} is not there, or is not what was registered."
        raise SluiceError(sentence, f"See what is there:  gcloud storage ls {files.address}/") from problem
