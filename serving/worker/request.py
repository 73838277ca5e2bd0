"""A request of either form, read and checked: the arrays for the model, and how its outputs become the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from serving.protocol.answers import answers_of
from serving.protocol.body import instances_of
from serving.protocol.signature import Array, Feature, columns_of


class Reply(NamedTuple):
    """`body`: of the answer. `beside`: its first predictions in JSON, where the body is not JSON: what the record of
    answers and the serving log need of it."""

    body: bytes
    beside: bytes = b""

    @property
    def in_json(self) -> bytes:
        """What the record of answers reads the scores in."""
        return self.beside or self.body


@dataclass(frozen=True)
class Asked:
    """`answer` makes the answer, of the same form as the request."""

    columns: Mapping[str, Array]
    rows: int
    answer: Callable[[Mapping[str, Array]], Reply]


def read_json(body: bytes, features: Sequence[Feature], classes: Sequence[str]) -> Asked:
    """A request in Vertex' form.

    Raises:
      RequestError: 400 when it does not fit the signature.
    """
    instances = instances_of(body)
    columns = columns_of(instances, features)
    return Asked(columns, len(instances), lambda outputs: Reply(answer_in_json(outputs, classes)))


def answer_in_json(outputs: Mapping[str, Array], classes: Sequence[str]) -> bytes:
    """The body of an answer in Vertex' form.

    Raises:
      RequestError: 500 when a prediction is no finite number.
    """
    return orjson.dumps({"predictions": answers_of(outputs, classes)})
