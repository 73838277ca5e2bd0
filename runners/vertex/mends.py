"""Mends the job that TFX 1.16 compiles for Vertex AI, as JSON: what it gets wrong, and what it never sets.

The first two functions mend defects, and leave a job that TFX has compiled correctly as it is; the others set fields of
the specification for which TFX has no argument. Each works in place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.config.environment import RetryConfig, TaskConfig

Spec = dict[str, Any]
_CONDITION_ARTIFACT = re.compile(r"inputs\.artifacts\['([^']+)'\]")
_GIB_IN_GB = 1024**3 / 1000**3  # the specification counts in GB
ENTRY_POINT = "runners.vertex.container"
_INPUTS_FLAG = "--json_serialized_inputs_spec_args"


def dags_of(spec: Spec) -> Iterator[Spec]:
    """The graphs of tasks of a specification: with an exit handler TFX puts the pipeline's into a component."""
    for component in (spec["root"], *spec.get("components", {}).values()):
        if "dag" in component:
            yield component["dag"]


def tasks_of(spec: Spec) -> dict[str, Spec]:
    """Every task by its name."""
    return {name: task for dag in dags_of(spec) for name, task in dag.get("tasks", {}).items()}


def mend_conditions(spec: Spec) -> None:
    """`Cond` on a channel that the task also takes as an input: TFX names the input in the condition as it would name
    one that is taken for the condition alone, `_Producer.key`. (tfx/types/channel.py sets that name beforehand, so that
    channel_utils.encode_placeholder_with_channels never sets the right one.)"""
    for task in tasks_of(spec).values():
        inputs = task.get("inputs", {}).get("artifacts", {})
        named = {_implicit_name(source): name for name, source in inputs.items()}

        def right(found: re.Match[str], inputs: Mapping[str, Any] = inputs, named: Mapping[str, str] = named) -> str:
            key = found[1]
            return f"inputs.artifacts['{key if key in inputs else named.get(key, key)}']"

        policy = task.get("triggerPolicy", {})
        if "condition" in policy:
            policy["condition"] = _CONDITION_ARTIFACT.sub(right, policy["condition"])


def mend_output_parameters(spec: Spec) -> None:
    """The output of a task as an execution property of another: TFX names the producer `X_task`, which does not exist,
    and declares a number as text, so that an integer arrives as 2.0."""
    for dag in dags_of(spec):
        tasks = dag.get("tasks", {})
        for task in tasks.values():
            for name, source in task.get("inputs", {}).get("parameters", {}).items():
                if output := source.get("taskOutputParameter"):
                    bare = output["producerTask"].removesuffix("_task")
                    if output["producerTask"] not in tasks and bare in tasks:
                        output["producerTask"] = bare
                    if producer := tasks.get(output["producerTask"]):
                        _take_type(spec, task, name, producer, output["outputParameterKey"])


def _take_type(spec: Spec, task: Spec, name: str, producer: Spec, key: str) -> None:
    """Declares the parameter as what its producer gives, also in the arguments by which the container parses it."""
    given = spec["components"][producer["componentRef"]["name"]]["outputDefinitions"]["parameters"][key]
    component = spec["components"][task["componentRef"]["name"]]
    declared = component["inputDefinitions"]["parameters"][name]
    if declared == given:
        return
    declared.update(given)
    arguments = _containers(spec)[component["executorLabel"]].get("args", [])
    if _INPUTS_FLAG in arguments:
        text = json.dumps(component["inputDefinitions"], sort_keys=True, indent=2)
        arguments[arguments.index(_INPUTS_FLAG) + 1] = text


def set_retries(spec: Spec, retries: RetryConfig) -> None:
    """Every container is run again when it fails, after a wait that grows."""
    if not retries.count:
        return
    for task in container_tasks(spec).values():
        task["retryPolicy"] = {
            "maxRetryCount": retries.count,
            "backoffDuration": f"{retries.first_wait_seconds}s",
            "backoffFactor": retries.factor,
            "backoffMaxDuration": f"{retries.longest_wait_seconds}s",
        }


def set_machines(spec: Spec, machine_of: Callable[[str], TaskConfig]) -> None:
    """Processors, memory and GPU of each task's container, and how long it may run, which our entry point sees to."""
    containers = _containers(spec)
    for name, task in container_tasks(spec).items():
        wanted = machine_of(name)
        container = containers[spec["components"][task["componentRef"]["name"]]["executorLabel"]]
        resources: Spec = {"cpuLimit": wanted.cpu, "memoryLimit": round(wanted.memory_gib * _GIB_IN_GB, 3)}
        if wanted.accelerator_type and wanted.accelerator_count:
            resources["accelerator"] = {"type": wanted.accelerator_type, "count": str(wanted.accelerator_count)}
        container["resources"] = resources
        container["command"] = ["python", "-m", ENTRY_POINT, "--minutes", str(wanted.timeout_minutes)]


def set_container_environment(spec: Spec, variables: Mapping[str, str]) -> None:
    """Environment variables of every container."""
    for container in _containers(spec).values():
        container["env"] = [{"name": name, "value": value} for name, value in sorted(variables.items())]


def set_caching(spec: Spec, reuse: bool, never: Sequence[str]) -> None:
    """Whether tasks take the result of an earlier run; those in `never` do not, and no resolver and exit handler: their
    result depends on more than their inputs."""
    containers = container_tasks(spec)
    for name, task in tasks_of(spec).items():
        on = reuse and name in containers and name not in never and not _is_exit_handler(task)
        task["cachingOptions"] = {"enableCache": True} if on else {}


def container_tasks(spec: Spec) -> dict[str, Spec]:
    """The tasks that run a container, by name."""
    containers = _containers(spec)
    components = spec.get("components", {})
    return {
        name: task
        for name, task in tasks_of(spec).items()
        if components.get(task["componentRef"]["name"], {}).get("executorLabel") in containers
    }


def _containers(spec: Spec) -> dict[str, Spec]:
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    return {label: executor["container"] for label, executor in executors.items() if "container" in executor}


def _is_exit_handler(task: Spec) -> bool:
    return bool(task.get("triggerPolicy", {}).get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED")


def _implicit_name(source: Spec) -> str:
    output = source.get("taskOutputArtifact", {})
    return f"_{output.get('producerTask', '')}.{output.get('outputArtifactKey', '')}"
