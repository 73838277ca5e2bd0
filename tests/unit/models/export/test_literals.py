"""What a transformation learnt from data is no literal of the code, whichever form its graph has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow.core.framework import node_def_pb2
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from models.export.literals import _value, learnt_in, literals_of

WRITTEN, LAST = 1_796_041_600.0, 1_796_000_000
SPEC = {"time": tf.io.FixedLenFeature([], tf.int64)}


def _preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    time = tf.cast(inputs["time"], tf.float32)
    return {"age": WRITTEN - time, "to the last": tft.max(inputs["time"]) - inputs["time"]}


def _transformation(folder: Path, of_tensorflow_1: bool) -> str:
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(SPEC))
    rows = [{"time": LAST - number} for number in range(20)]
    with tft_beam.Context(temp_dir=str(folder / "scratch"), force_tf_compat_v1=of_tensorflow_1):
        graph = (rows, metadata) | tft_beam.AnalyzeDataset(_preprocessing_fn)
        _ = graph | tft_beam.WriteTransformFn(str(folder / "out"))
    return str(tft.TFTransformOutput(str(folder / "out")).transform_savedmodel_dir)


@pytest.mark.parametrize("of_tensorflow_1", [True, False])
def test_a_literal_is_told_from_what_was_learnt(of_tensorflow_1: bool, tmp_path: Path) -> None:
    transformation = _transformation(tmp_path, of_tensorflow_1)
    loaded = tft.TFTransformOutput(str(tmp_path / "out")).transform_features_layer()
    module = tf.Module()
    module.layer = loaded

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)], autograph=False)
    def serve(time: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(loaded({"time": time}))

    tf.saved_model.save(module, str(tmp_path / "export"), signatures={"serving_default": serve})
    literals = {each["value"]: each["against"] for each in literals_of(str(tmp_path / "export"))}
    learnt = learnt_in(transformation)
    assert float(LAST) in learnt
    assert WRITTEN not in learnt
    assert {value: against for value, against in literals.items() if value not in learnt and value > 1e9} == {
        WRITTEN: True
    }


def test_a_constant_that_is_no_number_or_text_makes_no_export_unreadable() -> None:
    for dtype in (tf.variant, tf.resource):
        node = node_def_pb2.NodeDef(name="x", op="Const")
        node.attr["value"].tensor.dtype = dtype.as_datatype_enum
        assert _value(node) is None
