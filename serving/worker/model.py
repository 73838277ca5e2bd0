"""One SavedModel: its signature in plain values, and its answers."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_serving.apis import prediction_log_pb2

from core.errors import SluiceError
from models.export.placeholders import MISSING
from models.export.served_form import FILE, FOLDER, ServedForm
from serving.protocol.body import SIGNATURE
from serving.protocol.signature import KINDS, Array, Feature

WARM_UP_FILE = "tf_serving_warmup_requests"
# As TensorFlow Serving: a longer file would delay the start for nothing.
MOST_WARM_UPS = 1000
_IN_JSON = (*KINDS, "float16", "int8", "int16", "uint16", "uint32", "uint64")
_DTYPES = {"float32": "DT_FLOAT", "float64": "DT_DOUBLE", "bool": "DT_BOOL", "string": "DT_STRING"}


class LoadedModel:
    """The `serving_default` of the SavedModel in a folder, which may be in a bucket.

    Raises:
      SluiceError: when it cannot be loaded, or has no such signature, or one that JSON cannot fill or hold.
    """

    def __init__(self, path: str, loaded: Any = None) -> None:
        """`loaded`: what TensorFlow made of the folder, where it was loaded already."""
        self.path = path
        # The loaded object owns the variables of its signatures.
        self._loaded = _loaded(path) if loaded is None else loaded
        if SIGNATURE not in self._loaded.signatures:
            there = ", ".join(sorted(self._loaded.signatures)) or "none"
            raise SluiceError(f"the model in {path} has no signature `{SIGNATURE}`; it has: {there}")
        self._signature = self._loaded.signatures[SIGNATURE]
        form = _served_form(path)
        self.label = form.label if form else ""
        self.classes: Sequence[str] = form.classes if form else ()
        specs = self._signature.structured_input_signature[1]
        self._dtypes = {name: spec.dtype for name, spec in specs.items()}
        self.features = tuple(self._feature(name, spec, form) for name, spec in sorted(specs.items()))
        for name, spec in self._signature.structured_outputs.items():
            self._check_output(name, spec)

    def predict(self, columns: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
        """Every output by name, one row a row of the columns."""
        given = {name: tf.constant(column, self._dtypes[name]) for name, column in columns.items()}
        return {name: output.numpy() for name, output in self._signature(**given).items()}

    def warm_up(self) -> int:
        """Answers the requests that the export carries, else one made up; returns their number. The first call of a
        graph takes many times as long as the next."""
        number = 0
        for columns in self.warm_up_requests():
            self.predict(columns)
            number += 1
        if not number:
            self.predict({each.name: _made_up(each) for each in self.features})
        return number

    def warm_up_requests(self) -> Iterator[dict[str, Array]]:
        """The requests that the export carries."""
        path = posixpath.join(self.path, FOLDER, WARM_UP_FILE)
        if not tf.io.gfile.exists(path):
            return
        for record in tf.data.TFRecordDataset(path).take(MOST_WARM_UPS).as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(record)
            inputs = log.predict_log.request.inputs
            if set(inputs) == set(self._dtypes):
                yield {name: tf.make_ndarray(tensor) for name, tensor in inputs.items()}

    def metadata(self) -> dict[str, Any]:
        """The signature in TensorFlow Serving's form, and what the export says about its answers."""
        outputs = self._signature.structured_outputs
        signature = {
            "inputs": {each.name: _tensor_info(each.name, each.kind, each.shape) for each in self.features},
            "outputs": {
                name: _tensor_info(name, spec.dtype.name, spec.shape.as_list()[1:]) for name, spec in outputs.items()
            },
            "method_name": "tensorflow/serving/predict",
        }
        return {"signature_def": {"signature_def": {SIGNATURE: signature}}}

    def _check_output(self, name: str, spec: Any) -> None:
        which = f"output `{name}` of the model in {self.path}"
        if spec.dtype.name not in _IN_JSON:
            raise SluiceError(f"{which} is {spec.dtype.name}, which JSON cannot hold")
        if spec.shape.rank == 0:
            raise SluiceError(f"{which} is one value for all instances; an answer needs one for each")

    def _feature(self, name: str, spec: Any, form: ServedForm | None) -> Feature:
        shape = spec.shape.as_list() if spec.shape.rank is not None else None
        if spec.dtype.name not in KINDS or not shape or None in shape[1:]:
            raise SluiceError(
                f"input `{name}` of the model in {self.path} is {spec.dtype.name}{shape}, which JSON cannot fill"
            )
        is_optional = form is not None and name not in form.required and len(shape) == 1
        missing: Any = MISSING.get(spec.dtype) if is_optional else None
        return Feature(name, spec.dtype.name, tuple(shape[1:]), missing)


def _loaded(path: str) -> Any:
    try:
        return tf.saved_model.load(path)
    except (OSError, ValueError, tf.errors.OpError) as problem:
        why = str(problem).splitlines()[0]
        raise SluiceError(f"{path} is no SavedModel that can be loaded: {why}") from problem


def _served_form(path: str) -> ServedForm | None:
    file = posixpath.join(path, FOLDER, FILE)
    if not tf.io.gfile.exists(file):
        return None
    with tf.io.gfile.GFile(file) as stored:
        try:
            return ServedForm.loads(stored.read())
        except (ValueError, TypeError) as problem:
            raise SluiceError(f"{file} cannot be read: {problem}") from problem


def _made_up(feature: Feature) -> Array:
    if feature.missing is not None and feature.kind == "string":
        return np.array([b""], dtype=object)
    if feature.missing is not None:
        return np.array([feature.missing], dtype=feature.kind)
    is_text = feature.kind == "string"
    return np.full((1, *feature.shape), b"" if is_text else 0, dtype=object if is_text else feature.kind)


def _tensor_info(name: str, kind: str, shape: Sequence[int | None]) -> dict[str, Any]:
    sizes = [-1, *(-1 if size is None else size for size in shape)]
    return {
        "dtype": _DTYPES.get(kind, f"DT_{kind.upper()}"),
        "tensor_shape": {"dim": [{"size": str(size), "name": ""} for size in sizes], "unknown_rank": False},
        "name": f"{SIGNATURE}_{name}:0",
    }
