"""Judges the examples before anything is learnt from them: contamination between splits, leakage of the label, skew."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.gate import judge_data
from gates.tables.table import Table
from gates.verdict.settings import GateSettings
from pipeline.artifacts.blessings import Blessing, GateReportArtifact, bless, write_report
from pipeline.artifacts.examples import FACTS_PROPERTY, IMAGES_PROPERTY
from pipeline.artifacts.schema import read_schema
from pipeline.components.gate import settings_of, tell_progress, waivers_today
from pipeline.config.workload import WorkloadConfig
from pipeline.evidence.data import categorical_numbers, columns_not_served, read_table, required_columns, share_read
from pipeline.splits import Lineage

HELD_OUT = ("eval", "test")


def declared_by(config: WorkloadConfig, lineage: Lineage) -> dict[str, Any]:
    """What the configuration says about the columns, as JSON can hold it."""
    prediction = config.prediction
    now = prediction.moments.index(prediction.made_at)
    later = set(prediction.moments[now + 1 :])
    return {
        "label": config.data.label,
        "class_names": config.data.class_names,
        "entity": config.data.entity_key,
        "time": config.data.time_column,
        "split_by": config.split.by,
        "withheld": prediction.withheld_columns(),
        "known_after": {c: m for m, columns in prediction.known_from.items() if m in later for c in columns},
        "moments_declared": bool(prediction.known_from),
        "analysed_splits": list(lineage.analysed),
        "readers_of": {split: list(readers) for split, readers in lineage.readers.items()},
    }


class DataGateExecutor(base_executor.BaseExecutor):
    """Reads every split, judges, writes report and blessing. Refusing is a success."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Judges and stores the verdict."""
        started = time.monotonic()
        settings = GateSettings.model_validate_json(exec_properties["settings"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        share = share_read(_rows_of_train(examples), _pixels_of_a_row(examples))
        data = _data(input_dict, json.loads(exec_properties["declared"]), share)
        report = judge_data(data, settings, progress=tell_progress)
        report = replace(report, seconds=time.monotonic() - started)
        if share < 1:
            told = f"It rests on {data.train.rows:,} rows of train, {share:.1%} of all, drawn by their content."
            report = replace(report, notes=(told,))
        write_report(artifact_utils.get_single_instance(output_dict["report"]), report)
        bless(artifact_utils.get_single_instance(output_dict["blessing"]), report)


def _rows_of_train(examples: types.Artifact) -> int:
    facts = examples.get_string_custom_property(FACTS_PROPERTY)
    return int(json.loads(facts)["rows"]["train"]) if facts else 0


def _pixels_of_a_row(examples: types.Artifact) -> int:
    images = json.loads(examples.get_string_custom_property(IMAGES_PROPERTY) or "{}")
    return sum(math.prod(shape) for shape in images.values())


def _data(input_dict: dict[str, list[types.Artifact]], declared: dict[str, Any], share: float) -> Data:
    examples = artifact_utils.get_single_instance(input_dict["examples"])
    schema = read_schema(artifact_utils.get_single_uri(input_dict["schema"]))
    withheld = frozenset(declared["withheld"])
    return Data(
        train=read_table(examples, "train", "train", share),
        held_out={split: read_table(examples, split, split, share) for split in HELD_OUT},
        serving=_observed(input_dict, "serving_examples", "serving", share),
        previous=_observed(input_dict, "previous_examples", "previous", share),
        declared=replace(
            Declared(
                **{
                    **declared,
                    "withheld": withheld,
                    "class_names": tuple(declared["class_names"]),
                    "analysed_splits": tuple(declared["analysed_splits"]),
                    "readers_of": {split: tuple(readers) for split, readers in declared["readers_of"].items()},
                }
            ),
            not_at_serving=columns_not_served(schema) - withheld - {declared["label"]},
            required=required_columns(schema),
            categorical=categorical_numbers(schema),
        ),
    )


def _observed(input_dict: dict[str, list[types.Artifact]], key: str, name: str, share: float) -> Table | None:
    if not input_dict.get(key):
        return None
    examples = artifact_utils.get_single_instance(input_dict[key])
    return read_table(examples, artifact_utils.decode_split_names(examples.split_names)[0], name, share)


class DataGateSpec(ComponentSpec):
    """Examples and schema in; report and blessing out."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "declared": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
        "today": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "serving_examples": ChannelParameter(type=standard_artifacts.Examples, optional=True),
        "previous_examples": ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "report": ChannelParameter(type=GateReportArtifact),
        "blessing": ChannelParameter(type=Blessing),
    }


class DataGate(base_component.BaseComponent):
    """Refuses data that would teach the model what serving can never know, or measure it on what it has seen."""

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(DataGateExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        config: WorkloadConfig,
        lineage: Lineage,
        serving_examples: types.BaseChannel | None = None,
        previous_examples: types.BaseChannel | None = None,
        strict: bool = False,
        code: str = "",
    ) -> None:
        """`code` only makes a new cache key."""
        super().__init__(
            DataGateSpec(
                examples=examples,
                schema=schema,
                serving_examples=serving_examples,
                previous_examples=previous_examples,
                declared=json.dumps(declared_by(config, lineage), sort_keys=True),
                settings=settings_of(config, strict),
                today=waivers_today(config.gates),
                code=code,
                report=types.Channel(type=GateReportArtifact),
                blessing=types.Channel(type=Blessing),
            )
        )
