"""Fits simple models on the raw features that serving has, and measures them on test as the Evaluator measures."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from gates.proposed_schema import SERVING
from gates.reference_models import references
from pipeline.components.artifacts import ReferencesArtifact, write_references
from pipeline.components.columnar import BATCH_ROWS, decoder_of, numbers, raw_batches, shards, texts
from pipeline.components.schema_gen import read_schema

MOST_TRAIN_ROWS = 50_000


def served_features(schema: schema_pb2.Schema, left_out: Collection[str]) -> list[str]:
    """Columns that a request has, in alphabetical order."""
    served = (
        feature.name
        for feature in schema.feature
        if SERVING not in feature.not_in_environment
        and not (feature.in_environment and SERVING not in feature.in_environment)
        and (feature.in_environment or not schema.default_environment or SERVING in schema.default_environment)
    )
    return sorted(set(served) - set(left_out))


def sample(batches: Iterable[NDArray[Any]], most: int) -> NDArray[Any]:
    """At most `most` examples, evenly spaced over all; holds no more than twice as many at any time."""
    kept: list[Any] = []
    stride, seen = 1, 0
    for batch in batches:
        kept.extend(batch[(-seen) % stride :: stride])
        seen += len(batch)
        while len(kept) > 2 * most:
            kept, stride = kept[::2], stride * 2
    at = np.linspace(0, len(kept) - 1, min(most, len(kept))).astype(int)
    return np.array(kept, dtype=object)[at]


def read_columns(
    raw: NDArray[Any], schema: schema_pb2.Schema, features: list[str], label: str
) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Features by name (numbers with NaN, texts with None for missing) and labels."""
    decoder = decoder_of(schema, {*features, label})
    parts = [decoder.DecodeBatch(raw[i : i + BATCH_ROWS].tolist()) for i in range(0, len(raw), BATCH_ROWS)]
    textual = {feature.name for feature in schema.feature if feature.type == schema_pb2.BYTES}
    columns = {
        name: np.concatenate(
            [
                texts(part.column(part.schema.get_field_index(name)), None)
                if name in textual
                else numbers(part.column(part.schema.get_field_index(name)))
                for part in parts
            ]
        )
        for name in [*features, label]
    }
    labels = columns.pop(label)
    return columns, labels


class ReferencesExecutor(base_executor.BaseExecutor):
    """Reads a sample of train and all of test, writes `references.json`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Fits and measures."""
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        schema = read_schema(artifact_utils.get_single_uri(input_dict["schema"]))
        label = exec_properties["label"]
        features = served_features(schema, {label, *json.loads(exec_properties["withheld"])})
        train, test = (
            read_columns(sample(_batches(examples, split), most), schema, features, label)
            for split, most in (("train", MOST_TRAIN_ROWS), ("test", 10**9))
        )
        found = references(*train, *test, confidence=exec_properties["confidence"])
        write_references(artifact_utils.get_single_instance(output_dict["references"]), found)


def _batches(examples: types.Artifact, split: str) -> Iterable[NDArray[Any]]:
    for path in shards(examples, split):
        yield from raw_batches(path)


class ReferencesSpec(ComponentSpec):
    """Examples and schema in, references out."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "label": ExecutionParameter(type=str),
        "withheld": ExecutionParameter(type=str),
        "confidence": ExecutionParameter(type=float),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {"references": ChannelParameter(type=ReferencesArtifact)}


class References(base_component.BaseComponent):
    """Says what the majority class and gradient-boosted trees reach on the same split."""

    SPEC_CLASS = ReferencesSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ReferencesExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        label: str,
        withheld: list[str],
        confidence: float = 0.95,
        code: str = "",
    ) -> None:
        """`code` only makes a new cache key."""
        super().__init__(
            ReferencesSpec(
                examples=examples,
                schema=schema,
                label=label,
                withheld=json.dumps(sorted(withheld)),
                confidence=confidence,
                code=code,
                references=types.Channel(type=ReferencesArtifact),
            )
        )
