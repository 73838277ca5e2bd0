"""The cells of a column as text for people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def number_texts(numbers: NDArray[np.float64]) -> list[str]:
    """Each number as it was written: what 32 bits made of 25.15 is "25.15", and not the "25.1499996185303" of 64 bits.
    Others have at most 15 digits, whole numbers no decimal point.

    The type is not asked, because a column of 32 bits may have been widened; of the fractions of 64 bits hardly one is
    by chance a number of 32 bits.
    """
    shown = np.array(numbers, np.float64)
    with np.errstate(over="ignore"):
        singles = shown.astype(np.float32)
    written = (singles == shown) & (shown != np.floor(shown))
    shown[written] = singles[written].astype(str).astype(np.float64)
    return [f"{value:.15g}" for value in shown.tolist()]


def number_text(number: float) -> str:
    """One number, as `number_texts` writes it."""
    return number_texts(np.array([number]))[0]


def cell_texts(cells: pa.Array | pa.ChunkedArray) -> list[str]:
    """Each cell as it was written: a number of 32 bits as 25.15, not as the 25.149999618530273 of 64 bits; "" for a
    missing one."""
    return [_text(value, pa.types.is_float32(cells.type)) for value in cells.to_pylist()]


def _text(value: Any, is_single: bool) -> str:
    if value is None:
        return ""
    return str(np.float32(value)) if is_single else str(value)
