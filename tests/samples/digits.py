"""The 8 x 8 digits of scikit-learn as an image workload with ten classes: examples, schema and an exported model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import Artifact, standard_artifacts

from tests.samples.taxi_artifacts import artifact

LABEL = "label"
NAMES = ["nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SCHEMA = """
feature { name: "image" type: INT presence { min_fraction: 1 min_count: 1 }
          shape { dim { size: 8 } dim { size: 8 } dim { size: 1 } } }
feature { name: "label" type: INT not_in_environment: "SERVING"
          int_domain { min: 0 max: 9 is_categorical: true } }
default_environment: "TRAINING" default_environment: "SERVING"
"""


@cache
def digits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pixels from 0 to 240, [rows, 64], and labels, by split."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    parts = {"train": order[:1000], "eval": order[1000:1300], "test": order[1300:]}
    return {name: ((15 * data.data[rows]).astype(np.int64), data.target[rows]) for name, rows in parts.items()}


def serialized(pixels: np.ndarray, labels: np.ndarray) -> list[bytes]:
    """tf.Examples of these images."""
    return [_example(row, int(label)).SerializeToString() for row, label in zip(pixels, labels, strict=True)]


def _example(pixels: np.ndarray, label: int) -> tf.train.Example:
    example = tf.train.Example()
    example.features.feature["image"].int64_list.value.extend(pixels.tolist())
    example.features.feature[LABEL].int64_list.value.append(label)
    return example


def schema() -> schema_pb2.Schema:
    """The curated schema of the digits."""
    return text_format.Parse(SCHEMA, schema_pb2.Schema())


def inputs(home: Path, flip: bool = False) -> dict[str, list[Artifact]]:
    """Examples and schema as artifacts. `flip`: labels that no model knows."""
    for split, (pixels, labels) in digits().items():
        folder = home / f"examples/Split-{split}"
        folder.mkdir(parents=True)
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), options) as writer:
            for example in serialized(pixels, labels + (5 if flip else 0)):
                writer.write(example)
    (home / "schema").mkdir()
    (home / "schema/schema.pbtxt").write_text(SCHEMA)
    names = '["train", "eval", "test"]'
    return {
        "examples": [artifact(standard_artifacts.Examples, home / "examples", split_names=names)],
        "schema": [artifact(standard_artifacts.Schema, home / "schema")],
    }


@cache
def _weights() -> tuple[np.ndarray, np.ndarray]:
    pixels, labels = digits()["train"]
    model = LogisticRegression(C=0.01, max_iter=300).fit(pixels / 255, labels)
    return model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)


def predicted(pixels: np.ndarray, scale: float = 255.0) -> np.ndarray:
    """What the model that `write_model` exports says of these pixels."""
    coefficients, intercept = _weights()
    powers = np.exp(pixels.astype(np.float32) / np.float32(scale) @ coefficients + intercept)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def write_model(
    uri: Path,
    scale: float = 255.0,
    shape: Any = (-1, 10),
    side: int = 8,
    inputs: Mapping[str, tf.TensorSpec] | None = None,
) -> Path:
    """A softmax regression on images of `side` x `side`; `shape` is that of the predictions, `inputs` those of
    its `serving_default`, without which it has none."""
    coefficients, intercept = _weights()

    class Model(tf.Module):
        def __init__(self) -> None:
            self.weights = tf.Variable(coefficients[: side * side])

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            pixels = tf.io.parse_example(examples, {"image": tf.io.FixedLenFeature([side * side], tf.int64)})["image"]
            logits = tf.cast(pixels, tf.float32) / scale @ self.weights + intercept
            return {"predictions": tf.reshape(tf.nn.softmax(logits), shape)}

    def answer(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"predictions": tf.zeros([tf.shape(next(iter(columns.values())))[0], 10])}

    model = Model()
    signatures: dict[str, Any] = {"serving_examples": model.serve}
    if inputs:
        signatures["serving_default"] = tf.function(answer).get_concrete_function(**inputs)
    tf.saved_model.save(model, str(uri / "Format-Serving"), signatures=signatures)
    return uri
