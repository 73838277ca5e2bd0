"""A PredictRequest becomes the columns that the same request in JSON becomes; its answer is checked as there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow_serving.apis import predict_pb2

from serving.log.answer_line import BODY_BYTES, first_scores
from serving.log.answered import MOST_INSTANCES
from serving.protocol.answers import answers_of
from serving.protocol.errors import RequestError
from serving.protocol.signature import Feature, columns_of
from serving.worker.request import Reply
from serving.worker.tensors import read_tensors

FEATURES = (Feature("company", "string", missing=""), Feature("hour", "int64"), Feature("fare", "float32", missing=0.5))
LIMIT = 100


def _request(**columns: tensor_pb2.TensorProto) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    for name, tensor in columns.items():
        request.inputs[name].CopyFrom(tensor)
    return request


def test_columns_are_those_of_the_same_request_in_json() -> None:
    request = _request(
        hour=tf.make_tensor_proto([8, 9], tf.int64), company=tf.make_tensor_proto(["Blue", "Ribbon"], tf.string)
    )
    asked = read_tensors(request.SerializeToString(), FEATURES, LIMIT)
    by_json = columns_of([{"hour": 8, "company": "Blue"}, {"hour": 9, "company": "Ribbon"}], FEATURES)
    assert asked.rows == 2
    assert {name: (each.dtype, each.tolist()) for name, each in asked.columns.items()} == {
        name: (each.dtype, each.tolist()) for name, each in by_json.items()
    }


def test_one_value_may_stand_for_the_rest_of_a_column_up_to_the_limit() -> None:
    column = tensor_pb2.TensorProto(dtype=tf.int64.as_datatype_enum, int64_val=[8])
    column.tensor_shape.dim.add().size = LIMIT
    asked = read_tensors(_request(hour=column).SerializeToString(), FEATURES, LIMIT)
    assert asked.columns["hour"].tolist() == [8] * LIMIT
    column.tensor_shape.dim[0].size = LIMIT + 1
    with pytest.raises(RequestError, match="too large"):
        read_tensors(_request(hour=column).SerializeToString(), FEATURES, LIMIT)


@pytest.mark.parametrize(
    ("kind", "size", "message"),
    [
        (9999, 1, "got the unknown type 9999"),
        (0, 1, "got the unknown type 0"),
        (tf.int64.as_datatype_enum, -1, "too large"),
    ],
)
def test_an_odd_tensor_is_refused(kind: int, size: int, message: str) -> None:
    column = tensor_pb2.TensorProto(int64_val=[8])
    column.dtype = kind
    column.tensor_shape.dim.add().size = size
    with pytest.raises(RequestError, match=message) as refused:
        read_tensors(_request(hour=column).SerializeToString(), FEATURES, LIMIT)
    assert refused.value.code == 400


def _reply(outputs: dict[str, Any], is_logged: bool = False, wanted: Sequence[str] = ()) -> Reply:
    request = _request(hour=tf.make_tensor_proto([8], tf.int64))
    request.output_filter.extend(wanted)
    asked = read_tensors(request.SerializeToString(), FEATURES, LIMIT, ("no tip", "tip"), is_logged)
    return asked.answer(outputs)


@pytest.mark.parametrize(("is_logged", "rows"), [(False, 1), (True, MOST_INSTANCES)])
def test_beside_the_answer_stand_the_first_predictions_as_json_has_them(is_logged: bool, rows: int) -> None:
    outputs = {"predictions": np.linspace(0, 1, MOST_INSTANCES + 1, dtype=np.float32)[:, None]}
    predictions = orjson.loads(_reply(outputs, is_logged).beside)["predictions"]
    assert predictions == answers_of(outputs, ("no tip", "tip"))[:rows]


def test_an_output_filter_leaves_no_score_out_of_what_stands_beside() -> None:
    outputs = {"price": np.float32([3.5]), "range": np.float32([[1, 9]])}
    reply = _reply(outputs, wanted=["range"])
    assert list(predict_pb2.PredictResponse.FromString(reply.body).outputs) == ["range"]
    assert first_scores(reply.beside) == {"price": 3.5, "range.0": 1.0, "range.1": 9.0}


@pytest.mark.parametrize(
    "output",
    [np.float32(3.5), np.array([1j]), np.zeros((1, BODY_BYTES), np.float32)],
    ids=["no row", "complex", "long"],
)
def test_a_prediction_that_has_no_scores_stands_not_beside_and_is_answered(output: Any) -> None:
    reply = _reply({"predictions": output})
    assert predict_pb2.PredictResponse.FromString(reply.body).outputs["predictions"].dtype
    assert reply.beside == b'{"predictions":[]}'
    assert first_scores(reply.in_json) == {}


def test_an_answer_that_is_no_number_is_a_fault_of_the_model() -> None:
    asked = read_tensors(_request(hour=tf.make_tensor_proto([8], tf.int64)).SerializeToString(), FEATURES, LIMIT)
    with pytest.raises(RequestError, match="not a finite number for instance 0") as refused:
        asked.answer({"predictions": np.float32([[np.nan]])})
    assert refused.value.code == 500


_TENSORS = st.builds(
    tensor_pb2.TensorProto,
    dtype=st.sampled_from([tf.int64.as_datatype_enum, tf.float32.as_datatype_enum, tf.string.as_datatype_enum]),
    tensor_shape=st.builds(
        tensor_shape_pb2.TensorShapeProto,
        dim=st.lists(st.builds(tensor_shape_pb2.TensorShapeProto.Dim, size=st.integers(-2, 4)), max_size=2),
        unknown_rank=st.booleans(),
    ),
    tensor_content=st.just(b"") | st.binary(max_size=40),
    int64_val=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5),
    float_val=st.lists(st.floats(width=32), max_size=5),
    string_val=st.lists(st.binary(max_size=5), max_size=5),
)
_REQUESTS = st.dictionaries(st.sampled_from(["company", "hour", "fare", "other"]), _TENSORS, max_size=4)


@settings(max_examples=500, deadline=None, database=None)
@given(_REQUESTS, st.binary(max_size=3), st.integers(0, 200))
def test_whatever_is_sent_is_read_or_refused(
    columns: dict[str, tensor_pb2.TensorProto], damage: bytes, place: int
) -> None:
    body = _request(**columns).SerializeToString()
    for sent in (body, body[:place] + damage + body[place:]):
        try:
            asked = read_tensors(sent, FEATURES, LIMIT)
        except RequestError as refused:
            assert refused.code == 400
        else:
            assert set(asked.columns) == {"company", "hour", "fare"}
            assert {len(column) for column in asked.columns.values()} == {asked.rows}
