"""Mends a defect of Google's client over REST, seen with protobuf 3.20 and aiplatform 1.165.1.

The JSON of a finished operation holds its response as `Any`. To read it, protobuf looks for the response's class in its
symbol database, does not find the one that the client library has made, and makes another, which replaces the first in
the whole process. From then on the library no longer recognises its own messages: `Endpoint.list()` comes back empty
right after `Endpoint.create()`, without an error. gRPC, which needs no classes by name, is not affected, nor is the
protobuf of 2023 and later, which has one class for each descriptor.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import lru_cache

import proto
from google.cloud.aiplatform_v1 import types
from google.protobuf import symbol_database


@lru_cache(maxsize=1)
def client_messages() -> dict[str, type[proto.Message]]:
    """Every message of the client of Vertex AI by its full name, nested ones included."""
    return {each.meta.full_name: each for top in vars(types).values() for each in _with_nested(top)}


@lru_cache(maxsize=1)
def register_client_messages() -> None:
    """Makes the client's classes the ones that protobuf finds by name. To be called before the first REST call."""
    for message in client_messages().values():
        symbol_database.Default().RegisterMessage(message.pb())


def _with_nested(member: object) -> Iterator[type[proto.Message]]:
    if inspect.isclass(member) and issubclass(member, proto.Message):
        yield member
        for inner in vars(member).values():
            yield from _with_nested(inner)
