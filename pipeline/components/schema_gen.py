"""The source of the schema: proposed from train on a first run, or the curated file of the repository."""

from typing import TYPE_CHECKING

import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_artifacts import ExampleStatistics, Schema

from core.errors import SluiceError
from core.strict import Strict
from gates.schema.proposal import propose_schema
from pipeline.artifacts.examples import images_of
from pipeline.artifacts.schema import write_schema
from sources.storage import read_stored

if TYPE_CHECKING:
    from pipeline.config.workload import WorkloadConfig


def _fix_shapes(schema: schema_pb2.Schema, images: dict[str, list[int]]) -> None:
    """An image is whole and of one size, or it is none: rows, columns and channels of bytes."""
    for feature in schema.feature:
        if feature.name in images:
            feature.ClearField("shape_type")
            feature.shape.dim.extend(schema_pb2.FixedShape.Dim(size=size) for size in images[feature.name])
            feature.presence.min_fraction, feature.presence.min_count = 1.0, 1
            feature.int_domain.min, feature.int_domain.max = 0, 255


def _smallest_split(artifact: Artifact) -> int:
    """Rows of the smallest split. Of the splits other than train only the counts are read."""
    splits = artifact_utils.decode_split_names(artifact.split_names)
    return min(int(load_statistics(artifact, split).proto().datasets[0].num_examples) for split in splits)


class SchemaGenInputs(Strict):
    """The inputs of SchemaGen: the columns that no request has."""

    label: str
    withheld: list[str]

    @classmethod
    def of(cls, config: "WorkloadConfig") -> "SchemaGenInputs":
        """As the workload has it."""
        return cls(label=config.data.label, withheld=config.prediction.withheld_columns())


@component
def SchemaGen(
    statistics: InputArtifact[ExampleStatistics],
    schema: OutputArtifact[Schema],
    config: Parameter[str],
    code: Parameter[str],  # noqa: ARG001 - a cache key
) -> None:
    """Proposes a schema for data that has no curated one yet: infers from train's statistics alone and relaxes what a
    clean smaller split would violate. `config`: SchemaGenInputs as text."""
    given = SchemaGenInputs.from_property(config)
    train = load_statistics(statistics, "train").proto()
    # Shapes are left open: a raw feature may be missing at serving, so none but images is of fixed length.
    inferred = tfdv.infer_schema(train, infer_feature_shape=False)
    proposed = propose_schema(
        inferred,
        train.datasets[0],
        given.label,
        given.withheld,
        smallest_split=_smallest_split(statistics),
    )
    _fix_shapes(proposed, images_of(statistics))
    write_schema(schema.uri, text_format.MessageToString(proposed))


@component
def CuratedSchema(schema: OutputArtifact[Schema], text: Parameter[str]) -> None:
    """Brings the curated `schema_file` into the pipeline.

    The file's text itself is the parameter: it is the cache key (TFX's ImportSchemaGen has the path alone and so
    misses every edit), and no worker needs to reach the file.

    Raises:
      SluiceError: when the file does not exist or is no schema.
    """
    write_schema(schema.uri, text)


def curated_text(schema_file: str) -> str:
    """The text of the file, here or in a bucket, after it was parsed as a schema.

    Raises:
      SluiceError: when the file does not exist or is no schema.
    """
    try:
        text = read_stored(schema_file).decode()
    except OSError as problem:
        raise SluiceError(
            f"{schema_file}: the curated schema does not exist.",
            "Remove `schema_file` from the configuration to have one proposed, and see:  "
            "python runners/local_runner.py --explain schema_file",
        ) from problem
    try:
        text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise SluiceError(
            f"{schema_file} is not a schema in protobuf text format: {error}.", f"Mend that line:  {schema_file}"
        ) from error
    return text
