"""The cells of a column as text for people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa


def cell_texts(cells: pa.Array | pa.ChunkedArray) -> list[str]:
    """Each cell as it was written: a number of 32 bits as 25.15, not as the 25.149999618530273 of 64 bits; "" for a
    missing one."""
    return [_text(value, pa.types.is_float32(cells.type)) for value in cells.to_pylist()]


def _text(value: Any, is_single: bool) -> str:
    if value is None:
        return ""
    return str(np.float32(value)) if is_single else str(value)
