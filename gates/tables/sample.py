"""A sample of the rows of large tables: bounded by cells, and drawn by what the rows hold.

Whether a row is in the sample follows from a hash of its values alone. So copies of a row are kept or left out
together, within a table and across tables, and the share of rows that occur twice stays what it is in all rows. Where
most rows are copies (few columns of few values), that would leave out whole combinations of values: there single rows
are drawn. So are those of one very frequent row (a log of defaults), which would be all of the sample or nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.text import listed
from gates.tables.normalise import normalised
from gates.tables.row_identity import words_of
from sources.kinds import Kind, to_kind
from sources.rows import Rows
from sources.typed import is_list

# Of all tables together. Measured: the checks take about 70 bytes a cell at their peak.
MOST_CELLS = 50_000_000
# A longer text counts as several cells, and so many numbers of a list, which may be pixels, as one.
_BYTES_OF_CELL = 8
_PIXELS_OF_CELL = 12
_BATCH = 40_000
_SEED = 0
# Below this share of distinct rows single rows are drawn.
_DISTINCT = 0.5
# A row is very frequent when a batch has more copies of it: the sample holds some of them, whatever is drawn.
_FREQUENT = 50

Batches = list[tuple[str, Rows]]


def cells_of(columns: pa.RecordBatch) -> int:
    """The size of some rows: a number is a cell, a long text several."""
    return sum(map(_cells, columns.columns))


def _cells(column: pa.Array) -> int:
    if is_list(column.type):
        return max(len(column), len(column.flatten()) // _PIXELS_OF_CELL)
    size = column.nbytes
    if pa.types.is_dictionary(column.type):
        # Each batch refers to all values of the table.
        size = len(column) * column.dictionary.nbytes // max(len(column.dictionary), 1)
    return max(len(column), size // _BYTES_OF_CELL)


@dataclass
class CellSample:
    """Batches of rows as they are read, thinned so often that they hold no more than `most` cells in all."""

    most: int = MOST_CELLS
    share: float = 1.0
    rows: dict[str, int] = field(default_factory=dict)  # by table, of all that were read
    columns: int = 0
    by_row: bool = False  # single rows were drawn, not contents
    _cells: int = 0
    _held: list[tuple[Batches, list[NDArray[np.uint64]]]] = field(default_factory=list)
    _generator: np.random.Generator = field(default_factory=lambda: np.random.default_rng(_SEED))

    def begin(self, table: str, batches: Batches) -> None:
        """From here on rows are added to this list, which belongs to a table."""
        self.rows[table] = 0
        self._held.append((batches, []))

    def add(self, file: str, rows: Rows) -> None:
        """Adds a batch to the list that was begun last, and thins all lists when they exceed the bound."""
        batches, keys = self._held[-1]
        self.rows[next(reversed(self.rows))] += rows.columns.num_rows
        self.columns = max(self.columns, rows.columns.num_columns)
        batches.append((file, rows))
        if self.share < 1:
            keys.append(self._keys(rows))
            self._thin(batches, keys, len(batches) - 1)
        self._cells += cells_of(batches[-1][1].columns)
        while self._cells > self.most:
            if self.share == 1:
                self._draw()
            self.share /= 2
            for held, of_held in self._held:
                for place in range(len(held)):
                    self._thin(held, of_held, place)
            self._cells = sum(cells_of(rows.columns) for held, _ in self._held for _, rows in held)

    def _draw(self) -> None:
        """Gives each row its key, by which it is in the sample or not."""
        contents = [[keys_of(rows) for _, rows in held] for held, _ in self._held]
        every = np.concatenate([keys for of_table in contents for keys in of_table])
        self.by_row = len(np.unique(every)) < _DISTINCT * len(every)
        for (held, of_held), of_table in zip(self._held, contents, strict=True):
            of_held[:] = [
                self._keys(rows) if self.by_row else singly(keys)
                for (_, rows), keys in zip(held, of_table, strict=True)
            ]

    def _keys(self, rows: Rows) -> NDArray[np.uint64]:
        if self.by_row:
            return self._generator.integers(0, 2**64, len(rows.lines), dtype=np.uint64)
        return singly(keys_of(rows))

    def _thin(self, batches: Batches, keys: list[NDArray[np.uint64]], place: int) -> None:
        file, rows = batches[place]
        kept = keys[place] < np.uint64(self.share * 2.0**64)
        columns = pa.Table.from_batches([rows.columns]).filter(pa.array(kept)).combine_chunks().to_batches()
        held = columns[0] if columns else rows.columns.slice(0, 0)
        batches[place] = file, replace(rows, columns=held, lines=rows.lines[kept])
        keys[place] = keys[place][kept]

    def thinned(self, tables: Mapping[str, pa.Table]) -> Callable[[], dict[str, pa.Table]]:
        """Adds tables that are in memory; what is returned gives those of their rows that are in the sample."""
        given: dict[str, Batches] = {}
        for name, table in tables.items():
            given[name] = []
            self.begin(name, given[name])
            for batch in table.to_batches(_BATCH):
                self.add("", Rows(batch, np.arange(batch.num_rows), True))
        return lambda: {name: self._table(table, given[name]) for name, table in tables.items()}

    def _table(self, table: pa.Table, batches: Batches) -> pa.Table:
        if self.share == 1:
            return table
        return pa.Table.from_batches([rows.columns for _, rows in batches], table.schema)

    def in_words(self, kept: Mapping[str, int]) -> str:
        """The sample, where there is one, by the number of rows of each table that are in it."""
        if self.share == 1:
            return ""
        every = listed([f"{rows:,} rows of {name}" for name, rows in self.rows.items()])
        left = listed([f"{kept[name]:,} of {name}" for name in self.rows])
        by_content = "by a hash of the content, copies of a row together unless there are many of them"
        way = f"single rows with seed {_SEED}" if self.by_row else by_content
        return (
            f"{every} with {self.columns:,} columns are more than the {self.most:,} cells that are judged at once: a "
            f"sample of {self.share:.3g} of the rows is judged, {left}, drawn {way}"
        )


def keys_of(rows: Rows) -> NDArray[np.uint64]:
    """A hash of each row. Numbers count as numbers whether they were read as such or as text."""
    table = normalised("", pa.Table.from_batches([rows.columns]))
    found = np.zeros(table.num_rows, np.uint64)
    for name in table.column_names:
        column = table.column(name)
        words, _ = words_of(column, name)
        if pa.types.is_string(column.type):
            numbers, _ = to_kind(rows.number_text(column.combine_chunks()), Kind.FLOAT)
            words = np.where(np.asarray(numbers.is_valid()), words_of(numbers, name)[0], words)
        found += words
    return found


def singly(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The keys of a batch, of which those of very frequent rows are drawn, one for each copy."""
    _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    frequent = (counts > _FREQUENT)[place]
    if not frequent.any():
        return keys
    # Other numbers in each batch, the same ones in each run.
    generator = np.random.default_rng(int(np.bitwise_xor.reduce(keys)))
    drawn = generator.integers(0, 2**64, len(keys), dtype=np.uint64)
    return np.where(frequent, drawn, keys)
