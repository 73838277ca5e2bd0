"""Contexts, executions and artifacts of a metadata store, and how they hang together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.cloud.aiplatform_v1 import types

from cloud.testing.vertex.names import place_of
from cloud.testing.vertex.store import Collection, Store

ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"


class Lineage:
    """What the service of metadata and that of pipelines share."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.stores = Collection(store, "metadataStores", types.MetadataStore, ID)
        self.contexts = Collection(store, "contexts", types.Context, ID)
        self.executions = Collection(store, "executions", types.Execution, ID, self._contexts_of, ("in_context",))
        self.artifacts = Collection(store, "artifacts", types.Artifact, ID, self._contexts_of, ("in_context",))
        # For each context the names of the executions and artifacts in it.
        self.members: dict[str, set[str]] = {}
        self.events: list[Any] = []

    def default_store(self, place: str) -> str:
        """The name of the store `default` in a location, made when it is not there."""
        name = f"{place}/metadataStores/default"
        if name not in self.store.resources:
            self.stores.add(place, types.MetadataStore(), "default")
        return name

    def put(self, context: str, names: Iterable[str]) -> None:
        """Puts executions and artifacts into a context."""
        self.members.setdefault(context, set()).update(names)

    def subgraph(self, names: Iterable[str], events: list[Any]) -> Any:
        """The artifacts and executions of these names, with events."""
        found = [self.store.resources[name] for name in sorted(names) if name in self.store.resources]
        artifacts = [each for each in found if isinstance(each, types.Artifact)]
        executions = [each for each in found if isinstance(each, types.Execution)]
        return types.LineageSubgraph(artifacts=artifacts, executions=executions, events=events)

    def record_pipeline(self, job: Any) -> None:
        """Gives a pipeline job what the service gives it: a context of its pipeline and of its run, and the run's
        execution with the parameters."""
        store = self.default_store(place_of(job.name))
        pipeline = str(job.pipeline_spec.get("pipelineInfo", {}).get("name", "")) or job.display_name
        name = f"{store}/contexts/{pipeline}"
        if name not in self.store.resources:
            self._context(store, pipeline, "system.Pipeline")
        identity = job.name.rpartition("/")[2]
        run = self._context(store, identity, "system.PipelineRun")
        run.parent_contexts.append(name)
        parameters = {f"input:{key}": value for key, value in job.runtime_config.parameter_values.items()}
        execution = types.Execution(
            display_name=identity,
            schema_title="system.Run",
            schema_version="0.0.1",
            state=types.Execution.State.RUNNING,
            metadata=parameters,
        )
        self.executions.add(store, execution)
        self.put(run.name, [execution.name])
        job.job_detail = types.PipelineJobDetail(pipeline_context=self.contexts.get(name), pipeline_run_context=run)

    def _context(self, store: str, identity: str, schema: str) -> Any:
        context = types.Context(display_name=identity, schema_title=schema, schema_version="0.0.1")
        return self.contexts.add(store, context, identity)

    def _contexts_of(self, resource: Any) -> dict[str, list[str]]:
        # The function in_context("…") of filters. Clients may name the project by its id.
        found = [context for context, members in self.members.items() if resource.name in members]
        names = self.store.names
        by_id = [name.replace(f"projects/{names.number}/", f"projects/{names.project}/", 1) for name in found]
        return {"in_context": [*found, *by_id]}
