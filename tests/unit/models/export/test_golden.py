"""Golden requests are rows with the answers of the export itself, and the same bytes whenever they are written."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from models.export.golden import FILE, FOLDER, MOST_ROWS, failed_request, write_golden
from models.export.replay import TrainingPath, read_built
from pipeline.evidence.fresh_endpoint import golden_answers
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


def _exported(folder: Path, answer: Callable[[tf.Tensor], tf.Tensor]) -> str:
    """An export with the inputs of the trained one that answers by the fare."""
    trained_inputs = tf.saved_model.load(str(golden())).signatures["serving_default"].structured_input_signature[1]

    class Model(tf.Module):
        @tf.function(autograph=False)
        def serve(self, **columns: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"predictions": answer(columns["fare"])[:, None]}

    model = Model()
    tf.saved_model.save(model, str(folder), signatures=model.serve.get_concrete_function(**trained_inputs))
    return str(folder)


def _costly(fare: tf.Tensor) -> tf.Tensor:
    with tf.control_dependencies([tf.debugging.assert_less_equal(fare, 8.0, "a fare above 8")]):
        return tf.identity(fare)


def test_a_request_that_the_model_cannot_answer_is_kept_for_the_model_gate(tmp_path: Path) -> None:
    unseen, rows = read_built(str(trained() / "run")).unseen, prepared().serialized[1200:]
    sound, failing = _exported(tmp_path / "sound", tf.identity), _exported(tmp_path / "failing", _costly)
    assert write_golden(sound, prepared().graph, unseen, rows) == MOST_ROWS
    assert failed_request(sound) == ""
    assert 0 < write_golden(failing, prepared().graph, unseen, rows) < MOST_ROWS
    assert "a fare above 8" in failed_request(failing)
    assert "a fare above 8" in str(golden_answers(failing)["error:golden"])


def test_an_export_that_cannot_be_loaded_is_left_to_the_model_gate(tmp_path: Path) -> None:
    damaged = Path(_exported(tmp_path / "damaged", tf.identity))
    (damaged / "saved_model.pb").write_bytes(b"no model")
    unseen = read_built(str(trained() / "run")).unseen
    assert write_golden(str(damaged), prepared().graph, unseen, prepared().serialized[:3]) == 0
