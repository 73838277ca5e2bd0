"""The cells of CSV as text, by Arrow, with the physical line of every row.

Rows mean what the official CsvExampleGen takes them to mean: a record ends at a newline outside quotes, blank
lines are skipped, an empty cell is missing. A piece in which Arrow and that rule disagree is read again, row by
row, to say which line is wrong."""

from __future__ import annotations

import csv
import gc

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv

from sources.format import Rows
from sources.rejects import Reject


def rows_of(path: str, columns: tuple[str, ...], raw: bytes, line: int, only: list[str] | None) -> Rows:
    """The rows of whole records, of which the first begins at `line`."""
    newlines = np.flatnonzero(np.frombuffer(raw, np.uint8) == 10)
    ends = _record_ends(raw, newlines)
    starts = np.concatenate([np.zeros(1, np.int64), ends + 1])
    starts = starts[starts < len(raw)]
    first = np.frombuffer(raw, np.uint8)[starts]
    following = np.frombuffer(raw + b"\n\n", np.uint8)[starts + 1]
    starts = starts[(first != 10) & ~((first == 13) & (following == 10))]
    rows = _by_arrow(columns, raw, only) if _is_standard(raw) else None
    if rows is None or rows.num_rows != len(starts):
        return _by_row(path, columns, raw, line, only)
    return Rows(rows, line + np.searchsorted(newlines, starts), typed=False)


def last_record_end(raw: bytes) -> int:
    """Where the last whole record ends: after a newline with an even number of quotes before it."""
    if b'"' not in raw:
        return raw.rfind(b"\n") + 1
    ends = _record_ends(raw, np.flatnonzero(np.frombuffer(raw, np.uint8) == 10))
    return int(ends[-1]) + 1 if len(ends) else 0


def _record_ends(raw: bytes, newlines: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The newlines outside quotes."""
    if b'"' not in raw:
        return newlines
    quotes = np.flatnonzero(np.frombuffer(raw, np.uint8) == 34)
    return newlines[np.searchsorted(quotes, newlines) % 2 == 0]


def _is_standard(raw: bytes) -> bool:
    """Whether all CSV readers read this alike: quotes open and close at the edges of cells, and are closed; a
    carriage return stands before a newline."""
    if raw.count(b"\r") != raw.count(b"\r\n"):
        return False
    if b'"' not in raw:
        return True
    content = np.frombuffer(b"\n" + raw + b"\n", np.uint8)
    quotes = np.flatnonzero(content == 34)
    if len(quotes) % 2:
        return False
    before, after = content[quotes[0::2] - 1], content[quotes[1::2] + 1]
    # A quote beside a quote stands for a quote inside the cell.
    return bool(np.isin(before, list(b',\n"')).all() and np.isin(after, list(b',\r\n"')).all())


def _by_arrow(columns: tuple[str, ...], raw: bytes, only: list[str] | None) -> pa.RecordBatch | None:
    """All cells as text; none when Arrow finds a row that it cannot read."""
    if not raw.strip(b"\r\n"):
        return None
    # Arrow 10 searches all objects of the process at each call, 0.05 s once TensorFlow is there; not frozen ones.
    is_frozen = gc.get_freeze_count() > 0
    if not is_frozen:
        gc.freeze()
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(raw),
            arrow_csv.ReadOptions(column_names=columns, use_threads=False, block_size=len(raw) + 1),
            arrow_csv.ParseOptions(newlines_in_values=True),
            arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in columns},
                include_columns=only or list(columns),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    finally:
        if not is_frozen:
            gc.unfreeze()
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else None


def _by_row(path: str, columns: tuple[str, ...], raw: bytes, line: int, only: list[str] | None) -> Rows:
    """The slow and exact reading: good rows, and a reason for each of the others."""
    physical = [text + b"\n" for text in raw.removesuffix(b"\n").split(b"\n")]
    rejects, good, lines = [], [], []
    done = 0
    while done < len(physical):
        cells, used, reason = _next_record(len(columns), physical, done)
        if reason:
            text = b"".join(physical[done : done + used]).decode("utf-8", "replace").rstrip("\n")
            rejects.append(Reject(path, line + done, reason, text, used))
        elif cells:
            good.append(cells)
            lines.append(line + done)
        done += used
    names = only or list(columns)
    places = [columns.index(name) for name in names]
    arrays = [pa.array([row[place] or None for row in good], pa.string()) for place in places]
    return Rows(pa.RecordBatch.from_arrays(arrays, names), np.array(lines, np.int64), False, rejects)


def _next_record(width: int, physical: list[bytes], start: int) -> tuple[list[str], int, str]:
    """(cells, physical lines used, what is wrong with them) of the record that starts at line `start`."""
    try:
        first = physical[start].decode("utf-8")
        if '"' not in first:
            cells, used = next(csv.reader([first])), 1
        else:
            reader = csv.reader(physical[place].decode("utf-8") for place in range(start, len(physical)))
            cells = next(reader)
            used = reader.line_num
            if start + used == len(physical) and _ends_in_quotes(physical[start:]):
                return [], used, "a quote is opened and never closed"
    except UnicodeDecodeError:
        return [], 1, "is not UTF-8 text"
    except csv.Error as error:
        return [], 1, f"cannot be read as CSV: {error}"
    if cells and len(cells) != width:
        return [], used, f"{len(cells)} field{'s' * (len(cells) > 1)} instead of {width}"
    return cells, used, ""


def _ends_in_quotes(record: list[bytes]) -> bool:
    try:
        list(csv.reader((text.decode("utf-8") for text in record), strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False
