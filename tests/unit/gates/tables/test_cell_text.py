from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from gates.tables.cell_text import cell_texts


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
