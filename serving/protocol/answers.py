"""Predictions as clients read them: by the name of the class where the export names its classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.protocol.errors import RequestError
from serving.protocol.instances import as_json

PREDICTIONS = "predictions"


def answers_of(outputs: Mapping[str, NDArray[Any]], classes: Sequence[str]) -> list[Any]:
    """One answer a row. With the names of the classes: `label` is the most probable, `scores` the probability of each,
    `probability` that of the label; without: the outputs as they are.

    Raises:
      RequestError: 500 when a row has a prediction that is no finite number, which JSON cannot hold.
    """
    check_finite(outputs)
    if set(outputs) == {PREDICTIONS} and _fits(outputs[PREDICTIONS], classes):
        return [_named(row, classes) for row in _by_class(outputs[PREDICTIONS]).tolist()]
    if len(outputs) == 1:
        return _plain(next(iter(outputs.values())))
    columns = {name: _plain(output) for name, output in outputs.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def check_finite(outputs: Mapping[str, NDArray[Any]]) -> None:
    """Checks that every prediction can be used.

    Raises:
      RequestError: 500 when a row has a prediction that is no finite number.
    """
    for name, output in outputs.items():
        if output.dtype.kind == "f" and not np.isfinite(output).all():
            flat = output.reshape(len(output), -1)
            row = int(np.flatnonzero(~np.isfinite(flat).all(axis=1))[0])
            raise RequestError(500, f"the model's output `{name}` is not a finite number for instance {row}")


def _fits(predictions: NDArray[Any], classes: Sequence[str]) -> bool:
    return predictions.ndim == 2 and len(classes) == max(predictions.shape[1], 2)


def _by_class(predictions: NDArray[Any]) -> NDArray[Any]:
    """A sigmoid is the probability of the second of two classes."""
    return np.hstack([1 - predictions, predictions]) if predictions.shape[1] == 1 else predictions


def _named(row: list[float], classes: Sequence[str]) -> dict[str, Any]:
    place = max(range(len(row)), key=row.__getitem__)
    return {"label": classes[place], "probability": row[place], "scores": dict(zip(classes, row, strict=True))}


def _plain(output: NDArray[Any]) -> list[Any]:
    rows = output.tolist()
    return [_text(row) for row in rows] if output.dtype == object else rows


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(each) for each in value]
    return as_json(value) if isinstance(value, bytes) else value
