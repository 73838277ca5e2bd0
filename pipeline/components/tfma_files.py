"""Writes an evaluation in the layout of TensorFlow Model Analysis, so that `tfma.load_eval_result` opens it."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping, Sequence

import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import json_format, wrappers_pb2
from tensorflow_model_analysis.proto import config_pb2, metrics_for_slice_pb2

from gates.measurement import Slice
from gates.metrics import MetricEstimate
from pipeline.components.artifacts import write_text

CANDIDATE, BASELINE = "candidate", "baseline"
NAMES = {
    "auc": "auc",
    "accuracy": "binary_accuracy",
    "precision": "precision",
    "recall": "recall",
    "loss": "binary_crossentropy",
    "calibration": "calibration",
}
CLASSES = {
    "auc": "AUC",
    "accuracy": "BinaryAccuracy",
    "precision": "Precision",
    "recall": "Recall",
    "loss": "BinaryCrossentropy",
    "calibration": "Calibration",
}


def write_tfma(
    uri: str,
    slices: Sequence[Slice],
    estimates: Sequence[MetricEstimate],
    models: Mapping[str, str],
    config: config_pb2.EvalConfig,
    data_location: str,
) -> None:
    """Writes `eval_config.json` and the metrics of each slice with their intervals."""
    run = config_pb2.EvalRun(
        eval_config=config,
        version=tfma.__version__,
        data_location=data_location,
        file_format="tfrecords",
        model_locations=dict(models),
    )
    write_text(uri, "eval_config.json", json_format.MessageToJson(run))
    with tf.io.TFRecordWriter(posixpath.join(uri, "metrics-00000-of-00001.tfrecord")) as writer:
        for part in slices:
            own = [each for each in estimates if each.slice == part.name]
            writer.write(_slice_metrics(part, own, compared=BASELINE in models).SerializeToString())


def eval_config(
    label: str, signature: str, metrics: Sequence[str], slices: Sequence[Sequence[str]], compared: bool
) -> config_pb2.EvalConfig:
    """The configuration that TFMA would have been given for the same figures."""
    names = [CANDIDATE, BASELINE] if compared else [""]
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(name=name, signature_name=signature, label_key=label, is_baseline=name == BASELINE)
            for name in names
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[config_pb2.MetricConfig(class_name=CLASSES[metric]) for metric in metrics]
                + [config_pb2.MetricConfig(class_name="ExampleCount")]
            )
        ],
        slicing_specs=[config_pb2.SlicingSpec()]
        + [config_pb2.SlicingSpec(feature_keys=list(columns)) for columns in slices],
    )


def _slice_metrics(
    part: Slice, estimates: Sequence[MetricEstimate], compared: bool
) -> metrics_for_slice_pb2.MetricsForSlice:
    result = metrics_for_slice_pb2.MetricsForSlice()
    for column, value in part.values:
        result.slice_key.single_slice_keys.add(column=column, bytes_value=value.encode())
    name = CANDIDATE if compared else ""
    _add(result, "example_count", name, float(len(part.rows)))
    for each in estimates:
        _add(result, NAMES[each.metric], name, each.value, each.lower, each.upper)
        if compared and each.blessed_value is not None:
            _add(result, NAMES[each.metric], BASELINE, each.blessed_value)
            _add(result, NAMES[each.metric], name, each.change, each.change_lower, each.change_upper, is_diff=True)
    return result


def _add(
    result: metrics_for_slice_pb2.MetricsForSlice,
    metric: str,
    model: str,
    value: float | None,
    lower: float | None = None,
    upper: float | None = None,
    is_diff: bool = False,
) -> None:
    added = result.metric_keys_and_values.add()
    added.key.name, added.key.model_name, added.key.is_diff = metric, model, is_diff
    added.value.CopyFrom(_double(value))
    if lower is not None and upper is not None and math.isfinite(lower) and math.isfinite(upper):
        added.confidence_interval.lower_bound.CopyFrom(_double(lower))
        added.confidence_interval.upper_bound.CopyFrom(_double(upper))


def _double(value: float | None) -> metrics_for_slice_pb2.MetricValue:
    figure = math.nan if value is None else value
    return metrics_for_slice_pb2.MetricValue(double_value=wrappers_pb2.DoubleValue(value=figure))
