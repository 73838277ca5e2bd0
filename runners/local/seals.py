"""Seals on the artifacts of a machine: a component is not reused when what it made is not what it was then.

TFX reuses an execution while its outputs' folders exist. A file in them may have been exchanged since, and so may a
property in the metadata store, such as the answer of a gate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.types import Artifact

from pipeline.artifacts.blessings import RegisteredModel
from pipeline.artifacts.contents import content_of
from pipeline.artifacts.registered import is_altered

Outputs = Mapping[str, Sequence[Artifact]]
_SEAL = "sealed"
_OUTPUT = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.DECLARED_OUTPUT)


def seal(store: MetadataStore, outputs: Outputs, root: str) -> None:
    """Notes on each artifact that an execution has just made what is in its files and in its properties."""
    made = _inside(outputs, root)
    for artifact in made:
        artifact.set_string_custom_property(_SEAL, _seal_of(artifact.mlmd_artifact))
    if made:
        store.put_artifacts([artifact.mlmd_artifact for artifact in made])


def first_altered(outputs: Outputs, root: str) -> str:
    """The first of these artifacts that is not what it was when it was made, in a few words; empty when none is.

    One outside of `root` is not ours alone: a pushed version has a marker of its own, a registered one its hashes.
    """
    for artifact in _inside(outputs, root):
        if artifact.get_string_custom_property(_SEAL) != _seal_of(artifact.mlmd_artifact):
            return f"{artifact.uri.removeprefix(root).lstrip('/')} is not what it was when it was made"
    for artifact in (each for given in outputs.values() for each in given if isinstance(each, RegisteredModel)):
        if is_altered(artifact):
            return f"{artifact.uri} is not what was registered"
    return ""


def retire(store: MetadataStore, outputs: Outputs, kind: int) -> None:
    """Marks the executions of this type that give these artifacts as failed, so that none of them is reused again."""
    events = store.get_events_by_artifact_ids([each.id for given in outputs.values() for each in given])
    identities = {event.execution_id for event in events if event.type in _OUTPUT}
    executions = [each for each in store.get_executions_by_id(sorted(identities)) if each.type_id == kind]
    for execution in executions:
        execution.last_known_state = metadata_store_pb2.Execution.FAILED
    store.put_executions(executions)


def _inside(outputs: Outputs, root: str) -> list[Artifact]:
    return [each for given in outputs.values() for each in given if each.uri.startswith(root.rstrip("/") + "/")]


def _seal_of(artifact: metadata_store_pb2.Artifact) -> str:
    digest = hashlib.sha256(content_of(artifact.uri).encode())
    for properties in (artifact.properties, artifact.custom_properties):
        for name in sorted(set(properties) - {_SEAL}):
            digest.update(f"\0{name}\0".encode() + properties[name].SerializeToString(deterministic=True))
    return digest.hexdigest()
