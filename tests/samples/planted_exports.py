"""Small exports of a model of rides, sound ones and ones whose answers depend on what is no feature; as a fresh process
answers and reads them, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import tensorflow as tf

from gates.model.evidence import Literal, ModelEvidence
from models.export.fresh_process import answered, copy_of, loaded, single_requests
from models.export.placeholders import MISSING
from models.export.replay import Replayed, TrainingPath, _requests
from models.export.signatures import dense
from pipeline.evidence import model as evidence
from pipeline.evidence.company import regrouped

SPECS = {
    "fare": tf.io.VarLenFeature(tf.float32),
    "hour": tf.io.VarLenFeature(tf.int64),
    "company": tf.io.VarLenFeature(tf.string),
}
ROWS = 600
Answer = Callable[["Rides", Any, Any, Any], Any]


class Rides(tf.Module):
    """`answer` gives the logits from fare, hour and company; a missing value is its placeholder."""

    def __init__(self, answer: Answer, prepare: Callable[[Rides], None] | None = None) -> None:
        super().__init__()
        self.calls = tf.Variable(0, dtype=tf.int64)
        self.weight = tf.Variable(0.05)
        if prepare:
            prepare(self)
        self._answer = answer

    def export(self, folder: Path) -> str:
        """Writes the SavedModel."""
        dense_specs = {name: tf.TensorSpec([None], spec.dtype, name=name) for name, spec in SPECS.items()}

        def serving_default(fare: Any, hour: Any, company: Any) -> dict[str, Any]:
            return {"predictions": tf.sigmoid(self._answer(self, fare, hour, company))[:, None]}

        def serving_examples(examples: Any) -> dict[str, Any]:
            parsed = tf.io.parse_example(examples, SPECS)
            return serving_default(**{name: _dense(parsed[name], spec.dtype) for name, spec in SPECS.items()})

        signatures = {
            "serving_default": tf.function(serving_default, autograph=False).get_concrete_function(**dense_specs),
            "serving_examples": tf.function(serving_examples, autograph=False).get_concrete_function(
                tf.TensorSpec([None], tf.string, name="examples")
            ),
        }
        tf.saved_model.save(self, str(folder), signatures=signatures)
        return str(folder)


def _dense(column: Any, dtype: tf.DType) -> Any:
    one_a_row = tf.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1])
    return tf.sparse.to_dense(one_a_row, default_value=tf.constant(MISSING[dtype], dtype))[:, 0]


def filled(fare: Any) -> Any:
    """The fare, 0 where it is missing."""
    return tf.where(tf.math.is_nan(fare), 0.0, fare)


class _Sent:
    """The part of a TrainingPath that makes requests."""

    columns = SPECS

    def requests(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        parsed = tf.io.parse_example(examples, SPECS)
        return {name: dense(parsed[name], spec) for name, spec in SPECS.items()}


def rides(rows: int = ROWS) -> np.ndarray:
    """Serialized rides, all fields there."""
    rng = np.random.default_rng(3)
    found = []
    for number in range(rows):
        example = tf.train.Example()
        features = example.features.feature
        features["fare"].float_list.value.append(float(rng.gamma(2.0, 8.0)))
        features["hour"].int64_list.value.append(int(rng.integers(24)))
        features["company"].bytes_list.value.append([b"Blue", b"Red", b"Green"][number % 3])
        found.append(example.SerializeToString())
    return np.array(found, dtype=object)


def replayed(export: str, scratch: Path) -> Replayed:
    """What the fresh process would send back, from a copy of the export."""
    requests = _requests(cast(TrainingPath, _Sent()), rides())
    copy = str(scratch / "copy")
    copy_of(export, copy)
    found, model = loaded(copy)
    if model is not None:
        found |= answered(model, requests.calls, requests.arrays)
        timed = {**requests.calls[0], "name": "serving_default/alone", "requests": 40, "warm_up": 0}
        found |= single_requests(model, timed, requests.arrays)[1] | answered(model, requests.last, requests.arrays)
    requests.rows["serving_default/alone"] = np.arange(40)
    return Replayed.of({**found, "seconds": np.empty(0)}, requests)


def evidence_of(found: Replayed, made: tuple[float, ...] = ()) -> ModelEvidence:
    """What the ModelGate gets of it, beside the splits. `made`: when the export was written."""
    return ModelEvidence(
        probes=evidence._probes(found),
        combinations=evidence._combinations(found),
        regrouped=regrouped(found),
        operations=evidence._operations(found),
        literals=None if found.literals is None else tuple(Literal(**each) for each in found.literals),
        made=made,
        unloadable=found.unloadable,
    )
