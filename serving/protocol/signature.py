"""The inputs of `serving_default` as plain values, and JSON instances as the arrays that it takes.

Free of TensorFlow: whoever checks a request needs no model.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import functools
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.text import counted
from serving.protocol.errors import RequestError

Array = NDArray[Any]
B64 = "b64"  # Vertex' and TensorFlow Serving's form of bytes: {"b64": "…"}
STRING = "string"
KINDS = ("int64", "int32", "uint8", "float32", "float64", "bool", STRING)
_IN_WORDS = {"bool": "true or false", STRING: "a text", "float32": "a number", "float64": "a number"}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_SHOWN = 40  # characters of a client's value in a message


@dataclass(frozen=True)
class Feature:
    """One input. `shape` is that of a row; `missing` is what an absent value becomes, None when it must be there."""

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    missing: int | float | str | None = None

    def in_words(self) -> str:
        """What a client sends for it."""
        each = _IN_WORDS.get(self.kind, "a whole number")
        if not self.shape:
            return each if self.missing is None else f"{each} or null"
        image = ', or {"b64": a PNG or JPEG of that size}' if self.is_image() else ""
        return f"lists of shape {list(self.shape)}, of {self.kind}{image}"

    def is_image(self) -> bool:
        """Whether a row is height × width × channels of pixels."""
        return len(self.shape) == 3 and self.shape[2] in MODES and self.kind in ("int64", "uint8", "float32")


def columns_of(instances: Sequence[Any], features: Sequence[Feature]) -> dict[str, Array]:
    """One array a feature, with a row an instance.

    Raises:
      RequestError: 400, with the instance, the feature and what was expected.
    """
    rows = [_named(instance, features, place) for place, instance in enumerate(instances)]
    known = {feature.name for feature in features}
    for place, row in enumerate(rows):
        check_names(row, known, place)
    return {feature.name: _column(feature, [row.get(feature.name) for row in rows]) for feature in features}


def check_names(given: Iterable[str], known: set[str], place: int = 0) -> None:
    """Checks that a model has the features of an instance; `known` are those it has.

    Raises:
      RequestError: 400, with the first that it has not.
    """
    if unknown := [name for name in given if name not in known]:
        raise RequestError(400, f"instance {place}: {_unknown_feature(unknown[0], known)}")


def _named(instance: Any, features: Sequence[Feature], place: int) -> Mapping[str, Any]:
    """An instance by feature; a model with a single input also takes its bare value."""
    is_bytes = isinstance(instance, dict) and set(instance) == {B64}
    if isinstance(instance, dict) and not is_bytes:
        return instance
    if len(features) == 1:
        return {features[0].name: instance}
    expected = f"an object with the features {', '.join(sorted(each.name for each in features)[:3])}, …"
    raise RequestError(400, f"instance {place}: expected {expected}, got {_shown(instance)}")


def _unknown_feature(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f'did you mean "{close[0]}"?' if close else "the model's features are shown under /metadata"
    return f"there is no feature {_shown(name)}; {hint}"


def _column(feature: Feature, values: list[Any]) -> Array:
    if feature.shape:
        return np.stack([_tensor(feature, value, place) for place, value in enumerate(values)])
    converted = [_scalar(feature, value, place) for place, value in enumerate(values)]
    return np.array(converted, dtype=object if feature.kind == STRING else feature.kind)


def _scalar(feature: Feature, value: Any, place: int) -> Any:
    if value is None:
        if feature.missing is None:
            raise _unfit(feature, place, value)
        return feature.missing.encode() if isinstance(feature.missing, str) else feature.missing
    if feature.kind == STRING:
        return _bytes(feature, value, place)
    if feature.kind == "bool":
        if not isinstance(value, bool):
            raise _unfit(feature, place, value)
        return value
    is_float = feature.kind.startswith("float")
    if isinstance(value, bool) or not isinstance(value, int | float if is_float else int):
        raise _unfit(feature, place, value)
    lowest, highest = _limits(feature.kind)
    if not lowest <= value <= highest:
        raise _unfit(feature, place, value, f" that {feature.kind} can hold")
    return value


@functools.cache
def _limits(kind: str) -> tuple[float, float]:
    """The least and the greatest number, as Python's own: comparisons with NumPy's take ten times as long."""
    limits: Any = np.finfo(kind) if kind.startswith("float") else np.iinfo(kind)
    number = float if kind.startswith("float") else int
    return number(limits.min), number(limits.max)


def _bytes(feature: Feature, value: Any, place: int) -> bytes:
    if isinstance(value, str):
        return value.encode()
    decoded = _decoded(value)
    if decoded is None:
        raise _unfit(feature, place, value, ' or {"b64": base64}')
    return decoded


def _decoded(value: Any) -> bytes | None:
    """The bytes of `{"b64": …}`, or None when it is not that."""
    if not (isinstance(value, dict) and set(value) == {B64} and isinstance(value[B64], str)):
        return None
    try:
        return base64.b64decode(value[B64], validate=True)
    except (binascii.Error, ValueError):
        return None


def _tensor(feature: Feature, value: Any, place: int) -> Array:
    content = _decoded(value) if feature.is_image() else None
    if content is not None:
        return _image(feature, content, place)
    try:
        found = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as ragged:
        got = "lists of unlike lengths" if isinstance(value, list) else _shown(value)
        raise _unfit_but(feature, place, got) from ragged
    allowed = {"bool": "b", STRING: "U"}.get(feature.kind, "iuf" if feature.kind.startswith("float") else "iu")
    if found.shape != feature.shape or found.dtype.kind not in allowed:
        is_plain = found.ndim == 0 or found.dtype == object
        got = _shown(value) if is_plain else f"lists of shape {list(found.shape)}, of {_values_of(found)}"
        raise _unfit_but(feature, place, "nothing" if value is None else got)
    if feature.kind == STRING:
        return np.array([text.encode() for text in found.ravel().tolist()], dtype=object).reshape(found.shape)
    if feature.kind != "bool" and found.size:
        lowest, highest = _limits(feature.kind)
        if not (lowest <= found.min() and found.max() <= highest):
            raise _unfit(feature, place, value, f", values that {feature.kind} can hold")
    return found.astype(feature.kind)


def _values_of(found: Array) -> str:
    return {"b": "true and false", "f": "numbers", "i": "whole numbers", "u": "whole numbers"}.get(
        found.dtype.kind, "texts"
    )


def _image(feature: Feature, content: bytes, place: int) -> Array:
    """Pixels 0 to 255, or 0 to 1 for floats, as ingest reads images."""
    height, width, channels = feature.shape
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            # Looked at before it is decoded: a small file can hold a very large image.
            if image.size != (width, height):
                size = f"{image.width} x {image.height}"
                raise _unfit_but(feature, place, f"an image of {size} pixels")
            pixels = np.asarray(image.convert(MODES[channels]))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise _unfit_but(feature, place, "bytes that are no PNG or JPEG") from problem
    pixels = pixels.reshape(feature.shape)
    return (pixels / np.float32(255)).astype(feature.kind) if feature.kind == "float32" else pixels.astype(feature.kind)


def _unfit(feature: Feature, place: int, value: Any, beyond: str = "") -> RequestError:
    return _unfit_but(feature, place, "nothing" if value is None else _shown(value), beyond)


def _unfit_but(feature: Feature, place: int, got: str, beyond: str = "") -> RequestError:
    """The same with `got` in our own words."""
    return RequestError(
        400, f'instance {place}: feature "{feature.name}": expected {feature.in_words()}{beyond}, got {got}'
    )


def _shown(value: Any) -> str:
    if isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, list):
        text = f"a list of {len(value)}"
    elif isinstance(value, dict):
        text = _shown_object(value)
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _shown_object(value: Mapping[str, Any]) -> str:
    if set(value) != {B64}:
        return f"an object of {counted(len(value), 'key')}"
    return 'bytes as {"b64": …}' if _decoded(value) is not None else 'a "b64" that is no base64'
