"""The features of a request in gRPC are read as the worker, with TensorFlow, read them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2

from serving.log.asked_columns import columns_in
from serving.protocol.body import PROTOBUF
from serving.protocol.errors import JSON, RequestError
from serving.protocol.signature import KINDS, STRING, Feature
from serving.worker.tensors import read_tensors

FEATURES = [
    Feature("company", STRING, missing=""),
    Feature("fare", "float32", missing=float("nan")),
    Feature("hour", "int64"),
    Feature("pair", "uint8", (2,)),
]
_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int64": "int64_val",
    "bool": "bool_val",
    STRING: "string_val",
}


def _body(**columns: tensor_pb2.TensorProto) -> bytes:
    request = predict_pb2.PredictRequest()
    for name, tensor in columns.items():
        request.inputs[name].CopyFrom(tensor)
    return bytes(request.SerializeToString())


def test_columns_come_in_the_order_of_the_signature_with_placeholders_for_what_is_absent() -> None:
    body = _body(pair=tf.make_tensor_proto([[1, 2], [3, 4]], tf.uint8), hour=tf.make_tensor_proto([8, 9], tf.int64))
    columns = columns_in(body, PROTOBUF, FEATURES, 64)
    assert list(columns) == ["company", "fare", "hour", "pair"]
    assert columns["company"].tolist() == [b"", b""]
    assert np.isnan(columns["fare"]).tolist() == [True, True]
    assert columns["hour"].tolist() == [8, 9]
    assert columns["pair"].tolist() == [[1, 2], [3, 4]]


def test_the_first_instances_alone_are_read() -> None:
    body = b'{"instances":[{"hour":1},{"hour":2},{"hour":3}]}'
    assert columns_in(body, JSON, [Feature("hour", "int64")], 2)["hour"].tolist() == [1, 2]
    body = _body(hour=tf.make_tensor_proto([1, 2, 3], tf.int64))
    assert columns_in(body, PROTOBUF, [Feature("hour", "int64")], 2)["hour"].tolist() == [1, 2]


@settings(max_examples=200, deadline=None, database=None)
@given(st.sampled_from(KINDS), st.integers(1, 5), st.integers(0, 5), st.booleans(), st.data())
def test_every_tensor_that_the_worker_takes_is_read_alike(
    kind: str, rows: int, values: int, is_packed: bool, data: st.DataObject
) -> None:
    """As bytes, or one by one, of which the last one may stand for the rest."""
    drawn = data.draw(st.lists(st.integers(0, 1), min_size=values, max_size=values))
    column = tensor_pb2.TensorProto(dtype=tf.as_dtype(kind).as_datatype_enum)
    column.tensor_shape.dim.add(size=rows)
    if is_packed and kind != STRING:
        column.tensor_content = np.array(drawn, kind).tobytes()
    elif kind == STRING:
        column.string_val.extend(str(each).encode() for each in drawn)
    else:
        getattr(column, _FIELDS.get(kind, "int_val")).extend(np.array(drawn, kind).tolist())
    features = [Feature("x", kind)]
    try:
        by_worker = read_tensors(_body(x=column), features, 100).columns["x"]
    except RequestError:
        return
    found = columns_in(_body(x=column), PROTOBUF, features, 64)["x"]
    assert (found.dtype, found.shape) == (by_worker.dtype, by_worker.shape)
    assert [*map(_as_bytes, found.tolist())] == [*map(_as_bytes, by_worker.tolist())]


def _as_bytes(value: object) -> object:
    """TensorFlow fills a column of texts without any with "", which the model takes as b""."""
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize("given_rows", [1, 3])
def test_a_request_with_optional_features_alone_has_their_rows(given_rows: int) -> None:
    body = _body(company=tf.make_tensor_proto([b"Blue"] * given_rows, tf.string))
    columns = columns_in(body, PROTOBUF, FEATURES[:2], 64)
    assert {name: len(column) for name, column in columns.items()} == {"company": given_rows, "fare": given_rows}
