"""The TFX component that turns the source into Examples with the splits train, eval and test."""

from __future__ import annotations

from typing import Any, ClassVar

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import Artifact, BaseChannel, Channel, artifact_utils
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.standard_artifacts import Examples

from core.errors import SluiceError
from core.strict import Strict
from pipeline.artifacts.absence import mark_absent
from pipeline.artifacts.examples import Facts, describe_examples, kinds_of
from pipeline.config.data import DataConfig, SplitConfig
from pipeline.config.hyperparameters import ModelClasses
from pipeline.ingest.fingerprint import content_of
from pipeline.ingest.plan import Wanted
from pipeline.ingest.run import Ingested, ingest
from pipeline.ingest.source import PREVIOUS, SERVING, Source, previous_source, resolve_source
from sources.kinds import Kind


class ExampleGenInputs(Strict):
    """The inputs of ExampleGen: its part of the configuration, and the files that were found."""

    data: DataConfig
    split: SplitConfig
    files: list[str]
    """Empty: they are to be found by `data` where the component runs."""
    version: int | None
    fingerprint: str
    """Of what is in the files; empty: to be computed where the component runs."""
    only: str
    known: dict[str, Kind]
    classes: ModelClasses | None
    """Of the label, where rows are to be learnt from."""

    @classmethod
    def of(
        cls,
        data: DataConfig,
        split: SplitConfig,
        source: Source,
        fingerprint: str,
        only: str,
        known: dict[str, Kind],
        classes: ModelClasses | None = None,
    ) -> ExampleGenInputs:
        """From the workload, without settings that change no example: they must not change the cache key."""
        settled = {
            "source": source.pattern if isinstance(source.pattern, str) else list(source.pattern),
            "format": source.format,
            "span": source.span,
            "fetch": [],
            "serving_log": None,
            "pixel_columns": [],
        }
        return cls(
            data=data.model_copy(update=settled),
            split=split,
            files=list(source.files),
            version=source.version,
            fingerprint=fingerprint,
            only=only,
            known=known,
            classes=None if only else classes,
        )

    def source(self) -> Source | None:
        """The files, found now where they were not before; None where there is no span before this one."""
        if not self.files:
            current = resolve_source(self.data)
            return previous_source(self.data, current) if self.only == PREVIOUS else current
        pattern = self.data.source if isinstance(self.data.source, str) else tuple(self.data.source)
        return Source(tuple(self.files), self.data.format, self.data.span, self.version, pattern, self.data.reading)


class ExampleGenExecutor(BaseBeamExecutor):
    """Runs the Ingest transform and judges its outcome; a refused run leaves no examples behind."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Called by TFX with an empty artifact; fills it or raises.

        Raises:
          SluiceError: when the data cannot be used, or is not what was hashed when the run began.
        """
        given = ExampleGenInputs.from_property(exec_properties["config"])
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        known = {name: kind for like in input_dict.get("like") or [] for name, kind in kinds_of(like).items()}
        source = given.source()
        if source is None:
            mark_absent(examples)
            return
        wanted = Wanted(given.data, given.split, given.only or None, {**known, **given.known}, given.classes)
        content = content_of(source, wanted.data.image_path_column, None if wanted.only else wanted.split.test_files)
        # The log of an endpoint grows, and content that has grown is never that of before again.
        is_log = given.only == SERVING
        if given.fingerprint not in ("", content.digest) and not is_log:
            raise SluiceError(
                f"the files of {given.data.source} are not those that were found when the run began: they were written "
                "or exchanged in between.",
                "Run again when nothing writes them.",
            )
        ingested = ingest(
            self._make_beam_pipeline,
            source,
            wanted,
            examples.uri.rstrip("/"),
            still_valid=lambda: content.check_unchanged(may_grow=is_log),
        )
        _describe(examples, source, content.digest, ingested, share=1.0 if wanted.only else wanted.data.share)


def _describe(examples: Artifact, source: Source, digest: str, ingested: Ingested, share: float) -> None:
    """Sets the properties that TFX's components read, and the facts for console and report."""
    examples.split_names = artifact_utils.encode_split_names(list(ingested.rows))
    examples.span = source.span or 0
    examples.version = source.version or 0
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.set_string_custom_property("file_format", "tfrecords_gzip")
    examples.set_string_custom_property("input_fingerprint", digest)
    facts = Facts(
        rows=ingested.rows,
        columns=ingested.columns,
        unusable_rows=ingested.unusable,
        unusable_file=ingested.unusable_file,
        left_out_by_gap=ingested.left_out,
        left_out_by_share=ingested.not_shared,
        share=share,
        class_names=ingested.class_names,
        notes=ingested.notes,
        data_fingerprint=digest,
        span=source.span,
        files=len(source.files),
    )
    describe_examples(examples, facts, ingested.kinds, ingested.images)


def types_in_schema(text: str) -> dict[str, Kind]:
    """The kind of a column by its name. Nothing else of a schema decides how a row is read, so that an edit of its
    limits leaves the examples as they are."""
    schema = text_format.Parse(text, schema_pb2.Schema())
    kinds = {schema_pb2.INT: Kind.INT, schema_pb2.FLOAT: Kind.FLOAT, schema_pb2.BYTES: Kind.BYTES}
    return {feature.name: kinds[feature.type] for feature in schema.feature if feature.type in kinds}


class ExampleGenSpec(ComponentSpec):
    """Execution properties are strings, so that the component also runs as a Vertex container task."""

    PARAMETERS: ClassVar = {"config": ExecutionParameter(type=str), "code": ExecutionParameter(type=str)}
    INPUTS: ClassVar = {"like": ChannelParameter(type=Examples, optional=True)}
    OUTPUTS: ClassVar = {"examples": ChannelParameter(type=Examples)}


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
      classes: how many classes the label has; without it the label's values are not judged.
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
        classes: ModelClasses | None = None,
    ) -> None:
        config = ExampleGenInputs.of(data, split, source, data_fingerprint, only, types_in_schema(schema), classes)
        examples = Channel(type=Examples)
        super().__init__(ExampleGenSpec(config=config.to_property(), code=code, like=like, examples=examples))
