"""Seals on the artifacts of a machine: a component is not reused when what it made is not what it was then.

TFX reuses an execution while its outputs' folders exist. A file in them may have been exchanged since, and so may a
property in the metadata store, such as the answer of a gate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.metadata import Metadata
from tfx.orchestration.portable import cache_utils
from tfx.orchestration.portable.launcher import Launcher
from tfx.types import Artifact, Property
from tfx.types.standard_artifacts import PushedModel
from tfx.utils.typing_utils import ArtifactMultiMap

from pipeline.artifacts.blessings import NewestVersion, RegisteredModel
from pipeline.artifacts.contents import content_of
from pipeline.artifacts.registered import is_altered

Outputs = Mapping[str, Sequence[Artifact]]
_SEAL = "sealed"
_ELSEWHERE = (PushedModel, NewestVersion, RegisteredModel)  # where there is one, it is outside of the root
_OUTPUT = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.DECLARED_OUTPUT)


def seal(store: MetadataStore, outputs: Outputs, root: str) -> None:
    """Notes on each artifact that an execution has just made what is in its files and in its properties."""
    made = [each for each in _all(outputs) if _is_inside(each, root)]
    for artifact in made:
        artifact.set_string_custom_property(_SEAL, _seal_of(artifact.mlmd_artifact))
    if made:
        store.put_artifacts([artifact.mlmd_artifact for artifact in made])


class SealedLauncher(Launcher):
    """TFX's launcher, for which an execution with an output that was altered is none to reuse."""

    altered = ""
    """What was found altered last, in a few words; empty when nothing was."""

    def _register_or_reuse_execution(
        self,
        metadata_handle: Metadata,
        contexts: list[metadata_store_pb2.Context],
        input_artifacts: ArtifactMultiMap | None = None,
        exec_properties: Mapping[str, Property] | None = None,
    ) -> metadata_store_pb2.Execution:
        """As TFX's, which then looks for an execution to reuse. It reuses one execution in each run, so those that must
        not be are marked before it looks."""
        execution = super()._register_or_reuse_execution(metadata_handle, contexts, input_artifacts, exec_properties)
        if input_artifacts is not None and self._pipeline_node.execution_options.caching_options.enable_cache:
            key = cache_utils.get_cache_context(
                metadata_handle=metadata_handle,
                pipeline_node=self._pipeline_node,
                pipeline_info=self._pipeline_info,
                executor_spec=self._executor_spec,
                input_artifacts=input_artifacts,
                output_artifacts=self._output_resolver.generate_output_artifacts(execution.id),
                parameters=exec_properties,
            )
            root = self._pipeline_runtime_spec.pipeline_root.field_value.string_value
            while outputs := cache_utils.get_cached_outputs(metadata_handle, key):
                altered = first_altered(outputs, root)
                if not altered:
                    break
                self.altered = altered
                _retire(metadata_handle.store, outputs, execution.type_id)
        return execution


def first_altered(outputs: Outputs, root: str) -> str:
    """The first of these artifacts that is not what it was when it was made, in a few words; empty when none is.

    A pushed or registered version outside of `root` is not ours alone: the former has a marker of its own, the latter
    its hashes. Others are outside of it when the output folder is a copy, whose metadata name the folders of before.
    """
    for artifact in _all(outputs):
        place, sealed = artifact.uri.removeprefix(root).lstrip("/"), artifact.get_string_custom_property(_SEAL)
        if not sealed:
            if isinstance(artifact, _ELSEWHERE) and not _is_inside(artifact, root):
                continue
            return f"it is not known what {place} was when it was made"
        if sealed != _seal_of(artifact.mlmd_artifact):
            return f"{place} is not what it was when it was made"
    for artifact in _all(outputs):
        if isinstance(artifact, RegisteredModel) and is_altered(artifact):
            return f"{artifact.uri} is not what was registered"
    return ""


def _retire(store: MetadataStore, outputs: Outputs, kind: int) -> None:
    """Marks the executions of this type that give these artifacts as failed, so that none of them is reused again."""
    events = store.get_events_by_artifact_ids([each.id for each in _all(outputs)])
    identities = {event.execution_id for event in events if event.type in _OUTPUT}
    executions = [each for each in store.get_executions_by_id(sorted(identities)) if each.type_id == kind]
    for execution in executions:
        execution.last_known_state = metadata_store_pb2.Execution.FAILED
    store.put_executions(executions)


def _all(outputs: Outputs) -> list[Artifact]:
    return [each for given in outputs.values() for each in given]


def _is_inside(artifact: Artifact, root: str) -> bool:
    return artifact.uri.startswith(root.rstrip("/") + "/")


def _seal_of(artifact: metadata_store_pb2.Artifact) -> str:
    digest = hashlib.sha256(content_of(artifact.uri).encode())
    for properties in (artifact.properties, artifact.custom_properties):
        for name in sorted(set(properties) - {_SEAL}):
            digest.update(f"\0{name}\0".encode() + properties[name].SerializeToString(deterministic=True))
    return digest.hexdigest()
