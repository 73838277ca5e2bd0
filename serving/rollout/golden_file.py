"""Golden requests from an export: the rows and answers that it carries as TensorFlow's warm-up file."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from core.errors import SluiceError
from models.export.served_form import FILE, FOLDER, ServedForm
from serving.protocol.answers import answers_of
from serving.protocol.errors import RequestError
from serving.protocol.instances import as_json
from serving.rollout.golden import GoldenRequests
from serving.watch.window import scores_of
from serving.worker.model import WARM_UP_FILE


def read_golden(model: str) -> GoldenRequests:
    """The golden requests of the SavedModel in a folder, which may be in a bucket; none where it carries none.

    Raises:
      SluiceError: when the file cannot be read, or holds answers that no endpoint can give.
    """
    path = posixpath.join(model, FOLDER, WARM_UP_FILE)
    if not tf.io.gfile.exists(path):
        return GoldenRequests([], [])
    classes = _classes(model)
    instances, answers = [], []
    try:
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(record).predict_log
            if not log.response.outputs:
                continue
            outputs = {name: tf.make_ndarray(tensor) for name, tensor in log.response.outputs.items()}
            rows = {name: tf.make_ndarray(tensor).tolist() for name, tensor in log.request.inputs.items()}
            for row, answer in enumerate(answers_of(outputs, classes)):
                instances.append({name: as_json(values[row]) for name, values in rows.items()})
                answers.append(scores_of(answer))
    except (tf.errors.DataLossError, ValueError, IndexError, RequestError) as problem:
        raise SluiceError(f"the golden requests in {path} cannot be used: {problem}") from problem
    return GoldenRequests(instances, answers)


def _classes(model: str) -> Sequence[str]:
    file = posixpath.join(model, FOLDER, FILE)
    if not tf.io.gfile.exists(file):
        return ()
    with tf.io.gfile.GFile(file) as stored:
        try:
            return ServedForm.loads(stored.read()).classes
        except (ValueError, TypeError) as problem:
            raise SluiceError(f"{file} cannot be read: {problem}") from problem
