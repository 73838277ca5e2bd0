"""A SavedModel is loaded with its names and placeholders, warmed up by the requests that it carries, or refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from core.errors import SluiceError
from serving.protocol.signature import Feature
from serving.worker.model import LoadedModel
from tests.samples.served_models import export_ride_model

COLUMNS = {"fare": np.array([1.0], np.float32), "company": np.array([b"a"], object), "hour": np.array([8])}


def test_knows_what_may_be_missing_and_what_the_classes_are_called(tmp_path: Path) -> None:
    model = LoadedModel(str(export_ride_model(tmp_path / "model", 0.25)))
    assert [each.name for each in model.features] == ["company", "fare", "hour"]
    company, fare, hour = model.features
    assert (company.missing, hour.missing) == ("", None)
    assert isinstance(fare.missing, float) and math.isnan(fare.missing)
    assert (model.label, model.classes) == ("tipped", ["no tip", "tip"])
    assert model.predict(COLUMNS)["predictions"].tolist() == [[0.25]]


def test_without_a_form_every_input_must_have_a_value(tmp_path: Path) -> None:
    model = LoadedModel(str(export_ride_model(tmp_path / "model", 0.25, classes=())))
    assert model.features[2] == Feature("hour", "int64")
    assert {each.missing for each in model.features} == {None}
    assert model.classes == ()


def test_is_warmed_up_by_the_requests_that_it_carries(tmp_path: Path) -> None:
    folder = export_ride_model(tmp_path / "model", 0.25)
    assert LoadedModel(str(folder)).warm_up() == 0
    log = prediction_log_pb2.PredictionLog()
    for name, column in COLUMNS.items():
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(column))
    with tf.io.TFRecordWriter(str(folder / "assets.extra/tf_serving_warmup_requests")) as writer:
        for _ in range(3):
            writer.write(log.SerializeToString())
        # One for another signature is left alone.
        writer.write(prediction_log_pb2.PredictionLog().SerializeToString())
    assert LoadedModel(str(folder)).warm_up() == 3


def test_what_is_no_model_or_has_no_such_signature_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="is no SavedModel that can be loaded"):
        LoadedModel(str(tmp_path))
    tf.saved_model.save(tf.Module(), str(tmp_path / "plain"))
    with pytest.raises(SluiceError, match="has no signature `serving_default`; it has: none"):
        LoadedModel(str(tmp_path / "plain"))
    module = tf.Module()
    free = tf.function(lambda x: {"y": x}).get_concrete_function(tf.TensorSpec([None, None], tf.float32, name="x"))
    tf.saved_model.save(module, str(tmp_path / "free"), signatures={"serving_default": free})
    with pytest.raises(SluiceError, match=r"input `x` .* is float32\[None, None\], which JSON cannot fill"):
        LoadedModel(str(tmp_path / "free"))
    complex_ = tf.function(lambda x: {"y": tf.complex(x, x)}).get_concrete_function(tf.TensorSpec([None], name="x"))
    tf.saved_model.save(module, str(tmp_path / "complex"), signatures={"serving_default": complex_})
    with pytest.raises(SluiceError, match=r"output `y` .* is complex64, which JSON cannot hold"):
        LoadedModel(str(tmp_path / "complex"))
    one = tf.function(lambda x: {"y": tf.reduce_sum(x)}).get_concrete_function(tf.TensorSpec([None], name="x"))
    tf.saved_model.save(module, str(tmp_path / "one"), signatures={"serving_default": one})
    with pytest.raises(SluiceError, match=r"output `y` .* is one value for all instances"):
        LoadedModel(str(tmp_path / "one"))
    form = export_ride_model(tmp_path / "form", 0.5) / "assets.extra/served_form.json"
    form.write_text("{")
    with pytest.raises(SluiceError, match="cannot be read"):
        LoadedModel(str(tmp_path / "form"))
