"""Requests and answers as TensorFlow Serving's messages, checked against the same signature as those in JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

from serving.log.answer_line import BODY_BYTES
from serving.log.answered import MOST_INSTANCES
from serving.protocol.answers import check_finite
from serving.protocol.body import check_signature
from serving.protocol.errors import RequestError
from serving.protocol.signature import Array, Feature, check_names, columns_of
from serving.worker.request import Asked, Reply, answer_in_json

_LEAST_BYTES = 2  # of a number in JSON, with its comma
_NO_PREDICTIONS = b'{"predictions":[]}'


def read_tensors(
    body: bytes, features: Sequence[Feature], limit: int, classes: Sequence[str] = (), is_logged: bool = False
) -> Asked:
    """A PredictRequest; no tensor may have more than `limit` values.

    Beside the answer stand the first predictions by the names of `classes`: one, or as many as
    the serving log keeps when the request `is_logged`. An `output_filter` changes nothing of them.

    Raises:
      RequestError: 400 when it does not fit the signature.
    """
    try:
        request = predict_pb2.PredictRequest.FromString(body)
    except DecodeError as problem:
        raise RequestError(400, "the body is no PredictRequest") from problem
    check_signature(request.model_spec.signature_name)
    check_names(request.inputs, {each.name for each in features})
    given = [each for each in features if each.name in request.inputs]
    columns = {each.name: _column(request.inputs[each.name], each, limit) for each in given}
    rows = _rows(columns)
    # What is not there becomes what `null` becomes in JSON, or is refused as there.
    absent = columns_of([{}], [each for each in features if each.name not in columns])
    columns.update({name: np.repeat(value, rows, axis=0) for name, value in absent.items()})
    wanted = list(request.output_filter)

    def answer(outputs: Mapping[str, Array]) -> Reply:
        return Reply(_answer(outputs, wanted), _beside(outputs, classes, is_logged))

    return Asked(columns, rows, answer)


def metadata_message(metadata: Mapping[str, Any]) -> bytes:
    """The GetModelMetadataResponse for `metadata` as LoadedModel gives it, still without the name of the model."""
    signatures = json_format.ParseDict(metadata["signature_def"], get_model_metadata_pb2.SignatureDefMap())
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.metadata["signature_def"].Pack(signatures)
    return bytes(response.SerializeToString())


def _column(tensor: Any, feature: Feature, limit: int) -> Array:
    kind, shape = _kind(tensor), [each.size for each in tensor.tensor_shape.dim]
    if kind != feature.kind or tuple(shape[1:]) != feature.shape or len(shape) != len(feature.shape) + 1:
        expected = f"{feature.kind} of shape {_in_words(['rows', *feature.shape])}"
        raise RequestError(
            400, f'feature "{feature.name}": expected {expected}, got {kind} of shape {_in_words(shape)}'
        )
    # A few bytes can stand for any number of equal values.
    if shape[0] < 0 or math.prod(shape) > limit:
        raise RequestError(400, f'feature "{feature.name}": a tensor of shape {_in_words(shape)} is too large')
    try:
        column: Array = tf.make_ndarray(tensor)
    except (TypeError, ValueError) as problem:
        message = f'feature "{feature.name}": the values do not fill the shape {_in_words(shape)}'
        raise RequestError(400, message) from problem
    return column


def _kind(tensor: Any) -> str:
    try:
        return str(tf.as_dtype(tensor.dtype).name)
    except TypeError:
        return f"the unknown type {tensor.dtype}"


def _in_words(shape: Sequence[Any]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _rows(columns: Mapping[str, Array]) -> int:
    """The one number of rows of all that is given."""
    numbers = {name: len(column) for name, column in columns.items()}
    if len(set(numbers.values())) > 1:
        (one, first), (other, second) = min(numbers.items(), key=_by_rows), max(numbers.items(), key=_by_rows)
        raise RequestError(400, f'feature "{one}" has {first} rows and feature "{other}" has {second}')
    rows = next(iter(numbers.values()), 1)
    if not rows:
        raise RequestError(400, "the tensors have no row")
    return rows


def _by_rows(named: tuple[str, int]) -> int:
    return named[1]


def _answer(outputs: Mapping[str, Array], wanted: Sequence[str]) -> bytes:
    """The PredictResponse, still without the name of the model."""
    if unknown := sorted(set(wanted) - set(outputs)):
        there = ", ".join(sorted(outputs))
        raise RequestError(400, f'there is no output "{unknown[0][:60]}"; the outputs are: {there}')
    check_finite(outputs)
    response = predict_pb2.PredictResponse()
    for name in wanted or sorted(outputs):
        response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
    return bytes(response.SerializeToString())


def _beside(outputs: Mapping[str, Array], classes: Sequence[str], is_logged: bool) -> bytes:
    """The first predictions as the same request in JSON is answered; none that JSON cannot hold."""
    try:
        first = {name: output[: MOST_INSTANCES if is_logged else 1] for name, output in outputs.items()}
        # The record of answers would read no scores in it.
        if not is_logged and _LEAST_BYTES * sum(output.size for output in first.values()) > BODY_BYTES:
            return _NO_PREDICTIONS
        return answer_in_json(first, classes)
    except (IndexError, TypeError, ValueError):  # an output without rows, or of a type that JSON does not have
        return _NO_PREDICTIONS
