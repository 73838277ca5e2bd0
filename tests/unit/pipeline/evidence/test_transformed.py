"""Transformed features beside raw columns, and the lists of values in the graph, as the ModelGate reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gates.data.declared import Declared
from gates.model.evidence import transformed_name
from pipeline.evidence.transformed import constants_of, transformed_tables

KEYS = [f"visit {number}" for number in range(40)]


class Features:
    """Gives three features: one number a row, a short vector and an image."""

    def features(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """By the first number of a row."""
        first = np.array([_example(raw)["x"].float_list.value[0] for raw in examples])
        return {"twice": 2 * first, "both": np.stack([first, -first], axis=1), "image": np.zeros((len(first), 8, 8, 1))}


def _example(raw: bytes) -> Any:
    return tf.train.Example.FromString(raw).features.feature


def _rows(count: int) -> np.ndarray:
    rows = []
    for number in range(count):
        example = tf.train.Example()
        example.features.feature["x"].float_list.value.append(float(number))
        example.features.feature["label"].int64_list.value.append(number % 2)
        rows.append(example.SerializeToString())
    return np.array(rows, dtype=object)


def test_each_number_of_a_short_feature_is_a_column_of_its_own_row() -> None:
    (found,) = transformed_tables(Features(), {"test": _rows(50)}, Declared(label="label")).values()  # type: ignore[arg-type]
    table = found.train
    made = {transformed_name(name) for name in ("twice", "both[0]", "both[1]")}
    assert set(table.columns) == {"x", "label"} | made
    assert (table.numbers(transformed_name("twice")) == 2 * table.numbers("x")).all()
    assert (table.numbers(transformed_name("both[1]")) == -table.numbers("x")).all()
    assert found.features == [name for name in table.columns if name != "label"]


@pytest.fixture
def graph(tmp_path: Path) -> str:
    """A graph of Transform with a table of texts, one of numbers, a vocabulary and the places of buckets."""
    (tmp_path / "vocabulary").write_bytes(b"\n".join(b"company %d" % i for i in range(30)))

    class Looking(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            values = tf.constant(np.arange(40), tf.float32)
            texts = tf.lookup.KeyValueTensorInitializer(tf.constant(KEYS), values)
            numbers = tf.lookup.KeyValueTensorInitializer(tf.constant([i * i for i in range(40)], tf.int64), values)
            self.tables = [tf.lookup.StaticHashTable(each, 0.0) for each in (texts, numbers)]
            self.vocabulary = tf.saved_model.Asset(str(tmp_path / "vocabulary"))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int64)])
        def look(self, text: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
            places = tf.constant(np.arange(100), tf.int64)
            found = self.tables[0].lookup(text) + self.tables[1].lookup(number)
            return found + tf.cast(tf.searchsorted(places, number), tf.float32)

    tf.saved_model.save(Looking(), str(tmp_path / "graph" / "transform_fn"))
    return str(tmp_path / "graph")


def test_the_lists_of_a_graph_are_its_tables_and_its_files(graph: str) -> None:
    found = constants_of(graph)
    assert frozenset(KEYS) in found.values()
    assert frozenset(str(i * i) for i in range(40)) in found.values()
    assert "company 7" in found["vocabulary"]
    assert not any("99" in values and "98" in values for values in found.values())  # the places of buckets
