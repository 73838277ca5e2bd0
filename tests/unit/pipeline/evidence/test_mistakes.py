"""The images of a report are those of the rows that the model took for another class."""

from __future__ import annotations

import base64
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_metadata.proto.v0 import schema_pb2

from gates.evaluation.measure import Scored
from gates.evaluation.mistakes import Mistake
from pipeline.evidence.mistakes import LARGEST_SIDE, pictured
from tests.samples import digits

NAMES = [str(code) for code in range(10)]
ROWS = 300


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Test rows in three files, of which the second is empty."""
    pixels, labels = (part[:ROWS] for part in digits.digits()["test"])
    names = []
    for number, part in enumerate((slice(0, 100), slice(0, 0), slice(100, ROWS))):
        names.append(str(tmp_path / f"{number}.gz"))
        with tf.io.TFRecordWriter(names[-1], tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for example in digits.serialized(pixels[part], labels[part]):
                writer.write(example)
    return names


def _scored() -> Scored:
    pixels, labels = (part[:ROWS] for part in digits.digits()["test"])
    return Scored(labels, digits.predicted(pixels, 2550.0))


def _pixels(mistake: Mistake) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(mistake.image))))


def test_each_image_is_that_of_its_row_whatever_file_it_lies_in(files: list[str]) -> None:
    scored = _scored()
    found = pictured(scored, files, digits.schema(), NAMES)
    pixels = digits.digits()["test"][0]
    assert len(found) > 10 and {each.row >= 100 for each in found} == {True, False}
    for each in found:
        assert np.array_equal(_pixels(each), pixels[each.row].reshape(8, 8))
        assert str(scored.labels[each.row]) == each.truth != each.answer == str(scored.predictions[each.row].argmax())


def test_a_model_without_mistakes_and_data_without_images_show_none(files: list[str]) -> None:
    scored = _scored()
    right = dataclasses.replace(scored, predictions=np.eye(10)[scored.labels])
    assert pictured(right, files, digits.schema(), NAMES) == []
    table = schema_pb2.Schema(feature=[schema_pb2.Feature(name="fare", type=schema_pb2.FLOAT)])
    assert pictured(scored, files, table, NAMES) == []


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_large_image_is_made_small_and_keeps_its_colours(tmp_path: Path, channels: int, mode: str) -> None:
    pixels = np.full((1, 200 * 100 * channels), 180)
    path = str(tmp_path / "large.gz")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        writer.write(digits.serialized(pixels, np.array([1]))[0])
    schema = digits.schema()
    for dimension, size in zip(schema.feature[0].shape.dim, (200, 100, channels), strict=True):
        dimension.size = size
    (found,) = pictured(Scored(np.array([1]), np.eye(10)[[3]]), [path], schema, NAMES)
    image = Image.open(io.BytesIO(base64.b64decode(found.image)))
    assert (image.mode, image.size) == (mode, (LARGEST_SIDE // 2, LARGEST_SIDE))
    assert np.all(np.asarray(image) == 180)
