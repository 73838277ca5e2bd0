"""Golden requests: a few rows with the answers of the exported model, as TensorFlow's own warm-up file.

They warm every server up, ours and TensorFlow Serving; whoever deploys the model compares its answers with them.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_serving.apis import prediction_log_pb2

from models.export.fresh_process import FAILED_CALLS, FAILED_LOADS, OF_THE_MACHINE, error_in_words
from models.export.served_form import FOLDER
from models.export.signatures import dense, public_names

FILE = "tf_serving_warmup_requests"
FAILED_FILE = "golden_requests_failed.txt"
SIGNATURE = "serving_default"
MOST_ROWS, MOST_BYTES = 32, 2**20


def write_golden(model: str, transform_graph: str, unseen: set[str], examples: Sequence[bytes]) -> int:
    """Writes the requests for these serialized rows, and their answers, into the export; returns how many.

    The same rows and model give the same bytes, for a version is recognised by a hash of its files. A request that the
    model cannot answer is left out, and the first one stands with its error in another file: the ModelGate refuses it.
    An export that cannot be loaded gets neither file: the ModelGate finds that, too.
    """
    spec = tft.TFTransformOutput(transform_graph).raw_feature_spec()
    columns = {name: each for name, each in spec.items() if name not in unseen}
    names = public_names(columns)
    try:
        # The loaded object owns the variables of its signatures.
        loaded = tf.saved_model.load(model)
        signature = loaded.signatures[SIGNATURE]
    except OF_THE_MACHINE:
        raise
    except FAILED_LOADS:
        return 0
    kept, failed = 0, ""
    tf.io.gfile.makedirs(f"{model}/{FOLDER}")
    with tf.io.TFRecordWriter(f"{model}/{FOLDER}/{FILE}") as writer:
        for number, row in enumerate(_within(examples), start=1):
            parsed = tf.io.parse_example(np.array([row], dtype=object), columns)
            request = {
                names[name]: tf.constant(dense(parsed[name], each), each.dtype) for name, each in columns.items()
            }
            try:
                answer = signature(**request)
            except OF_THE_MACHINE:
                raise
            except FAILED_CALLS as error:
                failed = failed or f"request {number} failed: {error_in_words(error)}"
                continue
            writer.write(_log(request, answer).SerializeToString(deterministic=True))
            kept += 1
    if failed:
        with tf.io.gfile.GFile(f"{model}/{FOLDER}/{FAILED_FILE}", "w") as file:
            file.write(failed)
    return kept


def failed_request(model: str) -> str:
    """The first golden request that the model could not answer when it was exported, with its error; else empty."""
    path = f"{model}/{FOLDER}/{FAILED_FILE}"
    if not tf.io.gfile.exists(path):
        return ""
    with tf.io.gfile.GFile(path) as file:
        return str(file.read())


def _within(examples: Sequence[bytes]) -> Iterator[bytes]:
    """The first rows that together stay within the bytes; at least one."""
    size = 0
    for number, row in enumerate(examples[:MOST_ROWS]):
        size += len(row)
        if number and size > MOST_BYTES:
            return
        yield row


def _log(request: dict[str, tf.Tensor], answer: dict[str, tf.Tensor]) -> prediction_log_pb2.PredictionLog:
    log = prediction_log_pb2.PredictionLog()
    for part in (log.predict_log.request, log.predict_log.response):
        part.model_spec.signature_name = SIGNATURE
    for name, tensor in request.items():
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(tensor.numpy(), tensor.dtype))
    for name, tensor in answer.items():
        log.predict_log.response.outputs[name].CopyFrom(tf.make_tensor_proto(tensor.numpy(), tensor.dtype))
    return log
