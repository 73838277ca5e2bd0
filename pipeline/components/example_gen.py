"""The TFX component that turns the source into Examples with the splits train, eval and test."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, ClassVar

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from pipeline.artifacts.examples import FACTS_PROPERTY, IMAGES_PROPERTY, KINDS_PROPERTY
from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.plan import Wanted
from pipeline.ingest.run import Ingested, ingest
from pipeline.ingest.source import Source, resolve_source
from sources.kinds import Kind

# What does not change the examples must not spoil the cache: these stay out of the execution properties, or are
# there in their resolved form.
_NOT_IN_THE_KEY = {"source", "fetch", "format", "span", "serving_log"}


class ExampleGenSpec(ComponentSpec):
    """Execution properties are strings, so that the component also runs as a Vertex container task."""

    PARAMETERS: ClassVar = {
        "data": ExecutionParameter(type=str),
        "split": ExecutionParameter(type=str),
        "source": ExecutionParameter(type=str),
        "data_fingerprint": ExecutionParameter(type=str),
        "only": ExecutionParameter(type=str),
        "schema_types": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {"like": ChannelParameter(type=standard_artifacts.Examples, optional=True)}
    OUTPUTS: ClassVar = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class ExampleGenExecutor(BaseBeamExecutor):
    """Runs the Ingest transform and judges its outcome; a refused run leaves no examples behind."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Called by TFX with an empty artifact; fills it or raises."""
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        source, wanted = _read_properties(exec_properties, input_dict.get("like") or [])
        ingested = ingest(self._make_beam_pipeline, source, wanted, examples.uri.rstrip("/"))
        digest = exec_properties["data_fingerprint"] or _fingerprint(source, wanted)
        share = 1.0 if wanted.only else wanted.data.share
        _describe(examples, source, digest, ingested, share)


def _fingerprint(source: Source, wanted: Wanted) -> str:
    return fingerprint(source, wanted.data.image_path_column, None if wanted.only else wanted.split.test_files)


def _read_properties(properties: dict[str, Any], like: list[types.Artifact]) -> tuple[Source, Wanted]:
    found = json.loads(properties["source"])
    given = {**json.loads(properties["data"]), "source": found["pattern"]}
    if found["files"]:
        data, source = DataConfig(**given), Source(**{**found, "files": tuple(found["files"])})
    else:  # the files are to be found where the component runs
        data = DataConfig(**given, format=found["format"], span=found["span"])
        source = resolve_source(data)
    kinds = json.loads(like[0].get_string_custom_property(KINDS_PROPERTY) or "{}") if like else {}
    known = {name: Kind(kind) for name, kind in kinds.items()}
    known |= {name: Kind[kind] for name, kind in json.loads(properties["schema_types"]).items()}
    return source, Wanted(data, SplitConfig(**json.loads(properties["split"])), properties["only"] or None, known)


def _describe(examples: types.Artifact, source: Source, digest: str, ingested: Ingested, share: float) -> None:
    """The properties that TFX's components look for, and the facts that our console and report tell."""
    examples.split_names = artifact_utils.encode_split_names(list(ingested.rows))
    examples.span = source.span or 0
    examples.version = source.version or 0
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.set_string_custom_property("file_format", "tfrecords_gzip")
    examples.set_string_custom_property("input_fingerprint", digest)
    facts = {
        "rows": ingested.rows,
        "columns": ingested.columns,
        "unusable_rows": ingested.unusable,
        "unusable_file": ingested.unusable_file,
        "left_out_by_gap": ingested.left_out,
        "left_out_by_share": ingested.not_shared,
        "share": share,
        "class_names": ingested.class_names,
        "data_fingerprint": digest,
        "span": source.span,
        "files": len(source.files),
    }
    examples.set_string_custom_property(FACTS_PROPERTY, json.dumps(facts))
    examples.set_string_custom_property(KINDS_PROPERTY, json.dumps(ingested.kinds))
    examples.set_string_custom_property(IMAGES_PROPERTY, json.dumps(ingested.images))


def types_in_schema(text: str) -> dict[str, str]:
    """INT, FLOAT or BYTES by column. Nothing else of a schema decides how a row is read, so that an edit of its
    limits leaves the examples as they are."""
    schema = text_format.Parse(text, schema_pb2.Schema())
    names = {schema_pb2.INT: Kind.INT.name, schema_pb2.FLOAT: Kind.FLOAT.name, schema_pb2.BYTES: Kind.BYTES.name}
    return {feature.name: names[feature.type] for feature in schema.feature if feature.type in names}


class ExampleGen(BaseBeamComponent):
    """Reads a source.

    Args:
      data: what the columns mean.
      split: how rows are assigned.
      source: the files; with no files in it, its pattern is resolved where the component runs.
      data_fingerprint: what `fingerprint(source)` says; computed where the component runs when empty.
      only: sends every row, labelled or not, to the one split of this name (a serving log, an earlier span).
      like: examples whose column types these shall share.
      code: fingerprint of the code, so that a changed component is not taken from the cache.
      schema: text of the curated schema, whose types say how numbers are read; empty when there is none.
    """

    SPEC_CLASS = ExampleGenSpec
    EXECUTOR_SPEC = BeamExecutorSpec(ExampleGenExecutor)

    def __init__(
        self,
        data: DataConfig,
        split: SplitConfig,
        source: Source,
        data_fingerprint: str = "",
        only: str = "",
        like: BaseChannel | None = None,
        code: str = "",
        schema: str = "",
    ) -> None:
        spec = ExampleGenSpec(
            data=json.dumps(data.model_dump(exclude=_NOT_IN_THE_KEY), sort_keys=True),
            split=json.dumps(split.model_dump(), sort_keys=True),
            source=json.dumps(dataclasses.asdict(source), sort_keys=True),
            data_fingerprint=data_fingerprint,
            only=only,
            schema_types=json.dumps(types_in_schema(schema), sort_keys=True),
            code=code,
            examples=Channel(type=standard_artifacts.Examples),
            **({"like": like} if like is not None else {}),
        )
        super().__init__(spec=spec)
