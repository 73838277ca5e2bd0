"""A request of either form, read and checked: the arrays for the model, and how its outputs become the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from serving.protocol.answers import answers_of
from serving.protocol.body import instances_of
from serving.protocol.signature import Array, Feature, columns_of


@dataclass(frozen=True)
class Asked:
    """`answer` makes the body of the answer, of the same form as the request."""

    columns: Mapping[str, Array]
    rows: int
    answer: Callable[[Mapping[str, Array]], bytes]


def read_json(body: bytes, features: Sequence[Feature], classes: Sequence[str]) -> Asked:
    """A request in Vertex' form.

    Raises:
      RequestError: 400 when it does not fit the signature.
    """
    instances = instances_of(body)

    def answer(outputs: Mapping[str, Array]) -> bytes:
        return orjson.dumps({"predictions": answers_of(outputs, classes)})

    return Asked(columns_of(instances, features), len(instances), answer)
