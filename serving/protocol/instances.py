"""Values of a model's inputs as a client writes them in JSON. Free of TensorFlow."""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
from PIL import Image

from serving.protocol.signature import B64, MODES, Array, Feature

_MISSING_INTEGER = np.iinfo(np.int64).min


def as_json(value: Any) -> Any:
    """A plain value: null for the placeholder of a missing one, text where bytes are text."""
    if isinstance(value, list):
        return [as_json(each) for each in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {B64: base64.b64encode(value).decode()}
    is_missing = value == _MISSING_INTEGER or (isinstance(value, float) and math.isnan(value))
    return None if is_missing else value


def image_as_json(feature: Feature, pixels: Array) -> dict[str, str]:
    """The pixels of a column of images as a PNG."""
    _, _, channels = feature.shape
    scaled = np.rint(pixels * 255) if feature.kind == "float32" else pixels
    plain = np.clip(scaled, 0, 255).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(plain[:, :, 0] if channels == 1 else plain, MODES[channels]).save(content, "PNG")
    return {B64: base64.b64encode(content.getvalue()).decode()}
