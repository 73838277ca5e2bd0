"""Which fields Google requires and which it alone may set, read from the client library that is installed.

Google annotates its protobuf descriptors with `google.api.field_behavior`; the wheels of the client leave the
annotations out, but their generator begins the documentation of each field with the same words ("Required.",
"Output only."). For the services served here the two agree on all 385 required fields (googleapis of August 2026).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import proto

from cloud.client_messages import client_messages

_FIELD = re.compile(r"^    ([a-z]\w*) \(", re.MULTILINE)


@dataclass(frozen=True)
class Behaviours:
    """Names of fields, as the descriptor spells them."""

    required: frozenset[str] = frozenset()
    output_only: frozenset[str] = frozenset()


@cache
def behaviours(message_type: str) -> Behaviours:
    """The behaviours of a message's fields by its full name; none are known of messages that are not Vertex AI's."""
    found = client_messages().get(message_type)
    if found is None:
        return Behaviours()
    words = dict(_first_words(found))
    return Behaviours(
        required=frozenset(name for name, text in words.items() if text.startswith("Required.")),
        output_only=frozenset(name for name, text in words.items() if "Output only." in text[:40]),
    )


def _first_words(message: type[proto.Message]) -> Iterator[tuple[str, str]]:
    """Each documented field with what its documentation begins with."""
    text = inspect.cleandoc(message.__doc__ or "")
    for found in _FIELD.finditer(text):
        # The type may run over several lines; it ends where a line ends with a colon.
        _, _, documentation = text[found.end() :].partition("):\n")
        # A field that is a word of Python's carries an underscore there.
        yield found[1].rstrip("_"), documentation.lstrip()[:80]
