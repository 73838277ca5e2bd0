"""Files as Arrow tables, with the columns and the kinds that the pipeline gives them: both read through `sources`.

What a tf.Example cannot hold, and the pipeline hence refuses, is looked at as it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import SluiceError
from gates.tables.sample import CellSample
from sources.column_kinds import ColumnKinds
from sources.format import FileSurvey, Format, Rows, check_stored
from sources.formats import check_ignored
from sources.joined import joined_kinds, why_text
from sources.kinds import ARROW_TYPE, KIND_OF_OVERRIDE, Kind, agreed_kind, texts_are_whole, to_kind
from sources.locate import locate
from sources.paths import look
from sources.reading import AS_USUAL, Reading
from sources.storage import is_remote, open_stored, plain_read_errors
from sources.typed import as_lists, typed_to_kind, values_are_whole
from sources.why_text import notes

# A run reads these from one source, in which a column is of one kind.
_ONE_SOURCE = ("train", "eval", "test")
# In the metadata of a table's schema: the columns that lose their leading zeros, or the + of a telephone, each with a
# value, as JSON.
LEADING_ZEROS = b"sluice.leading_zeros"
# In the same place: the notes on columns that are text only by what can be declared, as a JSON list.
WHY_TEXT = b"sluice.why_text"
# A leading zero, or the + of a telephone number, which has 7 to 15 digits (E.164).
_LOST = r"^0\d|^\+\d{7,15}$"
_WANTED = {Kind.INT: "an int", Kind.FLOAT: "a float", Kind.BYTES: "text"}


@dataclass
class _Side:
    """The rows of one path, batch by batch with their file; `unheld`: columns that no tf.Example can hold."""

    path: str
    format: Format[Any]
    kinds: dict[str, Kind]
    batches: list[tuple[str, Rows]]
    unheld: set[str] = field(default_factory=set)
    surveys: list[FileSurvey] = field(default_factory=list)


def read_files(
    paths: Mapping[str, str],
    column_types: Mapping[str, str] | None = None,
    reading: Reading = AS_USUAL,
    sample: CellSample | None = None,
) -> dict[str, pa.Table]:
    """The table of each path (a file, a folder or a glob); `column_types` as in `data.column_types`. `sample` bounds
    the rows that are kept; the kinds of columns, and rejects, are those of all rows.

    Raises:
      SluiceError: for files that cannot be read, and for values that are not of the requested type.
    """
    sample = sample or CellSample()
    sides = {side: _read(side, path, reading, sample) for side, path in paths.items()}
    kinds = _agreed(sides)
    tables = {side: _table(each, kinds[side], column_types or {}) for side, each in sides.items()}
    return {
        side: _with_metadata(table, WHY_TEXT, found) if (found := _why_text(side, sides, kinds)) else table
        for side, table in tables.items()
    }


def _why_text(side: str, sides: Mapping[str, _Side], kinds: Mapping[str, Mapping[str, Kind]]) -> tuple[str, ...]:
    """The notes on columns of a side that are text only by what can be declared; train, eval and test are one source,
    whose notes stand with the first of them."""
    one_source = [each for each in _ONE_SOURCE if each in sides]
    if side in one_source[1:]:
        return ()
    surveys = [survey for each in (one_source if side in one_source else [side]) for survey in sides[each].surveys]
    text = [name for name, kind in kinds[side].items() if kind is Kind.BYTES]
    return notes({name: why_text(surveys, name) for name in text})


def _with_metadata(table: pa.Table, key: bytes, value: Any) -> pa.Table:
    return table.replace_schema_metadata({**(table.schema.metadata or {}), key: json.dumps(value)})


def _read(name: str, path: str, reading: Reading, sample: CellSample) -> _Side:
    format_, files = locate(path if is_remote(path) else str(Path(path).expanduser()), reading=reading)
    if format_.by_class:
        raise SluiceError(
            f"{path} holds images in folders by class, and `gates` reads tables only.",
            "Let a run judge them:  python runners/local_runner.py --workload WORKLOAD --until DataGate",
        )
    side = _Side(path, format_, {}, [])
    files = _in_fixed_order(files)
    if name in _ONE_SOURCE:
        check_ignored(format_, files)
    sample.begin(name, side.batches)
    for file in files:
        kinds = ColumnKinds(file, format_.row, format_.mixes_numbers)
        for rows in format_.read(format_.whole(file)):
            if rows.rejects:
                first = rows.rejects[0]
                raise SluiceError(f"{file}, {format_.row} {first.line}: {first.reason}.", _at(file, first.line))
            kinds.add(rows)
            sample.add(file, rows)
        side.surveys.append(FileSurvey(file, kinds.kinds, [], kinds.empty, why_text=kinds.why_text))
        side.unheld |= set(kinds.unheld)
    side.kinds = joined_kinds(side.surveys, format_)
    return side


def _in_fixed_order(files: list[str]) -> list[str]:
    """The order follows what the files hold, not their names."""
    for file in files:
        check_stored(file)
    return files if len(files) == 1 else sorted(files, key=_digest)


def _digest(file: str) -> str:
    import xxhash

    digest = xxhash.xxh3_128()
    with plain_read_errors(file), open_stored(file) as stored:
        while piece := stored.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()


def _at(file: str, line: int) -> str:
    if is_remote(file):
        return f"Look:  gcloud storage cat {file} | zcat -f | sed -n {line}p"
    return f"Look:  zcat -f {file} | sed -n {line}p"


def _agreed(sides: Mapping[str, _Side]) -> dict[str, dict[str, Kind]]:
    """The kinds of each side: train, eval and test as one source, the others as near to it as their values allow."""
    joined: dict[str, Kind] = {}
    for side in _ONE_SOURCE:
        for name, kind in sides[side].kinds.items() if side in sides else ():
            joined[name] = max(joined.get(name, Kind.NONE), kind)
    return {
        side: {name: _agreed_kind(each, name, joined, side not in _ONE_SOURCE) for name in each.kinds}
        for side, each in sides.items()
    }


def _agreed_kind(side: _Side, name: str, joined: Mapping[str, Kind], by_itself: bool) -> Kind:
    found, known = side.kinds[name], joined.get(name, Kind.NONE)
    may_be_whole = by_itself and found is Kind.FLOAT and known is Kind.INT
    return agreed_kind(found, known, may_be_whole and _are_whole(side, name), side.format.from_text)


def _are_whole(side: _Side, name: str) -> bool:
    columns = ((_column(rows, name), rows) for _, rows in side.batches)
    return all(
        values_are_whole(each) if rows.typed else texts_are_whole(rows.number_text(each))
        for each, rows in columns
        if each is not None
    )


def _table(side: _Side, kinds: Mapping[str, Kind], column_types: Mapping[str, str]) -> pa.Table:
    columns, lost = {}, {}
    for name, kind in kinds.items():
        if name in column_types:
            kind = KIND_OF_OVERRIDE[column_types[name]]
        elif kind in (Kind.INT, Kind.FLOAT) and (text := _with_lost_sign(side, name)):
            lost[name] = text
        columns[name] = _as_it_stands(side, name) if name in side.unheld else _converted(side, name, kind)
    table = pa.table(columns)
    return _with_metadata(table, LEADING_ZEROS, lost) if lost else table


def _with_lost_sign(side: _Side, name: str) -> str | None:
    """A value such as 02134 or +4915112345678 in a column that is read from text; 0, 0.5, 0e3 and +2 lose nothing."""
    for _, rows in side.batches:
        column = None if rows.typed else _column(rows, name)
        if column is not None:
            # The regular expression is slow, and seldom needed: it sees what begins so and is longer.
            begun = pc.or_(pc.starts_with(column, "0"), pc.starts_with(column, "+"))
            likely = pc.and_(begun, pc.greater(pc.binary_length(column), 1))
            if pc.any(likely).as_py():
                found = column.filter(likely)
                found = found.filter(pc.match_substring_regex(found, _LOST))
                if len(found):
                    return str(found[0])
    return None


def _column(rows: Rows, name: str) -> pa.Array | None:
    place = rows.columns.schema.get_field_index(name)
    return rows.columns.column(place) if place >= 0 else None


def _converted(side: _Side, name: str, kind: Kind) -> pa.ChunkedArray:
    """The column as `kind`, with text as text where it was read as such."""
    if kind is Kind.NONE:
        return pa.chunked_array([pa.nulls(sum(rows.columns.num_rows for _, rows in side.batches))])
    chunks = []
    for file, rows in side.batches:
        column = _column(rows, name)
        if column is None:
            chunks.append(pa.nulls(rows.columns.num_rows, ARROW_TYPE[kind]))
        elif not rows.typed and kind is Kind.BYTES:
            chunks.append(column)
        else:
            try:
                if rows.typed:
                    values, unfit = typed_to_kind(column, kind, name)
                else:
                    values, unfit = to_kind(rows.number_text(column), kind)
            except SluiceError:
                return _as_it_stands(side, name)
            if unfit.any():
                row = int(rows.lines[np.flatnonzero(unfit)[0]])
                raise SluiceError(f"{file}, {side.format.row} {row}: `{name}` is not {_WANTED[kind]}.", _at(file, row))
            chunks.append(values)
    if any(pa.types.is_large_list(chunk.type) for chunk in chunks):
        chunks = [as_lists(chunk) for chunk in chunks]
    return pa.chunked_array(chunks)


def _as_it_stands(side: _Side, name: str) -> pa.ChunkedArray:
    found = [(_column(rows, name), rows.columns.num_rows) for _, rows in side.batches]
    types = {column.type for column, _ in found if column is not None and not pa.types.is_null(column.type)}
    if len(types) > 1:
        text = " and ".join(sorted(map(str, types)))
        raise SluiceError(f"{side.path}: column `{name}` is of different types in its files ({text}).", look(side.path))
    type_ = types.pop()
    return pa.chunked_array(
        [pa.nulls(rows, type_) if column is None or column.type != type_ else column for column, rows in found]
    )
