"""Small real data for the tests of the gate components: taxi rides as statistics and as Examples."""

from __future__ import annotations

import functools
import json
import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx.types import Artifact, standard_artifacts
from tfx_bsl.coders import example_coder

from gates.schema.proposal import propose_schema

LABEL = "big_tipper"
WITHHELD = ["payment_type", "tips"]
COLUMNS = ["company", "trip_start_hour", "fare", "trip_miles", "dropoff_latitude", "payment_type", "tips"]
SPLITS = ("train", "eval", "test")


@functools.cache
def _rides() -> pd.DataFrame:
    source = files("tfx").joinpath("examples/chicago_taxi_pipeline/data/simple/data.csv")
    rides = pd.read_csv(str(source))[COLUMNS].dropna(subset=["tips", "fare"])
    return rides.assign(**{LABEL: (rides["tips"] > 0.2 * rides["fare"]).astype("int64")})


def rides() -> pd.DataFrame:
    """The real rides with the label, a copy to do with as one likes."""
    return _rides().copy()


def assign(frame: pd.DataFrame, seed: int = 0, weights: tuple[float, ...] = (0.8, 0.1, 0.1)) -> dict[str, pd.DataFrame]:
    """A random split."""
    split = np.random.default_rng(seed).choice(3, size=len(frame), p=weights)
    return {name: frame[split == i] for i, name in enumerate(SPLITS)}


def statistics_of(frame: pd.DataFrame) -> statistics_pb2.DatasetFeatureStatisticsList:
    """TFDV's statistics of a frame."""
    return tfdv.generate_statistics_from_dataframe(frame.reset_index(drop=True))


def proposed(splits: dict[str, statistics_pb2.DatasetFeatureStatisticsList]) -> schema_pb2.Schema:
    """The schema that SchemaGen proposes."""
    inferred = tfdv.infer_schema(splits["train"], infer_feature_shape=False)
    smallest = min(int(each.datasets[0].num_examples) for each in splits.values())
    return propose_schema(inferred, splits["train"].datasets[0], LABEL, WITHHELD, smallest)


def artifact(kind: type[Artifact], uri: Path, **properties: Any) -> Artifact:
    """An artifact at a path."""
    made = kind()
    made.uri = str(uri)
    for name, value in properties.items():
        setattr(made, name, value)
    return made


def write_examples(splits: dict[str, pd.DataFrame], uri: Path) -> Artifact:
    """Examples in the layout of ExampleGen, missing values as features without a value."""
    for name, frame in splits.items():
        folder = uri / f"Split-{name}"
        folder.mkdir(parents=True)
        encoded = example_coder.RecordBatchToExamplesEncoder(None).encode(_record_batch(frame))
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), options) as writer:
            for example in encoded:
                writer.write(example)
    return artifact(standard_artifacts.Examples, uri, split_names=json.dumps(list(splits)))


def write_statistics(splits: dict[str, pd.DataFrame], uri: Path) -> Artifact:
    """Statistics in the layout of StatisticsGen."""
    for name, frame in splits.items():
        folder = uri / f"Split-{name}"
        folder.mkdir(parents=True)
        (folder / "FeatureStats.pb").write_bytes(statistics_of(frame).SerializeToString())
    made = artifact(standard_artifacts.ExampleStatistics, uri, split_names=json.dumps(list(splits)))
    made.span = 0
    return made


def write_model(uri: Path, weight: float = 0.5, fails_above: float = math.inf) -> Path:
    """A tiny logistic model on fare and miles, exported with the signature that the Evaluator measures. It fails on a
    row with a higher fare than `fails_above`."""

    class Model(tf.Module):
        def __init__(self) -> None:
            self.weight = tf.Variable(weight)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            spec = {name: tf.io.FixedLenFeature([], tf.float32, 0.0) for name in ("fare", "trip_miles")}
            row = tf.io.parse_example(examples, spec)
            if math.isfinite(fails_above):
                tf.debugging.assert_less_equal(row["fare"], fails_above, f"a fare above {fails_above:g}")
            logit = self.weight * tf.math.log1p(row["fare"]) - 0.01 * row["trip_miles"] - 1.5
            return {"predictions": tf.sigmoid(logit)[:, None]}

    model = Model()
    tf.saved_model.save(model, str(uri / "Format-Serving"), signatures={"serving_examples": model.serve})
    return uri


def _record_batch(frame: pd.DataFrame) -> pa.RecordBatch:
    arrays = []
    for name in frame.columns:
        present = frame[name].notna().to_numpy()
        values = frame[name][present]
        if values.dtype == object:
            flat = pa.array([str(value).encode() for value in values], type=pa.binary())
        else:
            flat = pa.array(values.to_numpy(np.float32 if values.dtype.kind == "f" else np.int64))
        ends = np.concatenate([[0], np.cumsum(present)])
        offsets = pa.array(ends, mask=np.concatenate([~present, [False]]))
        arrays.append(pa.LargeListArray.from_arrays(offsets, flat))
    return pa.RecordBatch.from_arrays(arrays, list(frame.columns))
