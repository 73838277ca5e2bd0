"""The rows that requests of a PredictionLog hold: a log of what an endpoint was asked is a source of data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.errors import SluiceError
from sources.format import Rows
from sources.prediction_log import PredictionLog, tensor_in
from sources.rejects import Reject

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

# What a client sends for a missing whole number; `models/export/placeholders.py` has it for TensorFlow, with those of
# floats (NaN) and of texts (""), which no source holds as values anyway.
MISSING_INT = -(2**63)
_WHAT = "is not a PredictionLog with rows"


def rows_of_predictions(path: str, records: Sequence[bytes], lines: npt.NDArray[np.int64]) -> Rows:
    """A row for each row of the inputs of each request. A value is missing where a placeholder stands for it, or where
    the request has no such input. `lines` are the numbers of the records.

    Raises:
      SluiceError: when a column is text in one record and a number in another.
    """
    import numpy as np
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    types: dict[str, set[pa.DataType]] = {}
    found: list[int] = []
    rejects: list[Reject] = []
    for line, record in zip(lines.tolist(), records, strict=True):
        inputs = _inputs(record)
        if not inputs:
            rejects.append(Reject(path, line, _WHAT, repr(record[:200])))
            continue
        rows = len(next(iter(inputs.values())))
        for name, values in inputs.items():
            column = columns.setdefault(name, [])
            column += [None] * (len(found) - len(column))
            column += _listed(values)
            types.setdefault(name, set()).add(_type_of(values))
        found += [line] * rows
    for column in columns.values():
        column += [None] * (len(found) - len(column))
    arrays = [_array(path, name, values, types[name]) for name, values in columns.items()]
    batch = pa.RecordBatch.from_arrays(arrays, list(columns))
    return Rows(batch, np.array(found, np.int64), True, rejects)


def _inputs(record: bytes) -> dict[str, npt.NDArray[Any]]:
    """The inputs of a request, all of the same number of rows; none where it is no such request."""
    log = PredictionLog()
    try:
        log.ParseFromString(record)
        inputs = {entry.key: _plain(tensor_in(entry.value)) for entry in log.predict_log.request.inputs}
    except Exception:  # ValueError, or DecodeError, which each implementation of protobuf has in a module of its own
        return {}
    sizes = {values.shape[0] if values.ndim else 0 for values in inputs.values()}
    return inputs if len(sizes) == 1 and sizes != {0} else {}


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Numbers as a tf.Example holds them."""
    import numpy as np

    if values.dtype == object:
        return values
    return values.astype(np.float32 if values.dtype.kind == "f" else np.int64)


def _listed(values: npt.NDArray[Any]) -> list[Any]:
    """A value a row, or a list where a row is a vector or an image; None for a placeholder."""
    import numpy as np

    if values.size != len(values):
        return list(values.reshape(len(values), -1).tolist())
    flat = values.reshape(-1)
    missing = np.isnan(flat) if flat.dtype.kind == "f" else flat == (b"" if flat.dtype == object else MISSING_INT)
    return [None if is_missing else value for value, is_missing in zip(flat.tolist(), missing.tolist(), strict=True)]


def _type_of(values: npt.NDArray[Any]) -> pa.DataType:
    import pyarrow as pa

    each = {"O": pa.large_binary(), "f": pa.float32()}.get(values.dtype.kind, pa.int64())
    return pa.large_list(each) if values.size != len(values) else each


def _array(path: str, name: str, values: list[Any], types: set[pa.DataType]) -> pa.Array:
    """One column; versions of a model may take it as whole numbers and as floats, but not as numbers and as text."""
    import pyarrow as pa

    if types == {pa.int64(), pa.float32()}:
        types = {pa.float32()}
    if len(types) > 1:
        kinds = " and ".join(sorted(map(str, types)))
        raise SluiceError(
            f"{path}: its records do not agree: `{name}` is {kinds} in different requests.",
            f"Take the files of one version:  ls -l {path}",
        )
    return pa.array(values, next(iter(types)))
