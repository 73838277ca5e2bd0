"""What a record holds beyond what the decoder of tf.Examples keeps: unknown fields, a feature twice, one of two types.

The messages are those of tensorflow/core/example/{example,feature}.proto, without TensorFlow, their maps as lists of
entries: once with a Feature of one type, to see quickly whether anything is lost, and once (Open…) to say what.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sources.messages import Field, Fields, message_classes

_KINDS = {"bytes_list": "text", "float_list": "numbers", "int64_list": "whole numbers"}
_FEATURE = list(zip(_KINDS, (1, 2, 3), ("Bytes", "Floats", "Ints"), strict=True))
_MESSAGES: Mapping[str, Fields] = {
    "Bytes": [("value", 1, [Field.TYPE_BYTES])],
    "Floats": [("value", 1, [Field.TYPE_FLOAT])],
    "Ints": [("value", 1, [Field.TYPE_INT64])],
    "Feature": _FEATURE,
    "Entry": [("key", 1, Field.TYPE_STRING), ("value", 2, "Feature")],
    "Features": [("feature", 1, ["Entry"])],
    "Example": [("features", 1, "Features")],
    "Examples": [("example", 1, ["Example"])],
    "OpenFeature": _FEATURE,
    "OpenEntry": [("key", 1, Field.TYPE_STRING), ("value", 2, "OpenFeature")],
    "OpenFeatures": [("feature", 1, ["OpenEntry"])],
    "OpenExample": [("features", 1, "OpenFeatures")],
}
# Bytes that are parsed at once: a message cannot have more than 2 GiB.
_AT_ONCE = 64 << 20


_CLASSES = message_classes("sluice.examples", _MESSAGES, one_of=("Feature",))
_EXAMPLES, _OPEN_EXAMPLE = _CLASSES["Examples"], _CLASSES["OpenExample"]


def features_in(records: Sequence[bytes], with_values: bool = False) -> int | None:
    """How many features the records have together; None when they may hold what is no feature of one type.

    `with_values`: without those that hold no list, as TFX writes an empty cell: to the decoder they are missing, too.
    """
    counts = [_count(some, with_values) for some in _in_pieces(records)]
    return None if None in counts else sum(count or 0 for count in counts)


def _count(records: Sequence[bytes], with_values: bool) -> int | None:
    joined = b"".join(piece for record in records for piece in (b"\x0a", _varint(len(record)), record))
    examples = _EXAMPLES()
    try:
        examples.ParseFromString(joined)
    except Exception:  # DecodeError, which each implementation of protobuf has in a module of its own
        return None
    examples.DiscardUnknownFields()
    # What was understood is as long as what was read where nothing else was there.
    if examples.ByteSize() != len(joined):
        return None
    features = (each.features.feature for each in examples.example)
    if with_values:
        return sum(entry.value.WhichOneof("kind") is not None for entries in features for entry in entries)
    return sum(map(len, features))


def _in_pieces(records: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    first = size = 0
    for place, record in enumerate(records):
        size += len(record)
        if size >= _AT_ONCE:
            yield records[first : place + 1]
            first, size = place + 1, 0
    if first < len(records):
        yield records[first:]


def what_is_lost(record: bytes, ignored: Collection[str] = ()) -> str:
    """What the decoder would leave out of an Example, but for these features; empty when it keeps all."""
    features = _opened(record).features
    names = set(ignored)
    for entry in features.feature:
        kinds = [kind for kind in _KINDS if entry.value.HasField(kind)]
        if entry.key in ignored:
            continue
        if entry.key in names:
            return f"names the feature `{entry.key}` more than once"
        if len(kinds) > 1:
            return f"holds {_KINDS[kinds[0]]} and {_KINDS[kinds[1]]} in the feature `{entry.key}`"
        if _has_unknown(entry):
            return f"has an unknown field in the feature `{entry.key}`"
        names.add(entry.key)
    del features.feature[:]
    return "has an unknown field beside its features" if _has_unknown(features) else ""


def without(record: bytes, ignored: Collection[str]) -> bytes:
    """The Example without these features."""
    example = _opened(record)
    kept = [entry for entry in example.features.feature if entry.key not in ignored]
    if len(kept) == len(example.features.feature):
        return record
    found = _OPEN_EXAMPLE()
    found.features.feature.extend(kept)
    return bytes(found.SerializeToString(deterministic=True))


def names_in(record: bytes) -> list[str]:
    """The names of the features of an Example."""
    return [entry.key for entry in _opened(record).features.feature]


def types_of(record: bytes) -> dict[str, str]:
    """What each feature of an Example holds, in words; those without a value are left out."""
    entries = _opened(record).features.feature
    return {entry.key: _KINDS[kind] for entry in entries for kind in _KINDS if entry.value.HasField(kind)}


def _opened(record: bytes) -> Any:
    example = _OPEN_EXAMPLE()
    example.ParseFromString(record)
    return example


def _has_unknown(message: Any) -> bool:
    known = type(message)()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    return bool(known.ByteSize() != message.ByteSize())


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
