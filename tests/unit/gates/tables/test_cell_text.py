from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gates.tables.cell_text import cell_texts, number_texts


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([25.15, None, 1e-7, 3.0], pa.float32(), ["25.15", "", "1e-07", "3.0"]),
        ([25.149999618530273, 0.1], pa.float64(), ["25.149999618530273", "0.1"]),
        ([16777217, None], pa.int64(), ["16777217", ""]),
        (["a", None], pa.string(), ["a", ""]),
        ([[0.1, 0.2]], pa.list_(pa.float64(), 2), ["[0.1, 0.2]"]),
    ],
    ids=["single", "double", "whole", "text", "list"],
)
def test_a_cell_is_shown_as_it_was_written(values: list[Any], kind: pa.DataType, texts: list[str]) -> None:
    assert cell_texts(pa.array(values, kind)) == texts
    assert cell_texts(pa.chunked_array([pa.array(values, kind)])) == texts


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (np.float32(25.15), "25.15"),
        (np.float32(1e-7), "1e-07"),
        (np.float32(-87.62518), "-87.62518"),
        (25.15, "25.15"),
        (0.1 + 0.2, "0.3"),
        (41.878865946, "41.878865946"),
        (0.375, "0.375"),
        (16777217.0, "16777217"),
        (float(np.float32(123456792)), "123456792"),
        (1e300, "1e+300"),
        (-0.5, "-0.5"),
        (np.inf, "inf"),
        (np.nan, "nan"),
    ],
)
def test_a_number_is_written_with_the_fewest_digits_that_give_it_back(number: float, text: str) -> None:
    assert number_texts(np.array([number], np.float64)) == [text]


def test_every_fraction_of_32_bits_has_a_text_that_gives_it_back() -> None:
    rng = np.random.default_rng(0)
    numbers = (rng.normal(size=2_000) * 10.0 ** rng.integers(-6, 7, 2_000)).astype(np.float32)
    texts = number_texts(numbers.astype(np.float64))
    assert np.array_equal(np.array(texts, np.float64).astype(np.float32), numbers)
    # Nine digits tell any two numbers of 32 bits apart; whole numbers have all of theirs.
    assert all(len(text.split("e")[0].replace("-", "").replace(".", "").lstrip("0")) <= 10 for text in texts)
