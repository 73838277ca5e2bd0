"""Judges the trained model: every signature must give the predictions of the training, and the model must generalise to
held-out rows."""

from __future__ import annotations

from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation, ModelRun, Schema, TransformGraph

from gates.model.gate import judge_model
from gates.verdict.finding import GateReport
from pipeline.artifacts.evaluation import ReferencesArtifact
from pipeline.artifacts.request_times import write_request_times
from pipeline.component_inputs import GateInputs
from pipeline.components.gate import Artifacts, GateComponent, GateExecutor, gate_spec, tell_progress
from pipeline.evidence.model import gather


class ModelGateExecutor(GateExecutor):
    """Replays and judges."""

    def judge(self, inputs: Artifacts, outputs: Artifacts, config: str) -> GateReport:
        """Stores the times of requests beside the report."""
        given = GateInputs.from_property(config)
        evidence = gather(
            {name: artifact_utils.get_single_instance(artifacts) for name, artifacts in inputs.items() if artifacts},
            given.declared,
            given.settings,
        )
        write_request_times(artifact_utils.get_single_uri(outputs["report"]), evidence.latency_ms)
        return judge_model(evidence, given.settings, progress=tell_progress)


class ModelGate(GateComponent):
    """Refuses a model whose predictions differ between serving and training, or that does not generalise."""

    SPEC_CLASS = gate_spec(
        inputs={
            "examples": Examples,
            "schema": Schema,
            "model": Model,
            "model_run": ModelRun,
            "transform_graph": TransformGraph,
            "evaluation": ModelEvaluation,
        },
        optional={"references": ReferencesArtifact},
    )
    EXECUTOR_SPEC = ExecutorClassSpec(ModelGateExecutor)
