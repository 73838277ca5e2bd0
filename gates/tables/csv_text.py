"""CSV cells as text, and what kinds of column they make; a column has one kind in all tables where chance can explain
that it looks like two."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from core.errors import SluiceError

_BOM = b"\xef\xbb\xbf"
_BLOCK_BYTES = 1 << 28
_FIELDS = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_INT_BYTES = np.isin(np.arange(256), list(b"0123456789-"))
_DIGITS_OF_INT64 = 19
_LEADING_ZERO = r"^[+-]?0\d"
# Below this, that all values which are no numbers lie in one of the tables is no chance (as gates.rule.ALPHA).
_BY_CHANCE = 0.001


def read_cells(raw: bytes, path: str) -> pa.Table:
    """Every cell of a CSV file as text, null where it is empty.

    Raises:
      SluiceError: when the bytes are not UTF-8, not CSV with a header, or without rows.
    """
    names, start = _header(raw, path)
    body = raw[start:]
    if not body.strip(b"\r\n"):
        raise SluiceError(f"{path} has a header but no rows.", f"Look:  head {path}")
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(body),
            arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=min(len(body) + 1, _BLOCK_BYTES)),
            arrow_csv.ParseOptions(newlines_in_values=b'"' in body),
            arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _unreadable(str(error), path) from error
    if raw.count(b'"') % 2 and any("\n" in (cell.as_py() or "") for cell in _last_row(table)):
        raise SluiceError(f"{path}: a quote is opened and never closed.", f"Look:  tail {path}")
    return table


def _last_row(table: pa.Table) -> list[pa.Scalar]:
    return [column[-1] for column in table.columns] if table.num_rows else []


def _header(raw: bytes, path: str) -> tuple[list[str], int]:
    content = io.BytesIO(raw)
    head = content.readline()
    while head.count(b'"') % 2 and (more := content.readline()):
        head += more
    try:
        text = head.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError:
        raise SluiceError(f"{path} is not UTF-8 text.", f"Look:  file {path}") from None
    if not text.strip():
        raise SluiceError(f"{path} has no header in its first line.", f"Look:  head -1 {path}")
    try:
        names = next(csv.reader(io.StringIO(text.replace("\0", "\ufffd"), newline="")))
    except csv.Error as error:
        raise SluiceError(f"{path}: its header cannot be read as CSV ({error}).", f"Look:  head -1 {path}") from None
    check_names(path, names)
    return names, len(head)


def check_names(path: str, names: list[str]) -> None:
    """Refuses columns that cannot be told apart.

    Raises:
      SluiceError: when two columns have one name, or one has none.
    """
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SluiceError(f"{path} has the column `{twice[0]}` more than once.", f"Look:  head -1 {path}")
    if "" in names:
        index = " (the index of a pandas frame is written so; leave it out by index=False)" if not names[0] else ""
        raise SluiceError(f"{path} has no name for column {names.index('') + 1}{index}.", f"Look:  head -1 {path}")


def _unreadable(said: str, path: str) -> SluiceError:
    if match := _FIELDS.search(said):
        row, wanted, got = match.groups()
        fields = "field" if got == "1" else "fields"
        return SluiceError(f"{path}, row {row}: {got} {fields} instead of {wanted}.", f"Look:  head -{row} {path}")
    if "UTF8" in said:
        return SluiceError(f"{path} is not UTF-8 text.", f"Look:  file {path}")
    return SluiceError(f"{path} cannot be read as CSV ({said.splitlines()[0]}).", f"Look:  head {path}")


def typed_together(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Tables of text with the kinds that their values have: whole numbers, numbers, or text.

    When a column holds numbers alone in some tables and k values that are no numbers in the others, then all k fell
    there by chance with probability (share of rows there)^k. Unless that is improbable, the column is text throughout:
    a rare code with a letter must not make one split differ from the other in type.
    """
    columns: dict[str, list[tuple[str, pa.ChunkedArray]]] = {}
    for side, table in tables.items():
        for name in table.column_names:
            columns.setdefault(name, []).append((side, table.column(name)))
    typed: dict[tuple[str, str], pa.ChunkedArray] = {}
    for name, cells in columns.items():
        found = {side: _numbers(texts) for side, texts in cells}
        as_text = _is_text_throughout([(texts, found[side]) for side, texts in cells])
        for side, texts in cells:
            numbers = found[side]
            typed[side, name] = texts if numbers is None or (as_text and texts.null_count < len(texts)) else numbers
    return {side: pa.table({name: typed[side, name] for name in table.column_names}) for side, table in tables.items()}


def _is_text_throughout(sides: list[tuple[pa.ChunkedArray, pa.ChunkedArray | None]]) -> bool:
    there = other = strange = 0
    for texts, numbers in sides:
        present = len(texts) - texts.null_count
        if numbers is None:
            there += present
            strange += _not_numbers(texts)
        else:
            other += present
    return bool(there and other) and float(there / (there + other)) ** strange > _BY_CHANCE


def _not_numbers(texts: pa.ChunkedArray) -> int:
    counts = pc.value_counts(texts.combine_chunks().drop_null())
    values, rows = counts.field(0).to_pylist(), counts.field(1).to_pylist()
    return sum(count for value, count in zip(values, rows, strict=True) if not _is_number(value))


def _is_number(text: str) -> bool:
    if re.match(_LEADING_ZERO, text):
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The column as int64 or float64, of no type when it has no value; None when it is text."""
    if texts.null_count == len(texts):
        return pa.chunked_array([pa.nulls(len(texts))])
    # `02134` is a name: as a number it would lose its first digit, and be the same as `2134`.
    if pc.any(pc.match_substring_regex(texts, _LEADING_ZERO)).as_py():
        return None
    try:
        if all(_INT_BYTES[_content(chunk)].all() for chunk in texts.chunks):
            try:
                return texts.cast(pa.int64())
            except pa.ArrowInvalid:  # beyond 64 bits, or dates such as 2013-12-01
                pass
        numbers = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    # A number that needs more digits than an integer has is a name: as a float it would lose the last ones.
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if longest >= _DIGITS_OF_INT64 and pc.any(pc.match_substring_regex(texts, r"^[+-]?\d{19,}$")).as_py():
        return None
    return numbers


def _content(texts: pa.StringArray) -> np.ndarray:
    """All bytes of all values, one after the other."""
    if not len(texts) or texts.buffers()[2] is None:
        return np.zeros(0, np.uint8)
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(texts.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
