"""One split for the checks: columns of one kind each, rows in an order that does not depend on the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gates.tables.cell_text import number_texts
from gates.tables.normalise import is_image, is_number, normalised
from gates.tables.row_identity import Words, words_of

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

MISSING_CODE = -1
# A text has several words and rarely repeats; a category has few values that many rows share.
_TEXT_WORDS = 3.0
_DISTINCT_SHARE = 0.5
_LOOKED_AT = 20_000


class ColumnKind(str, Enum):
    """The kind of a column's values, which decides the statistics that apply."""

    NUMBER = "number"  # integers, floats, booleans, times (seconds since 1970)
    CATEGORY = "category"  # strings, few or many
    TEXT = "text"  # strings of several words that hardly repeat
    IMAGE = "image"  # as many numbers in each row: pixels, or any vector
    EMPTY = "empty"  # no value at all
    OTHER = "other"  # lists of varying length, structs: not examined


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of one split, sorted by their content, so that nothing depends on the order of rows or files.

    `position` is where each row stood in its source.
    """

    name: str
    arrow: pa.Table
    position: NDArray[np.int64]
    _words: dict[str, Words] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, name: str, raw: pa.Table, images: Mapping[str, Sequence[str]] | None = None) -> Table:
        """From an Arrow table with columns of any type. `images`: names of images, each with the columns of its pixels.

        Raises:
          SluiceError: when two columns have one name, or a pixel of an image is no number.
        """
        arrow = normalised(name, raw, images)
        words = {column: words_of(arrow.column(column), column) for column in arrow.column_names}
        high, low = _sum_of(words, list(words), arrow.num_rows)
        order = np.lexsort((low, high))
        ordered = {column: (each[0][order], each[1][order]) for column, each in words.items()}
        return cls(name, arrow.take(pa.array(order)) if arrow.num_rows else arrow, order, ordered)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.arrow.num_rows)

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in the order of the source."""
        return list(self.arrow.column_names)

    @cached_property
    def kinds(self) -> dict[str, ColumnKind]:
        """The kind of each column."""
        return {name: _kind_of(self.arrow.column(name)) for name in self.columns}

    @cached_property
    def _cache(self) -> dict[tuple[str, str], object]:
        return {}

    def has(self, name: str, kind: ColumnKind | None = None) -> bool:
        """Whether there is such a column (of such a kind)."""
        return name in self.kinds and (kind is None or self.kinds[name] is kind)

    def missing(self, name: str) -> Mask:
        """A mask of rows without a value; NaN counts as missing."""
        column = self.arrow.column(name)
        if is_number(column.type):
            return np.isnan(self.numbers(name))
        return np.asarray(pc.is_null(column).to_numpy())

    def has_one_value(self, name: str) -> bool:
        """Whether all rows that have a value of the column have the same one."""
        return self.has(name) and int(pc.count_distinct(self.arrow.column(name), mode="only_valid").as_py()) == 1

    def numbers(self, name: str) -> Floats:
        """A NUMBER column as float64, NaN where missing."""
        key = ("numbers", name)
        if key not in self._cache:
            self._cache[key] = np.asarray(
                self.arrow.column(name).cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64
            )
        return self._cache[key]  # type: ignore[return-value]

    def strings(self, name: str) -> pa.Array:
        """A column as strings, null where missing; whole numbers without a decimal point, lists as Python has them."""
        column = self.arrow.column(name).combine_chunks()
        if pa.types.is_nested(column.type) or is_image(column.type):
            return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
        if pa.types.is_floating(column.type):
            numbers = self.numbers(name)
            return pa.array(number_texts(numbers), pa.string(), mask=np.isnan(numbers))
        return column.cast(pa.string())

    def codes(self, name: str) -> tuple[Codes, list[str]]:
        """A scalar column as (codes, values): values sorted, `MISSING_CODE` where missing."""
        key = ("codes", name)
        if key not in self._cache:
            encoded = self.strings(name).dictionary_encode()
            values = encoded.dictionary.to_pylist()
            order = sorted(range(len(values)), key=lambda i: values[i])
            place = np.empty(len(values) + 1, dtype=np.int64)
            place[order] = np.arange(len(values))
            place[-1] = MISSING_CODE
            indices = np.asarray(encoded.indices.fill_null(len(values)), dtype=np.int64)
            self._cache[key] = (place[indices], [values[i] for i in order])
        return self._cache[key]  # type: ignore[return-value]

    def vectors(self, name: str) -> NDArray[np.float32]:
        """An IMAGE column as float32 [rows, numbers in a row]; NaN in rows without one."""
        key = ("vectors", name)
        if key not in self._cache:
            column = self.arrow.column(name).combine_chunks()
            width = column.type.list_size
            flat = np.full((len(column), width), np.nan, dtype=np.float32)
            present = np.asarray(column.is_valid())
            flat[present] = np.asarray(column.flatten().cast(pa.float32(), safe=False)).reshape(-1, width)
            self._cache[key] = flat
        return self._cache[key]  # type: ignore[return-value]

    def words(self, names: list[str]) -> Words:
        """128 bits a row that stand for the values of these columns."""
        return _sum_of(self._words, names, self.rows)


def _sum_of(words: dict[str, Words], names: list[str], rows: int) -> Words:
    high, low = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64)
    for name in names:
        high, low = high + words[name][0], low + words[name][1]
    return high, low


def _kind_of(column: pa.ChunkedArray) -> ColumnKind:
    if column.null_count == len(column):
        return ColumnKind.EMPTY
    if is_number(column.type):
        return ColumnKind.NUMBER
    if is_image(column.type):
        return ColumnKind.IMAGE
    if not pa.types.is_string(column.type):
        return ColumnKind.OTHER
    values = column.drop_null().slice(0, _LOOKED_AT)
    words = pc.mean(pc.add(pc.count_substring(pc.utf8_trim_whitespace(values), " "), 1)).as_py()
    distinct = pc.count_distinct(values).as_py() / len(values)
    return ColumnKind.TEXT if words >= _TEXT_WORDS and distinct > _DISTINCT_SHARE else ColumnKind.CATEGORY


def joint_codes(tables: list[Table], names: list[str]) -> list[Codes]:
    """Each table's rows as codes that are equal exactly where the rows agree in all of these columns."""
    pairs = [table.words(names) for table in tables]
    high = np.concatenate([pair[0] for pair in pairs])
    low = np.concatenate([pair[1] for pair in pairs])
    order = np.lexsort((low, high))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(high[order]) != 0) | (np.diff(low[order]) != 0)
    codes = np.empty(len(order), dtype=np.int64)
    codes[order] = np.cumsum(new) - 1
    return np.split(codes, np.cumsum([table.rows for table in tables])[:-1])


def joint_categories(tables: list[Table], name: str) -> tuple[list[Codes], list[str]]:
    """One column of several tables as codes into one sorted list of values; `MISSING_CODE` where missing."""
    each = [table.codes(name) for table in tables]
    values = sorted(set().union(*(found for _, found in each)))
    place = {value: index for index, value in enumerate(values)}
    recoded = []
    for codes, found in each:
        lookup = np.array([*(place[value] for value in found), MISSING_CODE], dtype=np.int64)
        recoded.append(lookup[codes])
    return recoded, values
