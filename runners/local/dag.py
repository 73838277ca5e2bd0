"""Runs a compiled pipeline on this machine node by node, as TFX's LocalDagRunner does, and reports each node's state to
an observer: ran, reused, skipped or failed, with its time and outputs."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import compiler, constants
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import runtime_parameter_utils
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import pipeline_pb2
from tfx.types import Artifact

from core.errors import SluiceError, root_error
from runners.component_names import NEVER_REUSED
from runners.local.seals import SealedLauncher, seal
from runners.results.node_result import NodeResult, Observer

_RESOLVER = "tfx.dsl.components.common.resolver.Resolver"


def run_pipeline(
    pipeline: tfx_pipeline.Pipeline, run_id: str, observer: Observer, until: str | None = None
) -> dict[str, NodeResult]:
    """Run the nodes in topological order and stop at the first failure.

    Args:
      pipeline: the pipeline, with its metadata connection.
      run_id: names the run in the metadata store.
      observer: called for each node, except for lookups (resolvers).
      until: run only this node and what it depends on.

    Returns the results by node id. A failed node is the last; its error is in the result.

    Raises:
      SluiceError: when the pipeline has no component `until`.
    """
    compiled = compiler.Compiler().compile(pipeline)
    runtime_parameter_utils.substitute_runtime_parameter(compiled, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id})
    deployment = runner_utils.extract_local_deployment_config(compiled)
    connection = pipeline.metadata_connection_config
    _retire_interrupted_executions(connection, compiled)
    nodes = [node.pipeline_node for node in compiled.nodes]
    for node in nodes:
        if node.node_info.id in NEVER_REUSED:
            node.execution_options.caching_options.enable_cache = False
    known = {node.node_info.id for node in nodes}
    if until and until not in known:
        raise SluiceError(
            f"this pipeline has no {until}: the configuration leaves it out.",
            "Components of every pipeline:  python runners/local_runner.py --list",
        )
    wanted = _ancestors(nodes, until) if until else known
    results: dict[str, NodeResult] = {}
    for node in nodes:
        node_id = node.node_info.id
        if node_id not in wanted:
            continue
        is_observed = node.node_info.type.name != _RESOLVER
        if is_observed:
            observer.started(node_id)
        start = time.monotonic()
        if _lacks_input(node, results):
            result = NodeResult(node_id, "skipped", 0.0)
        else:
            result = _launch(node, compiled, deployment, connection, start)
        results[node_id] = result
        if is_observed:
            observer.finished(result)
        if result.state == "failed":
            break
    return results


def _launch(
    node: pipeline_pb2.PipelineNode, compiled: pipeline_pb2.Pipeline, deployment: Any, connection: Any, start: float
) -> NodeResult:
    """Run one node through TFX's own launcher (driver, cache, executor, publisher); what it makes is sealed."""
    node_id = node.node_info.id
    one_launch = SealedLauncher(
        pipeline_node=node,
        mlmd_connection=metadata.Metadata(connection),
        pipeline_info=compiled.pipeline_info,
        pipeline_runtime_spec=compiled.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
    )
    try:
        execution = one_launch.launch()
        seconds = time.monotonic() - start
        if execution is None or not execution.execution_id:
            return NodeResult(node_id, "skipped", seconds)
        state, outputs, message = _read_back(connection, execution.execution_id)
        if state == metadata_store_pb2.Execution.COMPLETE:
            with metadata.Metadata(connection) as handle:
                seal(handle.store, outputs, compiled.runtime_spec.pipeline_root.field_value.string_value)
    except Exception as error:  # any exception of a component ends the run in an orderly way
        return NodeResult(node_id, "failed", time.monotonic() - start, error=root_error(error))
    if state not in (metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED):
        return NodeResult(node_id, "failed", seconds, error=RuntimeError(message or f"{node_id} did not run"))
    reused = state == metadata_store_pb2.Execution.CACHED
    return NodeResult(node_id, "reused" if reused else "ran", seconds, outputs, made_anew=one_launch.altered)


def _read_back(connection: Any, execution_id: int) -> tuple[int, Mapping[str, Sequence[Artifact]], str]:
    """The execution's state, output artifacts and message in the metadata store."""
    with metadata.Metadata(connection) as handle:
        [execution] = handle.store.get_executions_by_id([execution_id])
        outputs = execution_lib.get_output_artifacts(handle, execution_id)
        result = execution_lib.get_execution_result(execution)
        return execution.last_known_state, outputs, result.result_message if result else ""


def _lacks_input(node: pipeline_pb2.PipelineNode, results: Mapping[str, NodeResult]) -> bool:
    """Whether a required input comes from a node that was skipped."""
    for spec in node.inputs.inputs.values():
        producers = [channel.producer_node_query.id for channel in spec.channels]
        skipped = [name for name in producers if name in results and results[name].state == "skipped"]
        if skipped and spec.min_count > 0 and len(skipped) == len(producers):
            return True
    return False


def _ancestors(nodes: Sequence[pipeline_pb2.PipelineNode], target: str) -> Collection[str]:
    """`target` and every node that it depends on."""
    upstream = {node.node_info.id: list(node.upstream_nodes) for node in nodes}
    wanted, queue = set(), [target]
    while queue:
        name = queue.pop()
        if name not in wanted:
            wanted.add(name)
            queue.extend(upstream[name])
    return wanted


def _retire_interrupted_executions(connection: Any, compiled: pipeline_pb2.Pipeline) -> None:
    """Mark the executions that a killed process left as running as failed, and remove their partial outputs.

    The output folder is locked, so no execution in the state RUNNING is alive.
    """
    root = compiled.runtime_spec.pipeline_root.field_value.string_value
    unfinished = (metadata_store_pb2.Execution.RUNNING, metadata_store_pb2.Execution.NEW)
    with metadata.Metadata(connection) as handle:
        stale = [run for run in handle.store.get_executions() if run.last_known_state in unfinished]
        if not stale:
            return
        for execution in stale:
            execution.last_known_state = metadata_store_pb2.Execution.FAILED
        handle.store.put_executions(stale)
    for execution in stale:
        working = execution.custom_properties["__stateful_working_dir_index__"].string_value
        places = [f"*/{execution.id}", f".system/*/{execution.id}", f".system/*/{working or execution.id}"]
        for folder in {folder for place in places for folder in fileio.glob(f"{root}/*/{place}")}:
            fileio.rmtree(folder)
