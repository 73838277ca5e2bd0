"""The images that a model takes for another class, small enough for a report."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tensorflow_metadata.proto.v0 import schema_pb2

from gates.evaluation.measure import Scored
from gates.evaluation.mistakes import Mistake, mistakes
from pipeline.artifacts.examples import decoder_of, raw_batches
from pipeline.artifacts.schema import shape_of

LARGEST_SIDE = 64  # pixels
_MODES = {1: "L", 3: "RGB"}


def pictured(scored: Scored, files: Sequence[str], schema: schema_pb2.Schema, names: Sequence[str]) -> list[Mistake]:
    """Mistakes with the first image of their rows; none where the data hold no images. `files`: of test, in the order
    in which they were scored."""
    image = next((each for each in schema.feature if _is_image(each)), None)
    found = mistakes(scored, names) if image is not None else []
    if image is None or not found:
        return []
    order = sorted(found, key=lambda each: each.row)
    shape = shape_of(image)
    decoded = decoder_of(schema, {image.name}).DecodeBatch(list(_serialized(files, [each.row for each in order])))
    pixels = decoded.column(decoded.schema.get_field_index(image.name)).to_pylist()
    drawn = {each.row: _png(values, shape) for each, values in zip(order, pixels, strict=True)}
    return [dataclasses.replace(each, image=drawn[each.row]) for each in found if drawn[each.row]]


def _is_image(feature: schema_pb2.Feature) -> bool:
    shape = shape_of(feature)
    return feature.type == schema_pb2.INT and len(shape) == 3 and shape[2] in _MODES


def _serialized(files: Iterable[str], rows: Sequence[int]) -> Iterator[bytes]:
    """The examples at these places, which are in ascending order; no file is read past the last of them."""
    wanted, start = iter(rows), 0
    row = next(wanted, None)
    for batch in (batch for path in files for batch in raw_batches(path)):
        while row is not None and row < start + len(batch):
            yield batch[row - start]
            row = next(wanted, None)
        if row is None:
            return
        start += len(batch)


def _png(values: Sequence[int] | None, shape: Sequence[int]) -> str:
    """An image in base64, or nothing where a row has no whole one."""
    if values is None or len(values) != int(np.prod(shape)):
        return ""
    pixels: NDArray[Any] = np.clip(np.asarray(values), 0, 255).astype(np.uint8).reshape(shape)
    drawn = Image.fromarray(pixels if shape[2] > 1 else pixels[:, :, 0], _MODES[shape[2]])
    drawn.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    stored = io.BytesIO()
    drawn.save(stored, "PNG")
    return base64.b64encode(stored.getvalue()).decode()
