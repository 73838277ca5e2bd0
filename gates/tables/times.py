"""The time of a row as a number."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


def instants(column: pa.Array) -> Floats:
    """Each row's time as a number, NaN where it has none: the number itself, or epoch seconds of ISO text (UTC
    unless it has another zone)."""
    if pa.types.is_string(column.type):
        column = column.cast(pa.binary())
    if not (pa.types.is_large_binary(column.type) or pa.types.is_binary(column.type)):
        return np.asarray(column.cast(pa.float64()).fill_null(np.nan))
    encoded = column.dictionary_encode()
    distinct = np.array([_epoch_seconds(value) for value in encoded.dictionary.to_pylist()] + [np.nan])
    return distinct[np.asarray(encoded.indices.fill_null(len(distinct) - 1)).astype(np.int64)]


def _epoch_seconds(value: bytes) -> float:
    try:
        text = value.decode("ascii").strip()
        text = f"{text[:-1]}+00:00" if text[-1:] in "Zz" else text
        # Python 3.10 reads three or six digits of a fraction only.
        moment = datetime.fromisoformat(_FRACTION.sub(lambda match: "." + match.group(1).ljust(6, "0"), text))
    except ValueError:
        return float("nan")
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
