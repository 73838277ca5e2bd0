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

    # The first row, and the values of a request.
    _Piece = tuple[int, npt.NDArray[Any]]

# What a client sends for a missing whole number; `models/export/placeholders.py` has it for TensorFlow, with those of
# floats (NaN) and of texts (""), which no source holds as values anyway.
MISSING_INT = -(2**63)
_LIST = "lists of "
_WHAT = "is not a PredictionLog with rows"


def rows_of_predictions(path: str, records: Sequence[bytes], lines: npt.NDArray[np.int64]) -> Rows:
    """A row for each row of the inputs of each request. A value is missing where a placeholder stands for it, or where
    the request has no such input. `lines` are the numbers of the records.

    Raises:
      SluiceError: when a column is text in one record and a number in another.
    """
    import numpy as np
    import pyarrow as pa

    pieces: dict[str, list[_Piece]] = {}
    found: list[int] = []
    rejects: list[Reject] = []
    for line, record in zip(lines.tolist(), records, strict=True):
        inputs = _inputs(record)
        if not inputs:
            rejects.append(Reject(path, line, _WHAT, repr(record[:200])))
            continue
        for name, values in inputs.items():
            pieces.setdefault(name, []).append((len(found), values))
        found += [line] * len(next(iter(inputs.values())))
    arrays = [_column(path, name, each, len(found)) for name, each in pieces.items()]
    batch = pa.RecordBatch.from_arrays(arrays, list(pieces))
    return Rows(batch, np.array(found, np.int64), True, rejects)


def _inputs(record: bytes) -> dict[str, npt.NDArray[Any]]:
    """The inputs of a request, all of the same number of rows; none where it is no such request."""
    log = PredictionLog()
    try:
        log.ParseFromString(record)
        inputs = {entry.key: tensor_in(entry.value) for entry in log.predict_log.request.inputs}
    except Exception:  # ValueError, or DecodeError, which each implementation of protobuf has in a module of its own
        return {}
    sizes = {values.shape[0] if values.ndim else 0 for values in inputs.values()}
    return inputs if len(sizes) == 1 and sizes != {0} else {}


def _column(path: str, name: str, pieces: Sequence[_Piece], rows: int) -> pa.Array:
    """One column; versions of a model may take it as whole numbers and as floats, but not as numbers and as text."""
    kinds = {_kind(values) for _, values in pieces}
    if kinds == {"int64", "float"}:
        kinds = {"float"}
    if len(kinds) > 1:
        raise SluiceError(
            f"{path}: its records do not agree: `{name}` is {' and '.join(sorted(kinds))} in different requests.",
            f"Take the files of one version:  ls -l {path}",
        )
    kind = kinds.pop()
    if kind.startswith(_LIST):
        return _lists(pieces, rows, kind.removeprefix(_LIST))
    return _texts(pieces, rows) if kind == "text" else _numbers(pieces, rows, kind)


def _kind(values: npt.NDArray[Any]) -> str:
    kind = {"O": "text", "f": "float"}.get(values.dtype.kind, "int64")
    return f"{_LIST}{kind}" if values.size != len(values) else kind


def _numbers(pieces: Sequence[_Piece], rows: int, kind: str) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    column: npt.NDArray[Any] = np.zeros(rows, np.float32 if kind == "float" else np.int64)
    missing = np.ones(rows, bool)
    for first, values in pieces:
        column[first : first + len(values)] = values.reshape(-1)
        missing[first : first + len(values)] = False
    missing |= np.isnan(column) if kind == "float" else column == MISSING_INT
    return pa.array(column, mask=missing)


def _texts(pieces: Sequence[_Piece], rows: int) -> pa.Array:
    import pyarrow as pa

    column: list[bytes | None] = [None] * rows
    for first, values in pieces:
        column[first : first + len(values)] = [each or None for each in values.reshape(-1).tolist()]
    return pa.array(column, pa.large_binary())


def _lists(pieces: Sequence[_Piece], rows: int, kind: str) -> pa.Array:
    """A vector or an image in each row."""
    import pyarrow as pa

    column: list[list[Any] | None] = [None] * rows
    for first, values in pieces:
        flat = values.reshape(len(values), -1)
        plain = flat.astype("int64") if kind == "int64" else flat
        column[first : first + len(values)] = plain.tolist()
    each = {"text": pa.large_binary(), "float": pa.float32()}.get(kind, pa.int64())
    return pa.array(column, pa.large_list(each))
