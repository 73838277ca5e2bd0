"""The cells of CSV as text, by Arrow, with the physical line of every row.

Rows mean what the official CsvExampleGen takes them to mean: a record ends at a newline outside quotes, blank
lines are skipped, an empty cell is missing. A piece in which Arrow and that rule disagree is read again, row by
row, to say which line is wrong."""

from __future__ import annotations

import csv
import gc

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from sources.csv_form import CsvForm
from sources.csv_records import Records, records_in
from sources.format import Rows
from sources.rejects import Reject

_AS_USUAL = CsvForm()
_NO_CHARACTER = "\ufdd0"  # which Unicode leaves to programs


def rows_of(
    path: str, columns: tuple[str, ...], raw: bytes, line: int, only: list[str] | None, form: CsvForm = _AS_USUAL
) -> Rows:
    """The rows of whole records, of which the first begins at `line`."""
    newlines = np.flatnonzero(np.frombuffer(raw, np.uint8) == 10)
    records = records_in(raw, form.delimiter)
    starts = np.concatenate([np.zeros(1, np.int64), records.ends + 1])
    starts = starts[starts < len(raw)]
    first = np.frombuffer(raw, np.uint8)[starts]
    following = np.frombuffer(raw + b"\n\n", np.uint8)[starts + 1]
    starts = starts[(first != 10) & ~((first == 13) & (following == 10))]
    rows = _by_arrow(columns, raw, only, form) if records.is_standard and _has_plain_line_ends(raw) else None
    if rows is None or rows.num_rows != len(starts):
        found = _by_row(path, columns, raw, line, only, form, records)
    else:
        found = Rows(rows, line + np.searchsorted(newlines, starts), typed=False)
    found.form = None if (form.decimal, form.thousands) == ("point", None) else form
    return found


def _has_plain_line_ends(raw: bytes) -> bool:
    """Whether a carriage return stands before a newline only, which all CSV readers read alike."""
    return raw.count(b"\r") == raw.count(b"\r\n")


def _by_arrow(columns: tuple[str, ...], raw: bytes, only: list[str] | None, form: CsvForm) -> pa.RecordBatch | None:
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
            arrow_csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True),
            arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in columns},
                include_columns=only or list(columns),
                null_values=["", *form.missing],
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


def _by_row(
    path: str,
    columns: tuple[str, ...],
    raw: bytes,
    line: int,
    only: list[str] | None,
    form: CsvForm,
    records: Records,
) -> Rows:
    """The slow and exact reading: good rows, and a reason for each of the others."""
    rejects, good, lines = [], [], []
    stops = [int(end) + 1 for end in records.ends]
    if not stops or stops[-1] < len(raw):
        stops.append(len(raw))
    start = 0
    for stop in stops:
        record = raw[start:stop]
        cells, reason = _cells(record, len(columns), form.delimiter)
        if records.is_open and stop == len(raw):
            reason = "a quote is opened and never closed"
        used = max(record.count(b"\n"), 1)
        if reason:
            text = record.decode("utf-8", "replace").rstrip("\n")
            rejects.append(Reject(path, line, reason, text, used))
        elif cells:
            good.append(cells)
            lines.append(line)
        start, line = stop, line + used
    names = only or list(columns)
    missing = {"", *form.missing}
    arrays = [
        pa.array([None if row[place] in missing else row[place] for row in good], pa.string())
        for place in map(columns.index, names)
    ]
    return Rows(pa.RecordBatch.from_arrays(arrays, names), np.array(lines, np.int64), False, rejects)


def _cells(record: bytes, width: int, delimiter: str) -> tuple[list[str], str]:
    """The cells of a record, none of a blank line; and what is wrong with them."""
    try:
        text = record.decode("utf-8")
        # csv reads no NUL before Python 3.11, and Arrow does.
        stand_in = _NO_CHARACTER if "\0" in text and _NO_CHARACTER not in text else "\0"
        cells = next(csv.reader([text.replace("\0", stand_in)], delimiter=delimiter))
        cells = [cell.replace(stand_in, "\0") for cell in cells]
    except UnicodeDecodeError:
        return [], "is not UTF-8 text"
    except csv.Error as error:
        return [], f"cannot be read as CSV: {error}"
    if cells and len(cells) != width:
        return [], f"{len(cells)} field{'s' * (len(cells) > 1)} instead of {width}"
    return cells, ""
