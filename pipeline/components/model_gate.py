"""Judges the trained model: asked in every way in which it can be asked, it must say what training says, and hold on
rows that it has not seen."""

from __future__ import annotations

from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation, ModelRun, Schema, TransformGraph

from gates.model.gate import judge_model
from gates.verdict.finding import GateReport
from pipeline.artifacts.request_times import write_request_times
from pipeline.component_inputs import GateInputs
from pipeline.components.gate import Artifacts, Gate, GateExecutor, gate_spec, tell_progress
from pipeline.evidence.model import gather


class ModelGateExecutor(GateExecutor):
    """Replays and judges."""

    def judge(self, inputs: Artifacts, outputs: Artifacts, config: str) -> GateReport:
        """How long requests took stays beside the report."""
        given = GateInputs.from_property(config)
        evidence = gather(
            {name: artifact_utils.get_single_instance(artifacts) for name, artifacts in inputs.items()},
            given.declared,
            given.settings,
        )
        write_request_times(artifact_utils.get_single_uri(outputs["report"]), evidence.latency_ms)
        return judge_model(evidence, given.settings, progress=tell_progress)


class ModelGate(Gate):
    """Refuses a model that says something else at serving than in training, or that does not hold on new rows."""

    SPEC_CLASS = gate_spec(
        inputs={
            "examples": Examples,
            "schema": Schema,
            "model": Model,
            "model_run": ModelRun,
            "transform_graph": TransformGraph,
            "evaluation": ModelEvaluation,
        }
    )
    EXECUTOR_SPEC = ExecutorClassSpec(ModelGateExecutor)
