"""JSON Lines: one object a line, its keys are the columns. Values have the types that JSON gives them; a key that is
absent and a `null` are missing."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from core.errors import SluiceError
from sources.format import Rows, check_names, check_stored, chosen
from sources.reading import Reading
from sources.rejects import Reject
from sources.storage import open_content, plain_read_errors
from sources.text_files import Piece, TextFormat, TextPart, after_bom

if TYPE_CHECKING:
    import pyarrow as pa

_LINES_SEEN = 1000
_NULL_IN_LIST = re.compile(rb"[\[,]\s*null")
_DEEPEST = 64  # Arrow goes down by recursion, and a few thousand brackets would end the process


class JsonLines(TextFormat[TextPart]):
    """JSON Lines files, plain or gzip.

    Example:
      >>> JsonLines().survey("rides.jsonl").kinds
      {'fare': <Kind.FLOAT: 2>, 'company': <Kind.BYTES: 3>}
      >>> [rows.columns.to_pylist() for rows in JsonLines().read(JsonLines().whole("rides.jsonl"))]
      [[{'fare': 5.25, 'company': 'Blue'}, {'fare': None, 'company': 'Flash, Cab'}]]
    """

    name = "json_lines"
    title = "JSON Lines"
    suffixes = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
    leaves_out = True
    endless = "a line begins there that does not end"

    def columns(self, path: str) -> tuple[str, ...] | None:
        """The keys of the first lines, when these are all.

        Raises:
          SluiceError: when the file cannot be read or names no columns.
        """
        check_stored(path)
        whole = self.whole(path)
        with plain_read_errors(path), open_content(path) as content:
            content.read(whole.offset)
            lines = list(islice(content, _LINES_SEEN))
        if not any(line.strip() for line in lines):
            raise SluiceError(f"{path} {self.no_rows}.", f"Look:  ls -l {path}")
        if len(lines) == _LINES_SEEN:
            return None
        # Where no line can be used, the reading of all says why.
        return tuple(self.parse(whole, Piece(b"".join(lines), 1, 0), None).columns.schema.names) or None

    def whole(self, path: str) -> TextPart:
        """Everything behind the byte order mark."""
        return TextPart(path, after_bom(path), 1)

    def parse(self, part: TextPart, piece: Piece, only: list[str] | None) -> Rows:
        """Columns with types; objects within objects become structs, which no tf.Example holds.

        Raises:
          SluiceError: when the rows cannot be read as columns.
        """
        import numpy as np

        texts = piece.raw.split(b"\n")
        numbers = [piece.line + place for place, text in enumerate(texts) if not text.isspace() and text]
        columns = _by_arrow(piece.raw, [texts[number - piece.line] for number in numbers])
        rejects: list[Reject] = []
        if columns is None:
            columns, numbers, rejects = _by_line(part.path, texts, piece.line, numbers, self.reading)
        check_names(part.path, columns.schema.names)
        return Rows(chosen(columns, only, self.reading), np.array(numbers, np.int64), True, rejects)


def _by_arrow(raw: bytes, lines: list[bytes]) -> pa.RecordBatch | None:
    """The columns of the block whose lines these are; None when Arrow cannot read it, or would read it otherwise."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    if not lines or not _is_standard(raw, lines):
        return None

    def read(schema: pa.Schema | None) -> pa.Table:
        return arrow_json.read_json(
            pa.BufferReader(raw),
            arrow_json.ReadOptions(use_threads=False, block_size=len(raw) + 1),
            arrow_json.ParseOptions(explicit_schema=schema, newlines_in_values=False),
        )

    try:
        table = read(None)
        # Arrow makes times of text that looks like one.
        if times := [entry.with_type(type_) for entry in table.schema if (type_ := _as_text(entry.type)) != entry.type]:
            table = read(pa.schema(times)).select(table.column_names)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if table.num_rows != len(lines) or not table.num_columns:
        return None
    return table.combine_chunks().to_batches()[0]


def _is_standard(raw: bytes, lines: list[bytes]) -> bool:
    """Whether every line is one object, as far as its edges tell, and none has what Arrow 10 gets wrong: it takes
    `null` for a row, reads an object that goes on in the next line, loses a `null` in a list, and does not look at the
    encoding."""
    if not all(line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines):
        return False
    if raw.count(b"{") + raw.count(b"[") > len(lines) + _DEEPEST:
        deepest = max(line.count(b"{") + line.count(b"[") for line in lines)
        if deepest > _DEEPEST:
            return False
    return _is_utf8(raw) and not (b"[" in raw and _NULL_IN_LIST.search(raw))


def _as_text(type_: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_timestamp(type_):
        return pa.string()
    if pa.types.is_list(type_):
        return pa.list_(_as_text(type_.value_type))
    return type_


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _by_line(
    path: str, texts: list[bytes], first: int, numbers: list[int], reading: Reading
) -> tuple[pa.RecordBatch, list[int], list[Reject]]:
    """The slow and exact reading: good rows, and a reason for each of the others."""
    import pyarrow as pa

    rows: dict[int, dict[str, Any]] = {}
    rejects = []
    for number in numbers:
        row = _row(texts[number - first])
        if isinstance(row, str):
            rejects.append(Reject(path, number, row, texts[number - first].decode("utf-8", "replace").rstrip("\r")))
        else:
            rows[number] = row
    names = reading.kept(dict.fromkeys(name for row in rows.values() for name in row))
    columns = [_column(path, name, {number: row.get(name) for number, row in rows.items()}) for name in names]
    if not names:  # which says how many rows there are, even without a column
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([]))), list(rows), rejects
    return pa.RecordBatch.from_arrays(columns, names), list(rows), rejects


def _row(text: bytes) -> dict[str, Any] | str:
    """The object of a line, or what is wrong with it."""
    try:
        row = json.loads(text.decode("utf-8"), object_pairs_hook=_without_repetition)
        json.dumps(row, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    except UnicodeEncodeError:
        return "holds half a character (a lone surrogate)"
    except _RepeatedKeyError as error:
        return f"names `{error}` more than once"
    except (ValueError, RecursionError) as error:
        return f"cannot be read as JSON: {getattr(error, 'msg', error)}"
    return row if isinstance(row, dict) else "is not a JSON object"


class _RepeatedKeyError(Exception):
    """The key that an object has twice."""


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKeyError(next(name for name in names if names.count(name) > 1))
    return row


def _column(path: str, name: str, values: dict[int, Any]) -> pa.Array:
    """Values by line as an array.

    Raises:
      SluiceError: when they are of several types.
    """
    import pyarrow as pa

    types: dict[str, int] = {}
    for number, value in values.items():
        if value is not None:
            types.setdefault(_type_of(value), number)
    if len(types) > 1:
        (first, _), (other, number) = list(types.items())[:2]
        raise SluiceError(
            f"{path}, line {number}: `{name}` holds {other}, and {first} in the lines before it.",
            f"Look:  zcat -f {path} | sed -n {number}p",
        )
    try:
        return _array(list(values.values()))
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise SluiceError(
            f"{path}: `{name}` holds values that do not go into one column ({error}).", f"Look:  head {path}"
        ) from error


def _array(values: list[Any]) -> pa.Array:
    """Numbers are 64-bit integers where all of them are, else floats."""
    import pyarrow as pa

    lists = any(isinstance(value, list) for value in values)
    flat = [leaf for value in values if value is not None for leaf in (value if lists else [value])]
    leaves = [leaf for leaf in flat if leaf is not None]
    if all(isinstance(leaf, bool) for leaf in leaves) or not all(isinstance(leaf, int | float) for leaf in leaves):
        return pa.array(values)
    whole = all(isinstance(leaf, int) and -(2**63) <= leaf < 2**63 for leaf in leaves)
    convert, type_ = (int, pa.int64()) if whole else (_as_float, pa.float64())

    def each(value: Any) -> Any:
        return None if value is None else convert(value)

    if lists:
        return pa.array([None if value is None else list(map(each, value)) for value in values], pa.list_(type_))
    return pa.array(list(map(each, values)), type_)


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _type_of(value: Any) -> str:
    words = {bool: "a number", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return words[type(value)]
