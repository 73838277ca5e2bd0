"""Runs exported models over a split, shard by shard on Beam, and keeps label, predictions and slice columns."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.io import fileio

from gates.measurement import MISSING, Scored
from pipeline.components.columnar import decoder_of, numbers, raw_batches, texts

SIGNATURE = "serving_examples"
LABEL, CANDIDATE, BLESSED = "label", "candidate", "blessed"
FOLDER = "predictions"


class ScoreShard(beam.DoFn):
    """Scores one TFRecord file with every model and writes one Parquet file; the same file again when retried."""

    def __init__(
        self, models: Mapping[str, str], schema: schema_pb2.Schema, label: str, columns: list[str], uri: str
    ) -> None:
        self._models = dict(models)
        self._schema = schema.SerializeToString()
        self._label = label
        self._columns = columns
        self._uri = uri

    def setup(self) -> None:
        """Loads the models once a worker."""
        loaded = {name: tf.saved_model.load(path) for name, path in self._models.items()}
        # The loaded objects own what the signatures use, so both are kept.
        self._loaded = loaded
        self._signatures = {name: model.signatures[SIGNATURE] for name, model in loaded.items()}
        self._decoder = decoder_of(schema_pb2.Schema.FromString(self._schema), {self._label, *self._columns})

    def process(self, numbered: tuple[int, str]) -> Iterator[int]:
        """Yields the number of rows."""
        number, path = numbered
        batches = [self._score(batch) for batch in raw_batches(path)]
        if batches:
            table = pa.Table.from_batches(batches)
            buffer = pa.BufferOutputStream()
            pq.write_table(table, buffer)
            with fileio.open(posixpath.join(self._uri, FOLDER, f"{number:05d}.parquet"), "wb") as file:
                file.write(buffer.getvalue().to_pybytes())
            yield table.num_rows

    def _score(self, batch: Any) -> pa.RecordBatch:
        decoded = self._decoder.DecodeBatch(batch.tolist())
        named = dict(zip(decoded.schema.names, decoded.columns, strict=True))
        scored = {LABEL: pa.array(numbers(named[self._label]))}
        examples = tf.constant(batch)
        for name, signature in self._signatures.items():
            scored[name] = pa.array(_probabilities(signature(examples=examples), name))
        for column in self._columns:
            scored[_stored(column)] = pa.array(texts(named[column], MISSING), type=pa.string())
        return pa.RecordBatch.from_arrays(list(scored.values()), list(scored))


def _stored(column: str) -> str:
    return f"slice:{column}"


def _probabilities(outputs: Mapping[str, tf.Tensor], model: str) -> Any:
    predictions = outputs["predictions"].numpy()
    if predictions.ndim == 2 and predictions.shape[1] == 1:
        return predictions[:, 0].astype(np.float64)
    raise ValueError(
        f"the {model} model's signature {SIGNATURE} gives predictions of shape {predictions.shape}; "
        "the Evaluator measures binary models, [batch, 1]"
    )


def score(
    pipeline: beam.Pipeline,
    files: list[str],
    models: Mapping[str, str],
    schema: schema_pb2.Schema,
    label: str,
    columns: list[str],
    uri: str,
) -> None:
    """Adds the scoring of `files` to a Beam pipeline; one element a file, so that workers share them."""
    fileio.makedirs(posixpath.join(uri, FOLDER))
    numbered = pipeline | "Shards" >> beam.Create(list(enumerate(files)))
    if len(files) > 1:
        numbered |= "Spread" >> beam.Reshuffle()
    _ = numbered | "Score" >> beam.ParDo(ScoreShard(models, schema, label, columns, uri))


def read_scored(uri: str) -> Scored:
    """What `score` wrote under an evaluation's `uri`, in the order of the files."""
    folder = posixpath.join(uri, FOLDER)
    tables = []
    for name in sorted(fileio.listdir(folder)):
        with fileio.open(posixpath.join(folder, name), "rb") as file:
            tables.append(pq.read_table(pa.BufferReader(file.read())))
    if not tables:
        raise ValueError(f"no row was scored: {folder} is empty")
    table = pa.concat_tables(tables)
    prefix = _stored("")
    return Scored(
        labels=table[LABEL].to_numpy(),
        predictions=table[CANDIDATE].to_numpy(),
        blessed=table[BLESSED].to_numpy() if BLESSED in table.column_names else None,
        columns={
            name.removeprefix(prefix): table[name].to_numpy() for name in table.column_names if name.startswith(prefix)
        },
    )
