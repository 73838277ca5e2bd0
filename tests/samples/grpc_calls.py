"""Requests to an endpoint by TensorFlow Serving's own stub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_serving.apis import predict_pb2

from models.export.placeholders import MISSING
from tests.samples.served_models import WORKLOAD, Server

SECONDS = 60
# Of the models in tests/samples/served_models.py.
KINDS = {"fare": "float32", "hour": "int64", "company": "string"}


def grpc_address_of(server: Server) -> str:
    """Where gRPC is answered, by the second line of the server; once."""
    assert server.process is not None and server.process.stdout is not None
    line = server.process.stdout.readline()
    assert " gRPC " in line, line
    return line.split(" gRPC ")[1].split()[0]


def request_for(columns: Mapping[str, Any], model: str = WORKLOAD, **spec: Any) -> predict_pb2.PredictRequest:
    """Arrays go as they are, lists as the type that the signature of the rides has."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    for name, value in spec.items():
        if name == "version":
            request.model_spec.version.value = value
        else:
            setattr(request.model_spec, name, value)
    for name, column in columns.items():
        array = _array(column, KINDS[name]) if isinstance(column, list) else column
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return request


def arrays_of(instances: Sequence[Mapping[str, Any]], kinds: Mapping[str, str] = KINDS) -> dict[str, NDArray[Any]]:
    """A column for each feature that an instance has; None is what the model takes for a missing value."""
    names = {name for each in instances for name in each}
    return {
        name: _array([_value(each.get(name), kind) for each in instances], kind)
        for name, kind in kinds.items()
        if name in names
    }


def _array(values: list[Any], kind: str) -> NDArray[Any]:
    return np.array(values, object if kind == "string" else kind)


def _value(value: Any, kind: str) -> Any:
    return MISSING[tf.as_dtype(kind)] if value is None else value
