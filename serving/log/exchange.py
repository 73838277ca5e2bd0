"""One request with its answer as a PredictionLog, with what shall be hashed or left out."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import orjson

from serving.log.answered import MOST_INSTANCES
from serving.log.asked_columns import columns_in
from serving.protocol.errors import JSON
from serving.protocol.signature import Array, Feature
from serving.watch.window import scores_of
from sources.prediction_log import PredictionLog, put_tensor
from sources.prediction_rows import MISSING_INT

MOST_SCORES = 100
_PLACEHOLDERS: Mapping[str, int | float | str] = {
    "float32": float("nan"),
    "float64": float("nan"),
    "int64": MISSING_INT,
    "string": "",
}
_HASHED = "hashed/"
_HASH_DIGITS = 32


class Exchange(NamedTuple):
    """A request that was answered. `features` is the signature as a worker reports it; `body` is of the form JSON or
    PROTOBUF; `answer` is JSON, with the first MOST_INSTANCES predictions at least."""

    time: float
    request_id: str
    model: str
    version: str
    features: Sequence[Mapping[str, Any]]
    body: bytes
    answer: bytes
    form: str = JSON


@dataclass(frozen=True)
class Privacy:
    """Features that are left out, and features of which only a hash with `salt` is kept."""

    omitted: frozenset[str] = frozenset()
    hashed: frozenset[str] = frozenset()
    salt: bytes = b""

    def unknown(self, features: Sequence[Mapping[str, Any]]) -> list[str]:
        """Names that are no features: perhaps misspelt, and then what they mean would be kept in the open."""
        return sorted((self.omitted | self.hashed) - {str(each["name"]) for each in features})

    def hash_of(self, value: Any) -> bytes:
        """In hexadecimal digits; the same value has the same hash, with the same salt."""
        content = value if isinstance(value, bytes) else repr(value).encode()
        return hmac.new(self.salt, content, hashlib.sha256).hexdigest()[:_HASH_DIGITS].encode()


def record_of(exchange: Exchange, privacy: Privacy, share: float) -> bytes:
    """The PredictionLog in bytes. `share`: percent of the requests that are logged.

    The inputs are as the model takes them. Outputs are the scores by name, `label` where the answer has one, and
    `hashed/NAME` for a feature that is hashed: what is no value of a feature is no input, which is what is compared
    with the data for training.
    """
    columns = columns_in(exchange.body, exchange.form, [_feature(each) for each in exchange.features], MOST_INSTANCES)
    log = PredictionLog()
    log.log_metadata.timestamp_secs = int(exchange.time)
    log.log_metadata.request_origin = exchange.request_id
    log.log_metadata.sampling_config.sampling_rate = share / 100
    for spec in (log.log_metadata.model_spec, log.predict_log.request.model_spec, log.predict_log.response.model_spec):
        spec.name, spec.version.value, spec.signature_name = exchange.model, int(exchange.version), "serving_default"
    inputs, outputs = log.predict_log.request.inputs, log.predict_log.response.outputs
    for name, column in columns.items():
        if name in privacy.hashed:
            hashes = [privacy.hash_of(value) for value in column.reshape(len(column), -1).tolist()]
            put_tensor(outputs, f"{_HASHED}{name}", np.array(hashes, object))
        elif name not in privacy.omitted:
            put_tensor(inputs, name, column)
    for name, column in _outputs(orjson.loads(exchange.answer)["predictions"][:MOST_INSTANCES]).items():
        put_tensor(outputs, name, column)
    record: bytes = log.SerializeToString()
    return record


def _feature(reported: Mapping[str, Any]) -> Feature:
    """As the worker had it; JSON has no NaN, so a report says only whether there is a placeholder."""
    missing = _PLACEHOLDERS.get(reported["kind"]) if reported["missing"] else None
    return Feature(reported["name"], reported["kind"], tuple(reported["shape"]), missing)


def _outputs(predictions: Sequence[Any]) -> dict[str, Array]:
    scores = [scores_of(each) for each in predictions]
    names = list(islice(scores[0], MOST_SCORES)) if scores else []
    found: dict[str, Array] = {name: np.array([row[name] for row in scores], np.float32) for name in names}
    if predictions and all(isinstance(each, dict) and isinstance(each.get("label"), str) for each in predictions):
        found["label"] = np.array([each["label"].encode() for each in predictions], object)
    return found
