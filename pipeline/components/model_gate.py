"""Judges the trained model: asked in every way in which it can be asked, it must say what training says, and hold on
rows that it has not seen."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any, ClassVar

from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from gates.model.gate import judge_model
from gates.verdict.settings import GateSettings
from pipeline.artifacts.blessings import Blessing, GateReportArtifact, bless, write_report
from pipeline.artifacts.request_times import write_request_times
from pipeline.components.gate import settings_of, tell_progress, waivers_today
from pipeline.config.workload import WorkloadConfig
from pipeline.evidence.model import gather


class ModelGateExecutor(base_executor.BaseExecutor):
    """Replays, judges, writes report and blessing. Refusing is a success."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Gathers the evidence and stores the verdict."""
        started = time.monotonic()
        evidence = gather(
            {name: artifact_utils.get_single_instance(artifacts) for name, artifacts in input_dict.items()},
            json.loads(exec_properties["asked"]),
        )
        settings = GateSettings.model_validate_json(exec_properties["settings"])
        report = judge_model(evidence, settings, progress=tell_progress)
        report = replace(report, seconds=time.monotonic() - started)
        write_report(artifact_utils.get_single_instance(output_dict["report"]), report)
        write_request_times(artifact_utils.get_single_uri(output_dict["report"]), evidence.latency_ms)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        # The Pusher refuses a blessing that was given to another model.
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
        bless(blessing, report)


class ModelGateSpec(ComponentSpec):
    """Examples, model and what training left in; report and blessing out."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "asked": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
        "today": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "report": ChannelParameter(type=GateReportArtifact),
        "blessing": ChannelParameter(type=Blessing),
    }


class ModelGate(base_component.BaseComponent):
    """Refuses a model that says something else at serving than in training, or that does not hold on new rows."""

    SPEC_CLASS = ModelGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ModelGateExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel,
        transform_graph: types.BaseChannel,
        evaluation: types.BaseChannel,
        config: WorkloadConfig,
        strict: bool = False,
        code: str = "",
    ) -> None:
        """`code` only makes a new cache key."""
        asked = {
            "label": config.data.label,
            "class_names": config.data.class_names,
            "entity": config.data.entity_key,
            "split_by": config.split.by,
            "withheld": config.prediction.withheld_columns(),
            **config.gates.model_dump(include={"latency_ms", "export_mb"}),
        }
        super().__init__(
            ModelGateSpec(
                examples=examples,
                schema=schema,
                model=model,
                model_run=model_run,
                transform_graph=transform_graph,
                evaluation=evaluation,
                asked=json.dumps(asked, sort_keys=True),
                settings=settings_of(config, strict),
                today=waivers_today(config.gates),
                code=code,
                report=types.Channel(type=GateReportArtifact),
                blessing=types.Channel(type=Blessing),
            )
        )
