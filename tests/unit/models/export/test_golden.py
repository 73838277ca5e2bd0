"""Golden requests are rows with the answers of the export itself, and the same bytes whenever they are written."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from models.export.golden import FILE, FOLDER, MOST_ROWS, write_golden
from models.export.replay import TrainingPath, read_built
from tests.samples.folders import scratch
from tests.samples.taxi_training import trained
from tests.samples.taxi_transformed import prepared


@functools.cache
def golden() -> Path:
    model = scratch() / "model"
    shutil.copytree(trained() / "model", model)
    rows = prepared().serialized[1200:]
    assert write_golden(str(model), prepared().graph, read_built(str(trained() / "run")).unseen, rows) == MOST_ROWS
    return model


def _logs(model: Path) -> list[prediction_log_pb2.PredictLog]:
    records = tf.data.TFRecordDataset(str(model / FOLDER / FILE)).as_numpy_iterator()
    return [prediction_log_pb2.PredictionLog.FromString(record).predict_log for record in records]


def test_the_answers_are_those_of_the_trained_model() -> None:
    rows = np.array(prepared().serialized[1200 : 1200 + MOST_ROWS], dtype=object)
    expected = TrainingPath(prepared().graph, str(trained() / "run")).predict(rows)
    answers = [tf.make_ndarray(log.response.outputs["predictions"]) for log in _logs(golden())]
    np.testing.assert_allclose(np.concatenate(answers), expected, atol=1e-6)
    assert np.ptp(expected) > 0.01


def test_a_request_has_every_input_of_the_signature_and_neither_label_nor_withheld_columns() -> None:
    signature = tf.saved_model.load(str(golden())).signatures["serving_default"]
    inputs = set(signature.structured_input_signature[1])
    assert {"fare", "company"} <= inputs
    for log in _logs(golden()):
        assert set(log.request.inputs) == inputs
        assert log.request.model_spec.signature_name == "serving_default"


def test_the_same_rows_and_model_give_the_same_bytes() -> None:
    before = (golden() / FOLDER / FILE).read_bytes()
    rows = prepared().serialized[1200:]
    write_golden(str(golden()), prepared().graph, read_built(str(trained() / "run")).unseen, rows)
    assert (golden() / FOLDER / FILE).read_bytes() == before


def test_large_rows_are_fewer() -> None:
    model = scratch() / "large"
    shutil.copytree(trained() / "model", model)
    row = tf.train.Example.FromString(prepared().serialized[0])
    row.features.feature["more"].bytes_list.value.append(b"x" * 600_000)
    unseen = read_built(str(trained() / "run")).unseen
    assert write_golden(str(model), prepared().graph, unseen, [row.SerializeToString()] * 3) == 1
