"""ML Metadata as Vertex AI keeps it: contexts, executions, artifacts, and how they hang together."""

from __future__ import annotations

from typing import Any

from google.cloud.aiplatform_v1 import types

from cloud.testing.vertex.lineage import ID
from cloud.testing.vertex.service import Backend, Service
from cloud.testing.vertex.store import Collection, now


class MetadataService(Service):
    """`metadataStores`, and below them `contexts`, `executions` and `artifacts`."""

    name = "MetadataService"

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.lineage = backend.lineage
        self.stores = self.lineage.stores
        self.contexts = self.lineage.contexts
        self.executions = self.lineage.executions
        self.artifacts = self.lineage.artifacts
        self.schemas = Collection(backend.store, "metadataSchemas", types.MetadataSchema, ID)

    def create_metadata_store(self, request: Any) -> Any:
        """A store; `default` is the one that clients use."""
        made = self.stores.add(request.parent, request.metadata_store, request.metadata_store_id)
        return self.operations.start(made.name, made, types.CreateMetadataStoreOperationMetadata)

    def get_metadata_store(self, request: Any) -> Any:
        """A store."""
        return self.stores.get(request.name)

    def list_metadata_stores(self, request: Any) -> Any:
        """A page of stores."""
        return self.stores.list(request, types.ListMetadataStoresResponse)

    def create_context(self, request: Any) -> Any:
        """A context."""
        self.stores.get(request.parent)
        return self.contexts.add(request.parent, request.context, request.context_id)

    def get_context(self, request: Any) -> Any:
        """A context."""
        return self.contexts.get(request.name)

    def list_contexts(self, request: Any) -> Any:
        """A page of contexts."""
        return self.contexts.list(request, types.ListContextsResponse)

    def update_context(self, request: Any) -> Any:
        """Changes what the mask names; without a mask, everything."""
        return _update(self.contexts, request.context, request)

    def delete_context(self, request: Any) -> Any:
        """Deletes a context."""
        found = self.contexts.delete(request.name)
        return self.operations.start(found.name, None, types.DeleteOperationMetadata)

    def add_context_children(self, request: Any) -> Any:
        """Makes contexts children of another."""
        parent = self.contexts.get(request.context)
        for name in request.child_contexts:
            child = self.contexts.get(name)
            # Without a new etag, for the client goes on with the one that it has.
            if parent.name not in child.parent_contexts:
                child.parent_contexts.append(parent.name)
        return types.AddContextChildrenResponse()

    def add_context_artifacts_and_executions(self, request: Any) -> Any:
        """Puts artifacts and executions into a context."""
        context = self.contexts.get(request.context)
        found = [*map(self.artifacts.get, request.artifacts), *map(self.executions.get, request.executions)]
        self.lineage.put(context.name, [each.name for each in found])
        return types.AddContextArtifactsAndExecutionsResponse()

    def query_context_lineage_subgraph(self, request: Any) -> Any:
        """What is in a context, with the events between it."""
        members = self.lineage.members.get(self.contexts.get(request.context).name, set())
        events = [event for event in self.lineage.events if event.execution in members]
        return self.lineage.subgraph(members, events)

    def create_execution(self, request: Any) -> Any:
        """An execution."""
        self.stores.get(request.parent)
        return self.executions.add(request.parent, request.execution, request.execution_id)

    def get_execution(self, request: Any) -> Any:
        """An execution."""
        return self.executions.get(request.name)

    def list_executions(self, request: Any) -> Any:
        """A page of executions."""
        return self.executions.list(request, types.ListExecutionsResponse)

    def update_execution(self, request: Any) -> Any:
        """Changes what the mask names; without a mask, everything."""
        return _update(self.executions, request.execution, request)

    def add_execution_events(self, request: Any) -> Any:
        """Notes which artifacts an execution has read and made."""
        execution = self.executions.get(request.execution)
        for event in request.events:
            event.artifact = self.artifacts.get(event.artifact).name
            event.execution = execution.name
            event.event_time = now()
            self.lineage.events.append(event)
        return types.AddExecutionEventsResponse()

    def query_execution_inputs_and_outputs(self, request: Any) -> Any:
        """The artifacts of an execution, with the events."""
        name = self.executions.get(request.execution).name
        events = [event for event in self.lineage.events if event.execution == name]
        return self.lineage.subgraph({name, *(event.artifact for event in events)}, events)

    def create_artifact(self, request: Any) -> Any:
        """An artifact."""
        self.stores.get(request.parent)
        return self.artifacts.add(request.parent, request.artifact, request.artifact_id)

    def get_artifact(self, request: Any) -> Any:
        """An artifact."""
        return self.artifacts.get(request.name)

    def list_artifacts(self, request: Any) -> Any:
        """A page of artifacts."""
        return self.artifacts.list(request, types.ListArtifactsResponse)

    def update_artifact(self, request: Any) -> Any:
        """Changes what the mask names; without a mask, everything."""
        return _update(self.artifacts, request.artifact, request)

    def delete_artifact(self, request: Any) -> Any:
        """Deletes an artifact."""
        found = self.artifacts.delete(request.name)
        return self.operations.start(found.name, None, types.DeleteOperationMetadata)

    def create_metadata_schema(self, request: Any) -> Any:
        """A schema of artifacts, executions or contexts."""
        return self.schemas.add(request.parent, request.metadata_schema, request.metadata_schema_id)

    def list_metadata_schemas(self, request: Any) -> Any:
        """A page of schemas."""
        return self.schemas.list(request, types.ListMetadataSchemasResponse)


def _update(collection: Collection, changed: Any, request: Any) -> Any:
    if not request.update_mask.paths:
        request.update_mask = {"paths": ["*"]}
    return collection.update(changed, request.update_mask)
