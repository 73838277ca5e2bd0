"""Runs of the Evaluator's executor in this process, as TFX runs it."""

from __future__ import annotations

from pathlib import Path

from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import Artifact, standard_artifacts

from pipeline.artifacts.blessings import GateReportArtifact
from pipeline.component_inputs import EvaluatorInputs
from pipeline.components.evaluator import EvaluatorExecutor
from tests.samples.taxi_artifacts import artifact


def evaluated(inputs: dict[str, list[Artifact]], uri: Path, config: EvaluatorInputs) -> dict[str, Artifact]:
    """The outputs, below `uri`."""
    outputs = {
        "evaluation": artifact(standard_artifacts.ModelEvaluation, uri / "evaluation"),
        "report": artifact(GateReportArtifact, uri / "report"),
        "blessing": artifact(standard_artifacts.ModelBlessing, uri / "blessing"),
    }
    beam = ["--runner=DirectRunner", "--direct_running_mode=in_memory", "--sdk_container_image=none"]
    executor = EvaluatorExecutor(BaseBeamExecutor.Context(beam_pipeline_args=beam, unique_id="1"))
    properties = {"config": config.to_property(), "code": ""}
    executor.Do(inputs, {name: [each] for name, each in outputs.items()}, properties)
    return outputs
