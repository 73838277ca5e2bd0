"""Values of a model as a client writes them, and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from serving.protocol.instances import as_json, image_as_json
from serving.protocol.signature import Feature, columns_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (2**53 + 1, 2**53 + 1),
        (0.5, 0.5),
        (float("nan"), None),
        (np.iinfo(np.int64).min, None),
        (b"Blue", "Blue"),
        (b"", ""),
        (b"\xff", {"b64": "/w=="}),
        ([1.0, [b"a", float("nan")]], [1.0, ["a", None]]),
        (True, True),
    ],
)
def test_a_value_becomes_json(value: Any, expected: Any) -> None:
    assert json.loads(json.dumps(as_json(value))) == expected


@pytest.mark.parametrize(("kind", "unit"), [("int64", 1), ("uint8", 1), ("float32", np.float32(1 / 255))])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_that_is_sent_back_has_the_same_pixels(kind: str, unit: float, channels: int) -> None:
    feature = Feature("image", kind, (5, 7, channels))
    plain = np.random.default_rng(3).integers(0, 256, feature.shape)
    pixels = (plain * unit).astype(kind)
    column = columns_of([{"image": image_as_json(feature, pixels)}], [feature])["image"]
    np.testing.assert_allclose(column[0], pixels, atol=1e-6)
    assert column.dtype == kind
