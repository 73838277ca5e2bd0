"""Where the schema comes from: proposed from train on a first run, or the curated file of the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from core.errors import SluiceError
from gates.schema.proposal import propose_schema
from pipeline.artifacts.blessings import write_text
from pipeline.artifacts.examples import IMAGES_PROPERTY
from pipeline.artifacts.schema import SCHEMA_FILE


class SchemaGenExecutor(base_executor.BaseExecutor):
    """Infers from train's statistics alone and relaxes what a clean smaller split would violate."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `schema.pbtxt`."""
        artifact = artifact_utils.get_single_instance(input_dict["statistics"])
        train = load_statistics(artifact, "train").proto()
        # Shapes are left open: a raw feature may be missing at serving, so none but images is of fixed length.
        inferred = tfdv.infer_schema(train, infer_feature_shape=False)
        schema = propose_schema(
            inferred,
            train.datasets[0],
            exec_properties["label"],
            json.loads(exec_properties["withheld"]),
            smallest_split=_smallest_split(artifact),
        )
        _fix_shapes(schema, json.loads(artifact.get_string_custom_property(IMAGES_PROPERTY) or "{}"))
        text = text_format.MessageToString(schema)
        write_text(artifact_utils.get_single_uri(output_dict["schema"]), SCHEMA_FILE, text)


def _fix_shapes(schema: schema_pb2.Schema, images: dict[str, list[int]]) -> None:
    """An image is whole and of one size, or it is none: rows, columns and channels of bytes."""
    for feature in schema.feature:
        if feature.name in images:
            feature.ClearField("shape_type")
            feature.shape.dim.extend(schema_pb2.FixedShape.Dim(size=size) for size in images[feature.name])
            feature.presence.min_fraction, feature.presence.min_count = 1.0, 1
            feature.int_domain.min, feature.int_domain.max = 0, 255


def _smallest_split(artifact: types.Artifact) -> int:
    """Rows of the smallest split. Counts are all that is read of the splits other than train."""
    splits = artifact_utils.decode_split_names(artifact.split_names)
    return min(int(load_statistics(artifact, split).proto().datasets[0].num_examples) for split in splits)


class SchemaGenSpec(ComponentSpec):
    """Statistics in, schema out."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "label": ExecutionParameter(type=str),
        "withheld": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics)
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {"schema": ChannelParameter(type=standard_artifacts.Schema)}


class SchemaGen(base_component.BaseComponent):
    """Proposes a schema for data that has no curated one yet."""

    SPEC_CLASS = SchemaGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(SchemaGenExecutor)

    def __init__(self, statistics: types.BaseChannel, label: str, withheld: list[str], code: str = "") -> None:
        """`code` only makes a new cache key."""
        super().__init__(
            SchemaGenSpec(
                statistics=statistics,
                label=label,
                withheld=json.dumps(sorted(withheld)),
                code=code,
                schema=types.Channel(type=standard_artifacts.Schema),
            )
        )


class CuratedSchemaExecutor(base_executor.BaseExecutor):
    """Copies the curated schema into the pipeline."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],  # noqa: ARG002
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `schema.pbtxt`."""
        uri = artifact_utils.get_single_uri(output_dict["schema"])
        write_text(uri, SCHEMA_FILE, exec_properties["text"])


class CuratedSchemaSpec(ComponentSpec):
    """The schema's text in, schema out."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {"text": ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {"schema": ChannelParameter(type=standard_artifacts.Schema)}


class CuratedSchema(base_component.BaseComponent):
    """Brings the curated `schema_file` into the pipeline.

    The file's text itself is the parameter: it is the cache key (TFX's ImportSchemaGen has the path alone and so
    misses every edit), and no worker needs to reach the file.

    Raises:
      SluiceError: when the file does not exist or is no schema.
    """

    SPEC_CLASS = CuratedSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CuratedSchemaExecutor)

    def __init__(self, schema_file: str) -> None:
        super().__init__(
            CuratedSchemaSpec(text=curated_text(schema_file), schema=types.Channel(type=standard_artifacts.Schema))
        )


def curated_text(schema_file: str) -> str:
    """The file's text, once it is known to be a schema.

    Raises:
      SluiceError: when the file does not exist or is no schema.
    """
    path = Path(schema_file)
    if not path.is_file():
        raise SluiceError(
            f"{schema_file}: the curated schema does not exist.",
            "Remove `schema_file` from the configuration to have one proposed, and see:  "
            "python runners/local_runner.py --explain schema_file",
        )
    text = path.read_text(encoding="utf-8")
    try:
        text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise SluiceError(
            f"{schema_file} is not a schema in protobuf text format: {error}.", f"Mend that line:  {schema_file}"
        ) from error
    return text
