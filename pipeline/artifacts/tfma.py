"""Writes an evaluation in the layout of TensorFlow Model Analysis, so that `tfma.load_eval_result` opens it."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping, Sequence

import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import json_format, wrappers_pb2
from tensorflow_model_analysis.proto import config_pb2, metrics_for_slice_pb2

from gates.evaluation.measure import SliceRows
from gates.evaluation.metrics import ClassPerformance, MetricEstimate
from gates.evaluation.slices import OVERALL
from pipeline.artifacts.text_files import write_text

CANDIDATE, BASELINE = "candidate", "baseline"
# TFMA's names of our metrics in its results, and the classes that compute them; of two classes and of several.
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
SEVERAL_NAMES = {
    **NAMES,
    "accuracy": "sparse_categorical_accuracy",
    "loss": "sparse_categorical_crossentropy",
}
SEVERAL_CLASSES = {
    **CLASSES,
    "accuracy": "SparseCategoricalAccuracy",
    "loss": "SparseCategoricalCrossentropy",
}
# Of several classes these are of each class against the rest; over all classes TFMA, too, has their mean.
ONE_AGAINST_REST = ("auc", "precision", "recall", "calibration")


def write_tfma(
    uri: str,
    slices: Sequence[SliceRows],
    estimates: Sequence[MetricEstimate],
    models: Mapping[str, str],
    config: config_pb2.EvalConfig,
    data_location: str,
    classes: Sequence[ClassPerformance] = (),
) -> None:
    """Writes `eval_config.json` and the metrics of each slice with their intervals; over all rows, also each class's
    precision and recall under its `class_id`."""
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
            own = [each for each in estimates if each.slice == part.slice]
            names = SEVERAL_NAMES if classes else NAMES
            result = _slice_metrics(part, own, names, compared=BASELINE in models)
            if part.slice == OVERALL:
                _add_classes(result, classes, compared=BASELINE in models)
            writer.write(result.SerializeToString())


def eval_config(
    label: str,
    signature: str,
    metrics: Sequence[str],
    slices: Sequence[Sequence[str]],
    compared: bool,
    classes: int = 0,
) -> config_pb2.EvalConfig:
    """The configuration with which TFMA would compute the same figures; `classes`: 0 for a binary model."""
    names = [CANDIDATE, BASELINE] if compared else [""]
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(name=name, signature_name=signature, label_key=label, is_baseline=name == BASELINE)
            for name in names
        ],
        metrics_specs=_specs_of_classes(metrics, classes) if classes else [_spec([CLASSES[each] for each in metrics])],
        slicing_specs=[config_pb2.SlicingSpec()]
        + [config_pb2.SlicingSpec(feature_keys=list(columns)) for columns in slices],
    )


def _spec(class_names: Sequence[str]) -> config_pb2.MetricsSpec:
    return config_pb2.MetricsSpec(
        metrics=[config_pb2.MetricConfig(class_name=name) for name in (*class_names, "ExampleCount")]
    )


def _specs_of_classes(metrics: Sequence[str], classes: int) -> list[config_pb2.MetricsSpec]:
    """One spec for metrics of all classes at once, one for the means over classes and for each class."""
    plain = _spec([SEVERAL_CLASSES[metric] for metric in metrics if metric not in ONE_AGAINST_REST])
    names = dict.fromkeys(("precision", "recall", *(metric for metric in metrics if metric in ONE_AGAINST_REST)))
    by_class = config_pb2.MetricsSpec(
        metrics=[config_pb2.MetricConfig(class_name=SEVERAL_CLASSES[metric]) for metric in names],
        binarize={"class_ids": {"values": range(classes)}},
        aggregate={"macro_average": True},
    )
    return [plain, by_class]


def _slice_metrics(
    part: SliceRows, estimates: Sequence[MetricEstimate], names: Mapping[str, str], compared: bool
) -> metrics_for_slice_pb2.MetricsForSlice:
    result = metrics_for_slice_pb2.MetricsForSlice()
    for column, value in part.slice.values:
        result.slice_key.single_slice_keys.add(column=column, bytes_value=value.encode())
    name = CANDIDATE if compared else ""
    _add(result, "example_count", name, float(len(part.rows)))
    for each in estimates:
        _add_estimate(result, names[each.metric], name, each)
    return result


def _add_classes(
    result: metrics_for_slice_pb2.MetricsForSlice, classes: Sequence[ClassPerformance], compared: bool
) -> None:
    for class_id, performance in enumerate(classes):
        for each in (performance.precision, performance.recall):
            _add_estimate(result, each.metric, CANDIDATE if compared else "", each, class_id)


def _add_estimate(
    result: metrics_for_slice_pb2.MetricsForSlice,
    metric: str,
    name: str,
    each: MetricEstimate,
    class_id: int | None = None,
) -> None:
    """A figure with its interval and, where there is a baseline, the baseline's and the difference."""
    _add(result, metric, name, each.value, each.lower, each.upper, class_id=class_id)
    if name and each.blessed_value is not None:
        _add(result, metric, BASELINE, each.blessed_value, class_id=class_id)
        change = (each.change, each.change_lower, each.change_upper)
        _add(result, metric, name, *change, is_diff=True, class_id=class_id)


def _add(
    result: metrics_for_slice_pb2.MetricsForSlice,
    metric: str,
    model: str,
    value: float | None,
    lower: float | None = None,
    upper: float | None = None,
    is_diff: bool = False,
    class_id: int | None = None,
) -> None:
    added = result.metric_keys_and_values.add()
    added.key.name, added.key.model_name, added.key.is_diff = metric, model, is_diff
    if class_id is not None:
        added.key.sub_key.class_id.value = class_id
    added.value.CopyFrom(_double(value))
    if lower is not None and upper is not None and math.isfinite(lower) and math.isfinite(upper):
        added.confidence_interval.lower_bound.CopyFrom(_double(lower))
        added.confidence_interval.upper_bound.CopyFrom(_double(upper))


def _double(value: float | None) -> metrics_for_slice_pb2.MetricValue:
    figure = math.nan if value is None else value
    return metrics_for_slice_pb2.MetricValue(double_value=wrappers_pb2.DoubleValue(value=figure))
