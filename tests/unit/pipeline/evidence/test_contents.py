"""Rows are equal where the split took them for equal: by a hash of all columns but the label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.artifacts.examples import BATCH_ROWS
from pipeline.evidence.contents import columns_of_content, contents_of, groups_of
from tests.samples import digits

SCHEMA = schema_pb2.Schema(
    feature=[
        schema_pb2.Feature(name="town", type=schema_pb2.BYTES),
        schema_pb2.Feature(name="fare", type=schema_pb2.FLOAT),
        schema_pb2.Feature(name="label", type=schema_pb2.INT),
    ]
)


def _row(town: str | None, fare: float | None, label: int) -> bytes:
    example = tf.train.Example()
    if town is not None:
        example.features.feature["town"].bytes_list.value.append(town.encode())
    if fare is not None:
        example.features.feature["fare"].float_list.value.append(fare)
    example.features.feature["label"].int64_list.value.append(label)
    return example.SerializeToString()


def _contents(*rows: bytes) -> NDArray[Any]:
    return contents_of(np.array(rows, dtype=object), SCHEMA, "label")


def test_the_label_is_no_content_and_a_missing_value_is_one() -> None:
    one, other_label, other_fare, no_fare, no_town = _contents(
        _row("x", 1.5, 0), _row("x", 1.5, 1), _row("x", 2.5, 0), _row("x", None, 0), _row(None, 1.5, 0)
    )
    assert one == other_label
    assert len({one, other_fare, no_fare, no_town}) == 4


def test_a_row_has_the_same_content_in_every_batch() -> None:
    rows = [_row("x", float(number % 7), 0) for number in range(BATCH_ROWS + 20)]
    contents = _contents(*rows)
    assert len(contents) == len(rows) and len(np.unique(contents)) == 7
    assert (contents[-7:] == _contents(*rows[-7:])).all()
    assert len(_contents()) == 0


@pytest.mark.parametrize(("different", "grouped"), [(10, True), (1_000, False)])
def test_rows_were_drawn_where_hardly_any_repeats(different: int, grouped: bool) -> None:
    groups = groups_of(_contents(*(_row("x", float(number % different), 0) for number in range(1_000))))
    assert (groups is not None) == grouped
    if groups is not None:
        assert sorted(np.bincount(groups)) == [100] * 10


def test_an_image_is_no_content() -> None:
    assert columns_of_content(digits.schema(), "label") == set()
    assert columns_of_content(SCHEMA, "label") == {"town", "fare"}
