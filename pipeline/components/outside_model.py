"""Brings a SavedModel from outside this pipeline in as the model that the candidate must not fall behind."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from tensorflow_transform.tf_metadata import schema_utils
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from pipeline.artifacts.schema import read_schema
from pipeline.config.evaluation import BaselineConfig
from serving.version_folder import fingerprint_of

# Found by its path: the pipeline imports no model code.
OUTSIDE_MODULE = "models.export.outside_model"


class OutsideModelExecutor(base_executor.BaseExecutor):
    """Wraps the model so that the Evaluator can ask it as it asks our own."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the wrapped model in the layout of the Trainer's."""
        schema = read_schema(artifact_utils.get_single_uri(input_dict["schema"]))
        columns = schema_utils.schema_as_feature_spec(schema).feature_spec
        asked = (exec_properties[name] for name in ("saved_model", "signature", "output"))
        wrapped = importlib.import_module(OUTSIDE_MODULE).OutsideModel(*asked, columns)
        wrapped.export(path_utils.serving_model_dir(artifact_utils.get_single_uri(output_dict["model"])))


class OutsideModelSpec(ComponentSpec):
    """Schema in, model out."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "saved_model": ExecutionParameter(type=str),
        "signature": ExecutionParameter(type=str),
        "output": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {"schema": ChannelParameter(type=standard_artifacts.Schema)}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {"model": ChannelParameter(type=standard_artifacts.Model)}


class OutsideModel(base_component.BaseComponent):
    """A champion that did not come from this pipeline."""

    SPEC_CLASS = OutsideModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(OutsideModelExecutor)

    def __init__(self, schema: types.BaseChannel, baseline: BaselineConfig, code: str = "") -> None:
        """`baseline` has a `saved_model`, whose files go into the cache key; `code` only makes a new one."""
        saved_model = baseline.saved_model or ""
        super().__init__(
            OutsideModelSpec(
                schema=schema,
                saved_model=saved_model,
                signature=baseline.signature,
                output=baseline.output,
                fingerprint=fingerprint_of(saved_model),
                code=code,
                model=types.Channel(type=standard_artifacts.Model),
            )
        )
