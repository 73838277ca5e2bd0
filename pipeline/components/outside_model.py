"""Brings a SavedModel from outside this pipeline in as the model that the candidate must not fall behind."""

from tensorflow_transform.tf_metadata import schema_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model, Schema
from tfx.utils import path_utils

from models.export import outside_model
from pipeline.artifacts.schema import read_schema
from pipeline.config.evaluation import BaselineConfig


@component
def OutsideModel(
    schema: InputArtifact[Schema],
    model: OutputArtifact[Model],
    config: Parameter[str],
    fingerprint: Parameter[str],  # noqa: ARG001 - a cache key
    code: Parameter[str],  # noqa: ARG001 - a cache key
) -> None:
    """Wraps a champion that did not come from this pipeline, so that the Evaluator can call it like our own models.

    `config`: BaselineConfig with a `saved_model`, as text; `fingerprint` is that of the model's files.
    """
    baseline = BaselineConfig.from_property(config)
    columns = schema_utils.schema_as_feature_spec(read_schema(schema.uri)).feature_spec
    wrapped = outside_model.OutsideModel(baseline.saved_model or "", baseline.signature, baseline.output, columns)
    wrapped.export(path_utils.serving_model_dir(model.uri))
