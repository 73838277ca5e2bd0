"""Our view of a PredictionLog is TensorFlow Serving's, byte for byte, and takes no TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from models.export.placeholders import MISSING
from sources.prediction_log import PredictionLog, is_prediction_log, put_tensor, tensor_in
from sources.prediction_rows import MISSING_INT
from tests.samples.folders import ROOT

ARRAYS = [
    np.array([1.5, np.nan], np.float32),
    np.array([[1.5], [2.5]], np.float64),
    np.array([-(2**63), 2**63 - 1]),
    np.array([7, -7], np.int32),
    np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1),
    np.array([True, False]),
    np.array([b"Blue", b"\xff\x00"], object),
    np.array([], np.float32),
]


@pytest.mark.parametrize("values", ARRAYS, ids=lambda values: f"{values.dtype}{values.shape}")
def test_what_is_written_here_tensorflow_reads_and_the_other_way_round(values: Any) -> None:
    ours = PredictionLog()
    put_tensor(ours.predict_log.request.inputs, "x", values)
    theirs = prediction_log_pb2.PredictionLog.FromString(ours.SerializeToString())
    np.testing.assert_array_equal(tf.make_ndarray(theirs.predict_log.request.inputs["x"]), values)

    theirs = prediction_log_pb2.PredictionLog()
    theirs.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto(values))
    ours = PredictionLog.FromString(theirs.SerializeToString())
    (entry,) = ours.predict_log.request.inputs
    found = tensor_in(entry.value)
    assert entry.key == "x"
    assert found.shape == values.shape
    np.testing.assert_array_equal(found, values)


def test_a_tensor_of_one_value_stands_for_many() -> None:
    theirs = prediction_log_pb2.PredictionLog()
    tensor = theirs.predict_log.request.inputs["x"]
    tensor.CopyFrom(tf.make_tensor_proto([0.5]))
    tensor.ClearField("tensor_content")
    tensor.float_val[:] = [0.5]
    tensor.tensor_shape.dim[0].size = 3
    ours = PredictionLog.FromString(theirs.SerializeToString())
    assert tensor_in(ours.predict_log.request.inputs[0].value).tolist() == [0.5] * 3


def test_a_type_that_no_column_can_hold_is_named() -> None:
    theirs = prediction_log_pb2.PredictionLog()
    theirs.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto([1j]))
    ours = PredictionLog.FromString(theirs.SerializeToString())
    with pytest.raises(ValueError, match=f"a tensor of type {tf.complex128.as_datatype_enum}"):
        tensor_in(ours.predict_log.request.inputs[0].value)


def test_every_field_has_the_number_that_tensorflow_serving_gives_it() -> None:
    log = PredictionLog()
    log.log_metadata.model_spec.name = "taxi"
    log.log_metadata.timestamp_secs = 1764400000
    log.log_metadata.request_origin = "request 7"
    log.log_metadata.sampling_config.sampling_rate = 0.1
    log.predict_log.request.model_spec.name = "taxi"
    log.predict_log.request.model_spec.version.value = 101
    log.predict_log.request.model_spec.signature_name = "serving_default"
    log.predict_log.response.model_spec.version.value = 101
    put_tensor(log.predict_log.response.outputs, "tip", np.array([0.5], np.float32))
    theirs = prediction_log_pb2.PredictionLog.FromString(log.SerializeToString())
    expected = prediction_log_pb2.PredictionLog()
    expected.log_metadata.model_spec.name = "taxi"
    expected.log_metadata.timestamp_secs = 1764400000
    expected.log_metadata.request_origin = "request 7"
    expected.log_metadata.sampling_config.sampling_rate = 0.1
    expected.predict_log.request.model_spec.name = "taxi"
    expected.predict_log.request.model_spec.version.value = 101
    expected.predict_log.request.model_spec.signature_name = "serving_default"
    expected.predict_log.response.model_spec.version.value = 101
    expected.predict_log.response.outputs["tip"].CopyFrom(tf.make_tensor_proto(np.array([0.5], np.float32)))
    expected.predict_log.response.outputs["tip"].tensor_content = np.array([0.5], "<f4").tobytes()
    expected.predict_log.response.outputs["tip"].ClearField("float_val")
    assert theirs == expected


def test_it_is_told_from_an_example() -> None:
    feature = {"fare": tf.train.Feature(float_list=tf.train.FloatList(value=[1.0]))}
    example = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
    log = PredictionLog()
    put_tensor(log.predict_log.request.inputs, "fare", np.array([1.0], np.float32))
    assert is_prediction_log(log.SerializeToString())
    for other in (example, b"", b"\xff\xff", b"text"):
        assert not is_prediction_log(other)


def test_the_placeholder_of_a_missing_whole_number_is_that_of_the_export() -> None:
    assert MISSING[tf.int64] == MISSING_INT


def test_reading_and_writing_import_no_tensorflow() -> None:
    code = "import sys, sources.prediction_rows; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
