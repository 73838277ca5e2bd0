"""A request with its answer as TensorFlow Serving would log it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import orjson
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from models.export.placeholders import MISSING
from serving.log.answered import MOST_INSTANCES
from serving.log.exchange import Exchange, Privacy, record_of
from serving.protocol.signature import Feature

SIGNATURE = [
    Feature("company", "string", missing=""),
    Feature("fare", "float32", missing=float("nan")),
    Feature("hour", "int64", missing=MISSING[tf.int64]),
    Feature("id", "string"),
]
# As a worker reports it.
REPORTED = [{**asdict(each), "shape": [], "missing": each.missing is not None} for each in SIGNATURE]
RIDE = {"company": "Blue", "fare": 5.25, "hour": 8, "id": "7"}
ANSWER = {"label": "tip", "probability": 0.75, "scores": {"no tip": 0.25, "tip": 0.75}}


def _exchange(instances: list[Any], answers: list[Any]) -> Exchange:
    body, answer = orjson.dumps({"instances": instances}), orjson.dumps({"predictions": answers})
    return Exchange(1764400000.5, "request 7", "taxi", "101", REPORTED, body, answer)


def _logged(exchange: Exchange, privacy: Privacy | None = None) -> prediction_log_pb2.PredictionLog:
    """As TensorFlow Serving's own messages read it."""
    return prediction_log_pb2.PredictionLog.FromString(record_of(exchange, privacy or Privacy(), 10.0))


def _columns(entries: Any) -> dict[str, list[Any]]:
    return {name: tf.make_ndarray(tensor).tolist() for name, tensor in entries.items()}


def test_it_names_the_request_the_model_the_version_the_time_and_the_share() -> None:
    log = _logged(_exchange([RIDE], [ANSWER]))
    metadata = log.log_metadata
    assert (metadata.request_origin, metadata.timestamp_secs) == ("request 7", 1764400000)
    assert metadata.sampling_config.sampling_rate == 0.1
    for spec in (metadata.model_spec, log.predict_log.request.model_spec, log.predict_log.response.model_spec):
        assert (spec.name, spec.version.value, spec.signature_name) == ("taxi", 101, "serving_default")


def test_inputs_are_what_the_model_takes_with_placeholders_for_missing_values() -> None:
    instances = [RIDE, {"id": "8"}, {**RIDE, "fare": None, "hour": 9}]
    columns = _columns(_logged(_exchange(instances, [ANSWER] * 3)).predict_log.request.inputs)
    fares = columns.pop("fare")
    assert columns == {
        "company": [b"Blue", b"", b"Blue"],
        "hour": [8, MISSING[tf.int64], 9],
        "id": [b"7", b"8", b"7"],
    }
    np.testing.assert_array_equal(fares, [5.25, np.nan, np.nan])


def test_outputs_are_the_scores_by_name_and_the_label() -> None:
    columns = _columns(_logged(_exchange([RIDE] * 2, [ANSWER] * 2)).predict_log.response.outputs)
    assert columns == {"no tip": [0.25, 0.25], "tip": [0.75, 0.75], "label": [b"tip", b"tip"]}


def test_an_answer_without_names_has_its_numbers_as_outputs() -> None:
    assert _columns(_logged(_exchange([RIDE], [[0.25, 0.75]])).predict_log.response.outputs) == {
        "0": [0.25],
        "1": [0.75],
    }


def test_of_a_large_request_the_first_instances_are_kept() -> None:
    log = _logged(_exchange([RIDE] * 1000, [ANSWER] * 1000)).predict_log
    assert len(_columns(log.request.inputs)["fare"]) == len(_columns(log.response.outputs)["tip"]) == MOST_INSTANCES


def test_what_is_left_out_or_hashed_is_nowhere_in_the_bytes() -> None:
    secret = [{**RIDE, "company": "Very Secret Cabs", "id": "4711-0815"}]
    privacy = Privacy(omitted=frozenset({"id"}), hashed=frozenset({"company"}), salt=b"salt")
    record = record_of(_exchange(secret, [ANSWER]), privacy, 10.0)
    assert b"Secret" not in record
    assert b"4711" not in record
    log = prediction_log_pb2.PredictionLog.FromString(record).predict_log
    assert set(log.request.inputs) == {"fare", "hour"}
    (hashed,) = _columns(log.response.outputs)["hashed/company"]
    assert len(hashed) == 32


def test_a_hash_is_the_same_for_the_same_value_and_salt_alone() -> None:
    def hashes(salt: bytes, *companies: str) -> list[bytes]:
        privacy = Privacy(hashed=frozenset({"company"}), salt=salt)
        instances = [{**RIDE, "company": each} for each in companies]
        outputs = _logged(_exchange(instances, [ANSWER] * len(companies)), privacy).predict_log.response.outputs
        found: list[bytes] = _columns(outputs)["hashed/company"]
        return found

    one, other, again = hashes(b"salt", "Blue", "Red", "Blue")
    assert one == again != other
    assert hashes(b"other salt", "Blue") != [one]


@pytest.mark.parametrize("privacy", [Privacy(omitted=frozenset({"fair"})), Privacy(hashed=frozenset({"fair", "id"}))])
def test_a_name_that_is_no_feature_is_known_as_such(privacy: Privacy) -> None:
    assert privacy.unknown(REPORTED) == ["fair"]
