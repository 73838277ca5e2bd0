"""Reads CSV by Arrow in bounded blocks, with the physical line of every row.

Rows mean what the official CsvExampleGen takes them to mean: a record ends at a newline outside quotes, blank
lines are skipped, an empty cell is missing. A block in which Arrow and that rule disagree is read again, row by
row, to say which line is wrong."""

from __future__ import annotations

import csv
import gc
import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv

from core.errors import SluiceError
from sources.format import BATCH_ROWS, PART_BYTES, FileSurvey, Part, Rows, _floats, check_names
from sources.kinds import Kind, kind_of_texts, texts_are_whole
from sources.rejects import Reject
from sources.storage import is_gzip, open_content, plain_read_errors

# A line of a table that names an image stands for thousands of times as many bytes.
_IMAGES_BLOCK_BYTES = 128 << 10


BLOCK_BYTES = 6 << 20
_LONGEST_RECORD = 64 << 20
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class CsvPart(Part):
    """A stretch of a CSV file that starts and ends between records; `length` None reaches to the end."""

    columns: tuple[str, ...]
    offset: int
    length: int | None
    first_line: int
    block_bytes: int | None = None  # BLOCK_BYTES, but for rows that stand for much more than their own bytes


@dataclass
class TextBlock:
    """Consecutive rows as text, missing as null; where they start; and what could not be read among them."""

    rows: pa.RecordBatch
    lines: npt.NDArray[np.int64]
    rejects: list[Reject] = field(default_factory=list)


def read_header(path: str) -> CsvPart:
    """The columns of a CSV file, and the part below them.

    Raises:
      SluiceError: when the file is empty, has no header, or is not UTF-8.
    """
    with plain_read_errors(path), open_content(path) as content:
        head = content.readline()
        while head.count(b'"') % 2 and (more := content.readline()):
            head += more
    try:
        text = head.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SluiceError(f"{path} is not UTF-8 text.", f"Look:  file {path}") from error
    if not text.strip():
        raise SluiceError(f"{path} is empty." if not head else f"{path} has no header in its first line.")
    names = next(csv.reader(io.StringIO(text, newline="")))
    check_names(path, names)
    return CsvPart(path, tuple(names), len(head), None, 1 + head.count(b"\n"))


def cut_into_parts(whole: CsvPart, part_bytes: int, ends: list[tuple[int, int]]) -> list[CsvPart]:
    """Parts of about `part_bytes`, cut at the (offset, next line) marks that a first reading left behind."""
    if is_gzip(whole.path) or not ends:
        return [whole]
    parts, offset, line = [], whole.offset, whole.first_line
    for end, next_line in ends:
        if end - offset >= part_bytes or end == ends[-1][0]:
            parts.append(CsvPart(whole.path, whole.columns, offset, end - offset, line, whole.block_bytes))
            offset, line = end, next_line
    return parts


def read_blocks(
    part: CsvPart, only: list[str] | None = None, ends: list[tuple[int, int]] | None = None
) -> Iterator[TextBlock]:
    """The rows of a part, block by block; `only` reads some of the columns, `ends` collects where blocks end.

    Raises:
      SluiceError: with the line, when a quote is opened and not closed.
    """
    offset, line = part.offset, part.first_line
    for raw in _record_blocks(part):
        newlines = np.flatnonzero(np.frombuffer(raw, np.uint8) == 10)
        yield _parse(part, raw, newlines, line, only)
        offset += len(raw)
        line += len(newlines)
        if ends is not None:
            ends.append((offset, line))


def _record_blocks(part: CsvPart) -> Iterator[bytes]:
    """Pieces of about BLOCK_BYTES, or as many as the part says, that end between records."""
    left = part.length if part.length is not None else 1 << 62
    line = part.first_line
    with plain_read_errors(part.path), open_content(part.path, part.offset) as content:
        if is_gzip(part.path):
            content.read(part.offset)
        kept = b""
        while piece := content.read(min(part.block_bytes or BLOCK_BYTES, left)):
            left -= len(piece)
            raw = kept + piece
            end = _last_record_end(raw)
            if not end and len(raw) > _LONGEST_RECORD:
                raise SluiceError(
                    f"{part.path}, line {line}: a quote is opened there or soon after and not closed within "
                    f"{len(raw) >> 20} MiB.",
                    f"Look:  sed -n {line},+3p {part.path}",
                )
            kept = raw[end:]
            if end:
                yield raw[:end]
                line += raw.count(b"\n", 0, end)
        if kept:
            yield kept


def _last_record_end(raw: bytes) -> int:
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


def _parse(part: CsvPart, raw: bytes, newlines: npt.NDArray[np.int64], line: int, only: list[str] | None) -> TextBlock:
    ends = _record_ends(raw, newlines)
    starts = np.concatenate([np.zeros(1, np.int64), ends + 1])
    starts = starts[starts < len(raw)]
    first = np.frombuffer(raw, np.uint8)[starts]
    following = np.frombuffer(raw + b"\n\n", np.uint8)[starts + 1]
    starts = starts[(first != 10) & ~((first == 13) & (following == 10))]
    rows = _by_arrow(part.columns, raw, only) if _is_standard(raw) else None
    if rows is None or rows.num_rows != len(starts):
        return _by_row(part, raw, line, only)
    return TextBlock(rows, line + np.searchsorted(newlines, starts))


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
        gc.unfreeze()
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else None


def _by_row(part: CsvPart, raw: bytes, line: int, only: list[str] | None) -> TextBlock:
    """The slow and exact reading: good rows, and a reason for each of the others."""
    physical = [text + b"\n" for text in raw.removesuffix(b"\n").split(b"\n")]
    rejects, good, lines = [], [], []
    done = 0
    while done < len(physical):
        cells, used, reason = _next_record(part, physical, done)
        if reason:
            text = b"".join(physical[done : done + used]).decode("utf-8", "replace").rstrip("\n")
            rejects.append(Reject(part.path, line + done, reason, text, used))
        elif cells:
            good.append(cells)
            lines.append(line + done)
        done += used
    names = only or list(part.columns)
    places = [part.columns.index(name) for name in names]
    arrays = [pa.array([row[place] or None for row in good], pa.string()) for place in places]
    return TextBlock(pa.RecordBatch.from_arrays(arrays, names), np.array(lines, np.int64), rejects)


def _next_record(part: CsvPart, physical: list[bytes], start: int) -> tuple[list[str], int, str]:
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
    if cells and len(cells) != len(part.columns):
        return [], used, f"{len(cells)} field{'s' * (len(cells) > 1)} instead of {len(part.columns)}"
    return cells, used, ""


def _ends_in_quotes(record: list[bytes]) -> bool:
    try:
        list(csv.reader((text.decode("utf-8") for text in record), strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _survey_csv(path: str, ints: frozenset[str], names_images: bool) -> FileSurvey:
    header = read_header(path)
    if names_images:
        header = replace(header, block_bytes=_IMAGES_BLOCK_BYTES)
    kinds = dict.fromkeys(header.columns, Kind.NONE)
    fractional: set[str] = set()
    ends: list[tuple[int, int]] = []
    empty = True
    for block in read_blocks(header, ends=ends):
        empty = empty and not block.rows.num_rows and not block.rejects
        for name, column in zip(header.columns, block.rows.columns, strict=True):
            kinds[name] = kind_of_texts(column, kinds[name])
            if kinds[name] is Kind.FLOAT and name in ints - fractional and not texts_are_whole(column):
                fractional.add(name)
    part_bytes = min(PART_BYTES, 4 * _IMAGES_BLOCK_BYTES) if names_images else PART_BYTES
    parts: list[Part] = list(cut_into_parts(header, part_bytes, ends))
    return FileSurvey(path, kinds, parts, empty, _floats(kinds) & ints - fractional)


def _read_csv(part: CsvPart, only: list[str] | None) -> Iterator[Rows]:
    for block in read_blocks(part, only):
        for start in range(0, max(block.rows.num_rows, 1), BATCH_ROWS):
            piece = slice(start, start + BATCH_ROWS)
            yield Rows(block.rows.slice(start, BATCH_ROWS), block.lines[piece], False, [] if start else block.rejects)
