"""Some golden requests as instances that a person can try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import orjson

from serving.protocol.instances import as_json, image_as_json
from serving.protocol.signature import Array, Feature
from serving.worker.model import LoadedModel

MOST_SAMPLES, MOST_BYTES = 20, 2**18


def samples_of(model: LoadedModel) -> list[dict[str, Any]]:
    """The first instances of the export's golden requests that together stay within the bytes; images are PNGs."""
    found: list[dict[str, Any]] = []
    size = 0
    for instance in _instances(model):
        size += len(orjson.dumps(instance))
        if len(found) == MOST_SAMPLES or size > MOST_BYTES:
            break
        found.append(instance)
    return found


def _instances(model: LoadedModel) -> Iterator[dict[str, Any]]:
    for columns in model.warm_up_requests():
        for row in range(len(next(iter(columns.values())))):
            yield {each.name: _value(each, columns, row) for each in model.features}


def _value(feature: Feature, columns: Mapping[str, Array], row: int) -> Any:
    value = columns[feature.name][row]
    if feature.is_image():
        return image_as_json(feature, value)
    if isinstance(value, np.floating) and np.isfinite(value):
        # The shortest text of this 32-bit number, not that of the same number with 64 bits.
        return float(str(value))
    return as_json(value.tolist() if isinstance(value, np.generic | np.ndarray) else value)
