"""TensorFlow Serving's PredictionLog, as far as a log of predictions needs it, without TensorFlow: the messages of
`tensorflow_serving.apis` import TensorFlow, which takes seconds and hundreds of megabytes.

The numbers of the fields are those of tensorflow_serving/apis/{prediction_log,predict,logging,model}.proto and of
tensorflow/core/framework/{tensor,tensor_shape}.proto. What is not named here is skipped when a message is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sources.messages import Field, Fields, message_classes

if TYPE_CHECKING:
    import numpy.typing as npt

_MESSAGES: Mapping[str, Fields] = {
    "Version": [("value", 1, Field.TYPE_INT64)],
    "Model": [("name", 1, Field.TYPE_STRING), ("version", 2, "Version"), ("signature_name", 3, Field.TYPE_STRING)],
    "Dim": [("size", 1, Field.TYPE_INT64)],
    "Shape": [("dim", 2, ["Dim"])],
    "Tensor": [
        ("dtype", 1, Field.TYPE_INT32),
        ("tensor_shape", 2, "Shape"),
        ("tensor_content", 4, Field.TYPE_BYTES),
        ("float_val", 5, [Field.TYPE_FLOAT]),
        ("double_val", 6, [Field.TYPE_DOUBLE]),
        ("int_val", 7, [Field.TYPE_INT32]),
        ("string_val", 8, [Field.TYPE_BYTES]),
        ("int64_val", 10, [Field.TYPE_INT64]),
        ("bool_val", 11, [Field.TYPE_BOOL]),
    ],
    "Entry": [("key", 1, Field.TYPE_STRING), ("value", 2, "Tensor")],
    "Request": [("model_spec", 1, "Model"), ("inputs", 2, ["Entry"])],
    "Response": [("outputs", 1, ["Entry"]), ("model_spec", 2, "Model")],
    "Predict": [("request", 1, "Request"), ("response", 2, "Response")],
    "Sampling": [("sampling_rate", 1, Field.TYPE_DOUBLE)],
    "Metadata": [
        ("model_spec", 1, "Model"),
        ("sampling_config", 2, "Sampling"),
        ("timestamp_secs", 4, Field.TYPE_INT64),
        ("request_origin", 6, Field.TYPE_STRING),
    ],
    "PredictionLog": [("log_metadata", 1, "Metadata"), ("predict_log", 6, "Predict")],
    # A tf.Example has no field 6, and a PredictionLog of a prediction always has one.
    "Probe": [("predict_log", 6, Field.TYPE_BYTES)],
}
# By the number of a DataType: the numpy type, and the field that holds values one by one.
_NUMBERS: Mapping[int, tuple[str, str]] = {
    1: ("<f4", "float_val"),
    2: ("<f8", "double_val"),
    3: ("<i4", "int_val"),
    4: ("|u1", "int_val"),
    9: ("<i8", "int64_val"),
    10: ("|b1", "bool_val"),
}
_DTYPES = {name: number for number, (name, _) in _NUMBERS.items()}
_STRING = 7


_CLASSES = message_classes("sluice.log", _MESSAGES)
PredictionLog = _CLASSES["PredictionLog"]
PredictRequest = _CLASSES["Request"]


def is_prediction_log(record: bytes) -> bool:
    """Whether a record is the log of a prediction, and no tf.Example."""
    probe = _CLASSES["Probe"]()
    try:
        probe.ParseFromString(record)
    except Exception:  # DecodeError, which each implementation of protobuf has in a module of its own
        return False
    return bool(probe.predict_log)


def put_tensor(entries: Any, name: str, values: npt.NDArray[Any]) -> None:
    """Adds an array of numbers, or of bytes as objects, to `inputs` or `outputs`."""
    entry = entries.add(key=name)
    for size in values.shape:
        entry.value.tensor_shape.dim.add(size=size)
    if values.dtype == object:
        entry.value.dtype = _STRING
        entry.value.string_val.extend(values.ravel().tolist())
    else:
        entry.value.dtype = _DTYPES[values.dtype.newbyteorder("<").str]
        entry.value.tensor_content = values.tobytes()


def tensor_in(tensor: Any) -> npt.NDArray[Any]:
    """The array of a tensor.

    Raises:
      ValueError: when its type is none that a column can hold, or its values do not fit its shape.
    """
    import numpy as np

    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if tensor.dtype == _STRING:
        texts = np.empty(len(tensor.string_val), object)
        texts[:] = list(tensor.string_val)
        return _filled(texts, shape, b"")
    if tensor.dtype not in _NUMBERS:
        raise ValueError(f"a tensor of type {tensor.dtype}")
    name, field = _NUMBERS[tensor.dtype]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, name).reshape(shape)
    return _filled(np.array(getattr(tensor, field), name), shape, 0)


def _filled(values: npt.NDArray[Any], shape: tuple[int, ...], default: Any) -> npt.NDArray[Any]:
    """In a tensor of fewer values than its shape has places, the last one fills the rest."""
    import numpy as np

    missing = math.prod(shape) - len(values)
    if missing > 0:
        last = values[-1] if len(values) else default
        values = np.concatenate([values, np.full(missing, last, values.dtype)])
    return values.reshape(shape)
