"""The features of a request as the model takes them, read again from the bytes that came; free of TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.protocol.body import instances_of
from serving.protocol.errors import JSON
from serving.protocol.signature import Array, Feature, columns_of
from sources.prediction_log import PredictRequest, tensor_in


def columns_in(body: bytes, form: str, features: Sequence[Feature], most: int) -> dict[str, Array]:
    """One array a feature, in their order, with a row for each of the first `most` instances of a request in JSON or a
    PredictRequest that was answered."""
    if form == JSON:
        return columns_of(instances_of(body)[:most], features)
    given = {entry.key: tensor_in(entry.value)[:most] for entry in PredictRequest.FromString(body).inputs}
    rows = max(map(len, given.values()), default=1)
    # One row, of which what is not there becomes what `null` becomes in JSON.
    absent = columns_of([{}], [each for each in features if each.name not in given])
    columns = {**given, **{name: np.repeat(column, rows, axis=0) for name, column in absent.items()}}
    return {each.name: columns[each.name] for each in features}
