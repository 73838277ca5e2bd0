"""A SavedModel from outside is called like our own, with any names of its signature and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from core.errors import SluiceError
from pipeline.components.outside_model import OutsideModel
from pipeline.config.evaluation import BaselineConfig, EvaluatorConfig
from pipeline.config.references import check_baseline
from tests.samples import taxi_artifacts as samples

SCHEMA = """
feature { name: "fare" type: FLOAT }
feature { name: "trip miles" type: INT }
feature { name: "company" type: BYTES }
"""
ROWS: list[dict[str, Any]] = [
    {"fare": 5.0, "trip miles": 3, "company": b"a"},
    {"fare": 1.0, "company": b"b"},
    {"fare": 2.0, "trip miles": 9},
]


def _examples() -> tf.Tensor:
    made = []
    for row in ROWS:
        example = tf.train.Example()
        for name, value in row.items():
            feature = example.features.feature[name]
            kind = {bytes: feature.bytes_list, int: feature.int64_list, float: feature.float_list}[type(value)]
            kind.value.append(value)
        made.append(example.SerializeToString())
    return tf.constant(made)


class ByColumns(tf.Module):
    """Asks for columns, one of them as [batch, 1] and as float, and answers with two scores."""

    def __init__(self) -> None:
        self.weight = tf.Variable(0.1)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 1], tf.float32, "fare"),
            tf.TensorSpec([None], tf.string, "company"),
            tf.TensorSpec([None], tf.int64, "trip_miles"),
        ]
    )
    def serve(self, fare: tf.Tensor, company: tf.Tensor, trip_miles: tf.Tensor) -> dict[str, tf.Tensor]:
        known = tf.cast(trip_miles != tf.int64.min, tf.float32) + 10 * tf.cast(company == "", tf.float32)
        score = self.weight * fare[:, 0] + known
        return {"scores": tf.stack([1 - score, score], axis=1), "classes": company}


class ByExamples(tf.Module):
    """Asks for serialized examples and answers with [batch]."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def serve(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probability": tf.cast(tf.strings.length(inputs), tf.float64)}


def _save(folder: Path, module: Any) -> Path:
    tf.saved_model.save(module, str(folder), signatures={"outside": module.serve})
    return folder


def _brought_in(tmp_path: Path, saved_model: Path, signature: str, output: str) -> Any:
    schema = samples.artifact(standard_artifacts.Schema, tmp_path / "schema")
    Path(schema.uri).mkdir(exist_ok=True)
    parsed = text_format.Parse(SCHEMA, schema_pb2.Schema())
    Path(schema.uri, "schema.pbtxt").write_text(text_format.MessageToString(parsed))
    model = samples.artifact(standard_artifacts.Model, tmp_path / "model")
    baseline = BaselineConfig(saved_model=str(saved_model), signature=signature, output=output)
    OutsideModel.test_call(schema=schema, model=model, config=baseline.to_property(), fingerprint="", code="")
    return tf.saved_model.load(f"{model.uri}/Format-Serving")


def test_columns_are_sent_in_the_form_of_the_signature(tmp_path: Path) -> None:
    loaded = _brought_in(tmp_path, _save(tmp_path / "outside", ByColumns()), "outside", "scores")
    answer = loaded.signatures["serving_examples"](examples=_examples())["predictions"].numpy()
    np.testing.assert_allclose(answer, [[-0.5, 1.5], [0.9, 0.1], [-10.2, 11.2]], rtol=1e-6)


def test_serialized_examples_are_passed_on(tmp_path: Path) -> None:
    loaded = _brought_in(tmp_path, _save(tmp_path / "outside", ByExamples()), "outside", "probability")
    answer = loaded.signatures["serving_examples"](examples=_examples())["predictions"]
    assert (answer.shape, answer.dtype) == ((3, 1), tf.float32)
    assert answer.numpy()[0, 0] == len(_examples().numpy()[0])


@pytest.mark.parametrize(
    ("signature", "output", "sentence"),
    [
        ("serving_default", "scores", r"has no signature `serving_default` \(there: outside\)"),
        ("outside", "predictions", r"has no output `predictions` \(there: classes, scores\)"),
    ],
)
def test_what_the_model_does_not_have_is_one_sentence(
    tmp_path: Path, signature: str, output: str, sentence: str
) -> None:
    with pytest.raises(SluiceError, match=sentence):
        _brought_in(tmp_path, _save(tmp_path / "outside", ByColumns()), signature, output)


def test_a_column_that_the_data_does_not_have_is_one_sentence(tmp_path: Path) -> None:
    class Other(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "tariff")])
        def serve(self, tariff: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"p": tariff}

    with pytest.raises(SluiceError, match="requires the column `tariff`, which the data does not have"):
        _brought_in(tmp_path, _save(tmp_path / "outside", Other()), "outside", "p")


@pytest.mark.parametrize(
    ("column", "dtype", "sentence"),
    [
        ("trip_miles", tf.string, "requires text in the column `trip miles`, which holds whole numbers"),
        ("fare", tf.string, "requires text in the column `fare`, which holds numbers"),
        ("company", tf.float32, "requires numbers in the column `company`, which holds text"),
        ("company", tf.int64, "requires whole numbers in the column `company`, which holds text"),
    ],
)
def test_text_columns_for_numbers_and_numbers_for_text_are_one_sentence(
    tmp_path: Path, column: str, dtype: tf.DType, sentence: str
) -> None:
    class Other(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], dtype, column), tf.TensorSpec([None], tf.float32, "fare")])
        def serve(self, other: tf.Tensor, fare: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"p": fare}

        @tf.function(input_signature=[tf.TensorSpec([None], dtype, column)])
        def serve_alone(self, other: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"p": tf.zeros(tf.shape(other))}

    other = Other()
    served = other.serve_alone if column == "fare" else other.serve
    tf.saved_model.save(other, str(tmp_path / "outside"), signatures={"outside": served})
    with pytest.raises(SluiceError, match=sentence) as caught:
        _brought_in(tmp_path, tmp_path / "outside", "outside", "p")
    assert "saved_model_cli show" in caught.value.next_command


def test_what_is_no_saved_model_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/saved_model.pb").write_bytes(b"not a graph")
    with pytest.raises(SluiceError, match="is no SavedModel that can be loaded"):
        _brought_in(tmp_path, tmp_path / "outside", "outside", "p")
    threshold = {"metric": "auc", "no_worse_than_blessed_by": 0.1}
    for folder in (tmp_path / "none", tmp_path):
        config = EvaluatorConfig.model_validate({"baseline": {"saved_model": str(folder)}, "thresholds": [threshold]})
        with pytest.raises(SluiceError, match=r"`evaluator\.baseline\.saved_model` names"):
            check_baseline(config)
