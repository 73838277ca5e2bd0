"""One task of a pipeline job: a container, an importer or a resolver, with cache, retries and outputs."""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec

from cloud.testing.filters import parse_filter
from cloud.testing.processes import Container, ForkServer, Started, StoppedError
from cloud.testing.rehearsal.compiled import Compiled
from cloud.testing.rehearsal.failures import reason
from cloud.testing.rehearsal.ledger import Ledger, State, folder_of, pipeline_of
from cloud.testing.rehearsal.values import (
    SpecificationError,
    Values,
    executor_input,
    filled,
    metadata_of,
    plain,
    title_of,
)
from cloud.testing.storage.objects import ObjectStore
from cloud.testing.vertex.names import last


class TaskError(Exception):
    """A task failed; the message is the reason."""


@dataclass(frozen=True)
class Settings:
    """How containers are run here. `beam_arguments` stand after those of the job, over which they win; waits between
    attempts are multiplied by `wait_factor`; `work` and `logs` are folders."""

    work: Path
    logs: Path
    project_number: str
    beam_arguments: Sequence[str] = ()
    wait_factor: float = 0.01


class TaskRunner:
    """Runs tasks, one after the other. `stopped` ends what is under way."""

    def __init__(self, server: ForkServer, files: ObjectStore, settings: Settings, job: types.PipelineJob) -> None:
        self._server = server
        self._files = files
        self._settings = settings
        self._job = job
        self._logs = settings.logs / last(job.name)
        self._stopped = threading.Event()
        self._process: Started | None = None
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Ends the container that is under way; no other is started."""
        with self._lock:
            self._stopped.set()
            if self._process is not None:
                self._process.stop()

    def with_facts(self, text: str, job: types.PipelineJob) -> str:
        """A constant with the placeholders that name the job; others stay."""
        for name, value in _facts(job).items():
            text = text.replace(f"{{{{$.{name}}}}}", value)
        return text

    def run(
        self,
        ledger: Ledger,
        detail: types.PipelineTaskDetail,
        task: spec.PipelineTaskSpec,
        specification: Compiled,
        inputs: Values,
    ) -> tuple[Any, Values]:
        """Runs a task; its state and what it leaves.

        Raises:
            TaskError: it failed at every attempt.
            SpecificationError: it cannot be run.
            StoppedError: it was stopped.
        """
        if self._stopped.is_set():
            raise StoppedError
        if task.WhichOneof("iterator") is not None:
            raise SpecificationError("it is a loop, which is not modelled here.")
        component = specification.component(task)
        executor = specification.executor(component)
        kind = executor.WhichOneof("spec")
        if kind == "importer":
            ledger.begin(detail, "system.ImporterExecution", inputs)
            return State.SUCCEEDED, self._imported(ledger, component, executor.importer, inputs)
        if kind == "resolver":
            ledger.begin(detail, "system.ResolverExecution", inputs)
            return State.SUCCEEDED, self._resolved(ledger, component, executor.resolver, inputs)
        if kind != "container":
            raise SpecificationError(f"an executor of the kind {kind} is not modelled here.")
        return self._contained(ledger, detail, task, component, executor.container, inputs)

    def _imported(
        self,
        ledger: Ledger,
        component: spec.ComponentSpec,
        importer: spec.PipelineDeploymentConfig.ImporterSpec,
        inputs: Values,
    ) -> Values:
        """An artifact that is there already; the same one again unless the importer imports anew."""
        source = importer.artifact_uri
        named = source.WhichOneof("value") == "runtime_parameter"
        uri = inputs.parameters[source.runtime_parameter] if named else json_format.MessageToDict(source.constant)
        if source.WhichOneof("value") == "constant_value":
            uri = plain(source.constant_value)
        uri = filled(str(uri), executor_input(component, inputs, {}, ""), _facts(self._job))
        title = title_of(importer.type_schema)
        metadata = json_format.MessageToDict(importer.metadata)
        metadata |= {key: plain(each.constant_value) for key, each in importer.properties.items()}
        metadata |= {key: plain(each.constant_value) for key, each in importer.custom_properties.items()}
        same = parse_filter(f'schema_title="{title}" AND uri="{uri}" AND state=LIVE')
        found = [] if importer.reimport else list(ledger.find(same))
        made = found[0] if found else ledger.artifact(title, uri, metadata, "LIVE")
        return Values(dict.fromkeys(component.output_definitions.artifacts, (made,)))

    def _resolved(
        self,
        ledger: Ledger,
        component: spec.ComponentSpec,
        resolver: spec.PipelineDeploymentConfig.ResolverSpec,
        inputs: Values,
    ) -> Values:
        """The newest artifacts that each query finds; none where an input that it names is empty."""
        document = executor_input(component, inputs, {}, "")
        found: dict[str, tuple[types.Artifact, ...]] = {}
        for key, query in resolver.output_artifact_queries.items():
            try:
                is_wanted = parse_filter(filled(query.filter, document, _facts(self._job)))
            except SpecificationError:
                if any(inputs.artifacts.values()):
                    raise
                found[key] = ()
            else:
                found[key] = tuple(ledger.find(is_wanted))[: query.limit or 1]
        return Values(found)

    def _contained(
        self,
        ledger: Ledger,
        detail: types.PipelineTaskDetail,
        task: spec.PipelineTaskSpec,
        component: spec.ComponentSpec,
        container: spec.PipelineDeploymentConfig.PipelineContainerSpec,
        inputs: Values,
    ) -> tuple[Any, Values]:
        folder = folder_of(self._job, detail, self._settings.project_number)
        ledger.begin(detail, "system.ContainerExecution", inputs)
        outputs = {
            key: (ledger.artifact(title_of(each.artifact_type), f"{folder}/{key}", {}),)
            for key, each in component.output_definitions.artifacts.items()
        }
        document = executor_input(component, inputs, outputs, folder)
        driver = container.lifecycle.pre_cache_check
        if driver.command:
            self._execute(detail.task_name, [*driver.command, *driver.args], container, document, ".driver")
            driven = self._output(folder)
            changed = {key: json_format.MessageToDict(each) for key, each in driven.parameter_values.items()}
            changed |= {key: plain(each) for key, each in driven.parameters.items()}
            inputs = Values(inputs.artifacts, {**inputs.parameters, **changed})
            for key, each in driven.artifacts.items():
                for one in document["outputs"]["artifacts"][key]["artifacts"]:
                    one["metadata"] = json_format.MessageToDict(each.artifacts[0].metadata)
        if task.caching_options.enable_cache:
            fingerprint = _fingerprint(component, container, inputs)
            earlier = ledger.earlier(pipeline_of(self._job), fingerprint)
            if earlier is not None:
                return State.SKIPPED, earlier
            ledger.begin(detail, "system.ContainerExecution", inputs, fingerprint)
        self._attempts(ledger, detail, task.retry_policy, container, document)
        return State.SUCCEEDED, self._left(ledger, outputs, self._output(folder))

    def _attempts(
        self,
        ledger: Ledger,
        detail: types.PipelineTaskDetail,
        policy: spec.PipelineTaskSpec.RetryPolicy,
        container: spec.PipelineDeploymentConfig.PipelineContainerSpec,
        document: Mapping[str, Any],
    ) -> None:
        command = [*container.command, *self._with_local_beam(container.args)]
        for attempt in range(policy.max_retry_count + 1):
            try:
                self._execute(detail.task_name, command, container, document, f".{attempt + 1}" if attempt else "")
                return
            except TaskError as failure:
                if attempt == policy.max_retry_count:
                    raise
                ledger.note(detail, str(failure))
                self._stopped.wait(_wait(policy, attempt) * self._settings.wait_factor)

    def _execute(
        self,
        name: str,
        command: Sequence[str],
        container: spec.PipelineDeploymentConfig.PipelineContainerSpec,
        document: Mapping[str, Any],
        attempt: str,
    ) -> None:
        """Runs a container's command to its end."""
        facts = {**_facts(self._job), "pipeline_task_name": name}
        words = [filled(word, document, facts) for word in command]
        environment = {each.name: each.value for each in container.env}
        self._logs.mkdir(parents=True, exist_ok=True)
        self._settings.work.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}{attempt}.log"
        log.write_bytes(b"")
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=self._settings.work) as folder:
            status = self._wait_for(
                Container(words, Path(folder), log, {**environment, "HOME": folder}, _modules(words))
            )
            stray = [each.name for each in Path(folder).iterdir() if each.name == "gs:"]
        if status:
            raise TaskError(reason(log, status))
        if stray:
            raise TaskError(f"{name} wrote a local folder named `gs:`: a path of the bucket taken for a local one.")

    def _wait_for(self, container: Container) -> int:
        with self._lock:
            if self._stopped.is_set():
                raise StoppedError
            self._process = self._server.start(container)
        status = self._process.wait()
        with self._lock:
            self._process = None
        if self._stopped.is_set():
            raise StoppedError
        return status

    def _output(self, folder: str) -> spec.ExecutorOutput:
        bucket, _, name = f"{folder}/executor_output.json".removeprefix("gs://").partition("/")
        try:
            _, data = self._files.read(bucket, name)
        except exceptions.NotFound:
            return spec.ExecutorOutput()
        return json_format.Parse(data, spec.ExecutorOutput(), ignore_unknown_fields=True)

    def _left(
        self, ledger: Ledger, outputs: Mapping[str, tuple[types.Artifact, ...]], made: spec.ExecutorOutput
    ) -> Values:
        """The outputs as the container's output file describes them."""
        artifacts = {}
        for key, each in outputs.items():
            listed = made.artifacts[key].artifacts if key in made.artifacts else []
            uri = listed[0].uri if listed and listed[0].uri else each[0].uri
            if not uri.startswith("gs://"):
                raise TaskError(f"the output `{key}` lies at {uri}, which is not in a bucket: other machines lack it.")
            metadata = json_format.MessageToDict(listed[0].metadata) if listed else metadata_of(each[0])
            artifacts[key] = (ledger.keep(each[0], uri, metadata),)
        parameters = {key: json_format.MessageToDict(each) for key, each in made.parameter_values.items()}
        return Values(artifacts, parameters | {key: plain(each) for key, each in made.parameters.items()})

    def _with_local_beam(self, arguments: Sequence[str]) -> list[str]:
        return [*arguments, *(self._settings.beam_arguments if "{{$}}" in arguments else ())]


def _facts(job: types.PipelineJob) -> dict[str, str]:
    return {
        "pipeline_job_name": last(job.name),
        "pipeline_job_resource_name": job.name,
        "pipeline_job_uuid": last(job.job_detail.pipeline_run_context.name),
        "pipeline_root": job.runtime_config.gcs_output_directory,
    }


def _fingerprint(component: spec.ComponentSpec, container: Any, inputs: Values) -> str:
    """What decides whether an earlier result can be taken: the component, its container and what goes in."""
    given = {
        "component": json_format.MessageToDict(component),
        "container": json_format.MessageToDict(container),
        "artifacts": {key: [one.name for one in each] for key, each in inputs.artifacts.items()},
        "parameters": dict(inputs.parameters),
    }
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:63]


def _wait(policy: spec.PipelineTaskSpec.RetryPolicy, attempt: int) -> float:
    first = policy.backoff_duration.ToTimedelta().total_seconds()
    longest = policy.backoff_max_duration.ToTimedelta().total_seconds() or 3600.0
    return float(min(first * (policy.backoff_factor or 2.0) ** attempt, longest))


def _modules(words: Sequence[str]) -> list[str]:
    """The module of a TFX executor, which later containers may need as well."""
    flag = "--executor_class_path"
    return [words[words.index(flag) + 1].rpartition(".")[0]] if flag in words[:-1] else []
