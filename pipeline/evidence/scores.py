"""Runs exported models over a split, shard by shard on Beam, and keeps label, predictions and slice columns."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.saved_model.loader_impl import parse_saved_model
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils
from tfx.dsl.io import fileio

from core.errors import SluiceError
from gates.evaluation.measure import MISSING, Scored
from gates.statistics.clusters import Groups
from models.export.batches import by_size
from models.export.fresh_process import FAILED_CALLS, FAILED_LOADS, OF_THE_MACHINE, error_in_words
from models.export.signatures import dtype_in_words, public_names
from pipeline.artifacts.examples import decoder_of, numbers, raw_batches, texts
from pipeline.artifacts.text_files import read_text, write_text
from pipeline.evidence.contents import columns_of_content, groups_of, hashes_of

SIGNATURE, COLUMNS_SIGNATURE = "serving_examples", "serving_default"
LABEL, CANDIDATE, BLESSED, ENTITY, CONTENT = "label", "candidate", "blessed", "entity", "content"
FOLDER, FAILURES = "predictions", "failures"


class ScoreShard(beam.DoFn):
    """Scores one TFRecord file with every model and writes one Parquet file; the same file again when retried.

    A model that cannot be loaded or called is a reason to refuse it, not an error of the worker: its first error is
    written beside the predictions."""

    def __init__(
        self,
        models: Mapping[str, str],
        schema: schema_pb2.Schema,
        label: str,
        columns: list[str],
        uri: str,
        entity: str | None,
        by_content: bool,
    ) -> None:
        self._models = dict(models)
        self._schema = schema.SerializeToString()
        self._label = label
        self._columns = columns
        self._uri = uri
        self._entity = entity
        self._contents = columns_of_content(schema, label) if by_content else set()

    def setup(self) -> None:
        """Loads the models once a worker."""
        # The loaded objects own the variables of the signatures, so both are kept.
        self._loaded: dict[str, Any] = {}
        self._signatures: dict[str, Any] = {}
        self._unloadable: dict[str, str] = {}
        for name, path in self._models.items():
            try:
                self._loaded[name] = tf.saved_model.load(path)
                self._signatures[name] = self._loaded[name].signatures[SIGNATURE]
            except OF_THE_MACHINE:
                raise
            except FAILED_LOADS as error:
                self._unloadable[name] = f"it cannot be loaded: {error_in_words(error)}"
        read = {self._label, *self._columns, *self._contents} | ({self._entity} if self._entity else set())
        self._decoder = decoder_of(schema_pb2.Schema.FromString(self._schema), read)

    def process(self, numbered: tuple[int, str]) -> Iterator[int]:
        """Yields the number of rows."""
        number, path = numbered
        failed = dict(self._unloadable)
        parts = [self._score(batch, failed) for batch in raw_batches(path)]
        for name, why in failed.items():
            write_text(posixpath.join(self._uri, FAILURES), f"{number:05d}-{name}.txt", why)
        if parts:
            # A model that has failed has no column from then on.
            table = pa.concat_tables([part.select(parts[-1].column_names) for part in parts])
            buffer = pa.BufferOutputStream()
            pq.write_table(table, buffer)
            with fileio.open(posixpath.join(self._uri, FOLDER, f"{number:05d}.parquet"), "wb") as file:
                file.write(buffer.getvalue().to_pybytes())
            yield table.num_rows

    def _score(self, batch: Any, failed: dict[str, str]) -> pa.Table:
        """Adds to `failed` the models that this batch ends."""
        decoded = self._decoder.DecodeBatch(batch.tolist())
        named = dict(zip(decoded.schema.names, decoded.columns, strict=True))
        scored = {LABEL: pa.array(numbers(named[self._label]))}
        for name, signature in self._signatures.items():
            if name in failed:
                continue
            try:
                scored[name] = _stored_predictions(_predict_in_parts(signature, batch), name, len(batch))
            except OF_THE_MACHINE:
                raise
            except FAILED_CALLS as error:
                failed[name] = f"it fails on one of {len(batch):,} rows: {error_in_words(error)}"
        for column in self._columns:
            scored[_stored(column)] = pa.array(texts(named[column], MISSING), type=pa.string())
        if self._entity:
            scored[ENTITY] = pa.array(texts(named[self._entity], MISSING), type=pa.string())
        if self._contents:
            scored[CONTENT] = pa.array(hashes_of(decoded, self._label))
        return pa.table(scored)


def _stored(column: str) -> str:
    return f"slice:{column}"


def _predict_in_parts(signature: Any, batch: NDArray[Any]) -> NDArray[Any]:
    """Predictions of the rows, a few at a time where they are large: a layer's output is many times the size of the
    images."""
    answers = [signature(examples=tf.constant(part))["predictions"].numpy() for part in by_size(batch)]
    return np.concatenate(answers)


def _stored_predictions(predictions: NDArray[Any], model: str, rows: int) -> pa.Array:
    """One number a row for [rows, 1], a list of fixed length for [rows, classes]."""
    if predictions.ndim != 2 or len(predictions) != rows:
        shape = f"{predictions.shape} to {rows:,} rows"
        raise ValueError(f"the {model} model gives predictions of shape {shape}, not [batch, outputs]")
    flat = pa.array(np.ascontiguousarray(predictions, dtype=np.float64).reshape(-1))
    return flat if predictions.shape[1] == 1 else pa.FixedSizeListArray.from_arrays(flat, predictions.shape[1])


def check_models(models: Mapping[str, str], class_names: list[str]) -> None:
    """Refuses, before any row is scored, a model whose predictions cannot be measured or named.

    Raises:
      SluiceError: when its signature gives no predictions, when they are not [batch, 1] or [batch, classes], or when
        the candidate's classes and `data.class_names` are not as many.
    """
    for model, path in models.items():
        shape = _shape_of_predictions(model, path)
        if shape is None:
            continue  # each batch is checked again
        if len(shape) != 2:
            dimensions = ", ".join("batch" if size < 0 else str(size) for size in shape)
            raise SluiceError(
                f"The {model} model predicts [{dimensions}], and what is measured is [batch, 1] (two classes, a "
                "sigmoid) or [batch, classes] (a softmax).",
                "Let build_model end in Dense(1, sigmoid) or Dense(classes, softmax), then run the same command again.",
            )
        classes = max(shape[1], 2)
        if model == CANDIDATE and class_names and shape[1] > 0 and classes != len(class_names):
            raise SluiceError(
                f"`data.class_names` names {len(class_names)} classes and the model tells {classes} apart.",
                "See what the names are for:  python runners/local_runner.py --explain data.class_names",
            )


def unreadable_columns(models: Mapping[str, str], schema: schema_pb2.Schema) -> dict[str, str]:
    """The inputs of the blessed model that the data do not have, or not in that form; each in words.

    Missing columns parse as missing values and degrade a model without an error, and an image of another size cannot be
    parsed. A model from outside, without `serving_default`, was checked when it was wrapped.
    """
    if BLESSED not in models:
        return {}
    # The candidate's inputs, too: it was trained on these data.
    held = {**_columns_of(schema), **_inputs_of(models[CANDIDATE])}
    return {
        name: f"{wanted}, which the data " + (f"have as {held[name]}" if name in held else "do not have")
        for name, wanted in _inputs_of(models[BLESSED]).items()
        if not _is_met(wanted, held.get(name))
    }


def _is_met(wanted: str, held: str | None) -> bool:
    """Whether the data fit an input. One that takes at most one value a row also parses rows of exactly one."""
    return held is not None and (held == wanted or re.fullmatch(re.escape(wanted) + r"\[1(, 1)*\]", held) is not None)


def _inputs_of(path: str) -> dict[str, str]:
    """Type and shape of a row for each input column of `serving_default`, read without loading the model."""
    signature = _signatures_of(path).get(COLUMNS_SIGNATURE)
    return {
        name: dtype_in_words(tf.as_dtype(tensor.dtype), [dimension.size for dimension in tensor.tensor_shape.dim][1:])
        for name, tensor in (signature.inputs.items() if signature else ())
    }


def _columns_of(schema: schema_pb2.Schema) -> dict[str, str]:
    """The same for each column of the data, by its name as an input of `serving_default`, and by its own: a model that
    was exported before keywords of Python got another name has an input `class`."""
    columns = schema_utils.schema_as_feature_spec(schema).feature_spec
    return {
        each: dtype_in_words(spec.dtype, getattr(spec, "shape", ()))
        for name, spec in columns.items()
        for each in (name, public_names([name])[name])
    }


def _signatures_of(path: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = parse_saved_model(path).meta_graphs[0].signature_def
    return found


def _shape_of_predictions(model: str, path: str) -> list[int] | None:
    """Read from the SavedModel without loading it; -1 for a free size, None where the rank is not fixed."""
    signatures = _signatures_of(path)
    if SIGNATURE not in signatures or "predictions" not in signatures[SIGNATURE].outputs:
        raise SluiceError(
            f"The {model} model has no signature `{SIGNATURE}` that gives `predictions`: there is nothing to measure.",
            f"See what it has:  saved_model_cli show --dir {path} --all",
        )
    shape = signatures[SIGNATURE].outputs["predictions"].tensor_shape
    return None if shape.unknown_rank else [dimension.size for dimension in shape.dim]


def score(
    pipeline: beam.Pipeline,
    files: list[str],
    models: Mapping[str, str],
    schema: schema_pb2.Schema,
    label: str,
    columns: list[str],
    uri: str,
    entity: str | None = None,
    by_content: bool = False,
) -> None:
    """Adds the scoring of `files` to a Beam pipeline; one element for each file, so that workers share them. `entity`:
    the column of the entity, where entities were assigned to the splits; `by_content`: whether a hash of the row
    assigned it."""
    fileio.makedirs(posixpath.join(uri, FOLDER))
    numbered = pipeline | "Shards" >> beam.Create(list(enumerate(files)))
    if len(files) > 1:
        numbered |= "Spread" >> beam.Reshuffle()
    scoring = ScoreShard(models, schema, label, columns, uri, entity, by_content)
    _ = numbered | "Score" >> beam.ParDo(scoring)


def failures(uri: str) -> dict[str, str]:
    """By model why it could not be loaded or called, of the first file where that happened."""
    folder, found = posixpath.join(uri, FAILURES), dict[str, str]()
    for name in sorted(fileio.listdir(folder)) if fileio.exists(folder) else ():
        found.setdefault(name.removesuffix(".txt").split("-")[1], read_text(folder, name))
    return found


def read_scored(uri: str) -> Scored:
    """Reads the files of `score` under an evaluation's `uri`, in the order of the files; the candidate must not have
    failed on any."""
    folder = posixpath.join(uri, FOLDER)
    tables = []
    for name in sorted(fileio.listdir(folder)):
        with fileio.open(posixpath.join(folder, name), "rb") as file:
            tables.append(pq.read_table(pa.BufferReader(file.read())))
    if not tables:
        raise ValueError(f"no row was scored: {folder} is empty")
    shared = [name for name in tables[0].column_names if all(name in each.column_names for each in tables)]
    table = pa.concat_tables([each.select(shared) for each in tables])
    prefix = _stored("")
    return Scored(
        labels=table[LABEL].to_numpy(),
        predictions=_read_predictions(table[CANDIDATE]),
        blessed=_read_predictions(table[BLESSED]) if BLESSED in table.column_names else None,
        columns={
            name.removeprefix(prefix): table[name].to_numpy() for name in table.column_names if name.startswith(prefix)
        },
        groups=_drawn_together(table),
    )


def _drawn_together(table: pa.Table) -> Groups:
    if ENTITY in table.column_names:
        return table[ENTITY].combine_chunks().dictionary_encode().indices.to_numpy()
    return groups_of(table[CONTENT].to_numpy()) if CONTENT in table.column_names else None


def _read_predictions(column: pa.ChunkedArray) -> NDArray[np.float64]:
    if not pa.types.is_fixed_size_list(column.type):
        return np.asarray(column.to_numpy())
    flat = np.concatenate([chunk.flatten().to_numpy() for chunk in column.chunks])
    return np.asarray(flat.reshape(-1, column.type.list_size))
