"""A summary of a table: its columns, the shares of the label, the range of time."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gates.tables.cell_text import number_text
from gates.tables.table import ColumnKind, Table

_MOST_LABELS = 20
_SHOWN_VALUES = 4
_LONGEST_VALUE = 24
_DIGITS, _DIGITS_OF_FLOAT32 = 12, 7
# Numbers in this range are taken for seconds since 1970: 1990 to 2100.
_EPOCH = (631_152_000, 4_102_444_800)


@dataclass(frozen=True)
class ColumnSummary:
    """One column: `values` is the range of numbers, the commonest of categories, the size of images."""

    name: str
    kind: str
    missing: float
    distinct: int | None
    values: str


@dataclass(frozen=True)
class DataSummary:
    """One table."""

    rows: int
    columns: tuple[ColumnSummary, ...]
    label: str | None = None
    label_shares: tuple[tuple[str, float], ...] = ()
    more_labels: int = 0
    time: str | None = None
    time_range: tuple[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)


def describe(table: Table, label: str | None = None, time: str | None = None) -> DataSummary:
    """What `python -m gates describe` prints."""
    shares = _shares(table, label) if label else []
    return DataSummary(
        rows=table.rows,
        columns=tuple(_summary(table, name) for name in table.columns),
        label=label,
        label_shares=tuple(shares[:_MOST_LABELS]),
        more_labels=max(0, len(shares) - _MOST_LABELS),
        time=time,
        time_range=_time_range(table, time) if time else None,
    )


def _summary(table: Table, name: str) -> ColumnSummary:
    kind = table.kinds[name]
    missing = float(table.missing(name).mean()) if table.rows else 0.0
    distinct: int | None = None
    values = ""
    if kind is ColumnKind.NUMBER:
        numbers = table.numbers(name)
        numbers = numbers[~np.isnan(numbers)]
        distinct = len(np.unique(numbers))
        digits = _DIGITS_OF_FLOAT32 if pa.types.is_float32(table.arrow.column(name).type) else _DIGITS
        values = f"{numbers.min():.{digits}g} to {numbers.max():.{digits}g}" if len(numbers) else ""
    elif kind in (ColumnKind.CATEGORY, ColumnKind.TEXT):
        distinct, values = _commonest(table, name)
    elif kind is ColumnKind.IMAGE:
        values = f"{table.arrow.column(name).type.list_size:,} numbers a row"
    elif kind is ColumnKind.OTHER:
        values = str(table.arrow.column(name).type)
    return ColumnSummary(name, kind.value, missing, distinct, values)


def _commonest(table: Table, name: str) -> tuple[int, str]:
    codes, values = table.codes(name)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    top = np.argsort(-counts, kind="stable")[:_SHOWN_VALUES]
    shown = [values[i] if len(values[i]) <= _LONGEST_VALUE else f"{values[i][: _LONGEST_VALUE - 1]}…" for i in top]
    return len(values), ", ".join(shown) + (", …" if len(values) > len(shown) else "")


def _shares(table: Table, label: str) -> list[tuple[str, float]]:
    if table.kinds[label] not in (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.TEXT):
        return []
    codes, values = table.codes(label)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    shares = [(values[i], float(counts[i] / table.rows)) for i in np.argsort(-counts, kind="stable")]
    missing = float((codes < 0).mean())
    return [*shares, ("missing", missing)] if missing else shares


def _time_range(table: Table, time: str) -> tuple[str, str] | None:
    if table.kinds[time] is ColumnKind.NUMBER:
        numbers = table.numbers(time)
        numbers = numbers[np.isfinite(numbers)]
        return (_moment(numbers.min()), _moment(numbers.max())) if len(numbers) else None
    if table.kinds[time] not in (ColumnKind.CATEGORY, ColumnKind.TEXT):
        return None
    ends = pc.min_max(table.strings(time)).as_py()
    return ends["min"], ends["max"]


def _moment(value: float) -> str:
    if not _EPOCH[0] <= value <= _EPOCH[1]:
        return number_text(value)
    return f"{datetime.fromtimestamp(value, timezone.utc):%Y-%m-%d %H:%M:%S} ({number_text(value)})"
