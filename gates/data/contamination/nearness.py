"""The similarity of held-out rows to train, and of train's own rows to the rest of train.

The derivation: docs/statistics.md, Nearness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from gates.data.assignment import without_row_numbers
from gates.data.boosted import sample_of
from gates.data.evidence import Data
from gates.data.units import Unit
from gates.statistics.sampling import drawn
from gates.tables.table import ColumnKind, Floats, Table, joint_codes
from gates.verdict.catalogue import NotApplicable

# Rows on either side for which a nearest neighbour is searched; the search covers all of train.
_MOST_QUERIES = 10_000
# The largest share of train that stands in for held-out rows.
_STAND_IN = 0.25
# Sorted neighbourhood: the number of column orders, and of neighbours on either side of a row's place in each.
_PASSES = 6
_WINDOW = 3
_KEY_COLUMNS = 12
_KEY_BITS = 5
_GRID = 2047


@dataclass(frozen=True)
class _Coded:
    """Rows of several tables in one coding, column by column.

    A number is stored as the interval of ranks that its value covers among the rows that are searched, on a grid; a
    category as its code. `information` is that of an agreement: -ln of the share of these rows that agrees as closely.
    """

    low: NDArray[np.int32]  # [columns, rows]; for a category its code
    high: NDArray[np.int32]
    is_number: NDArray[np.bool_]
    information: list[Floats]  # by span of ranks for a number, by code for a category
    content: NDArray[np.int64]  # equal exactly where the rows are
    key: NDArray[np.int64]  # [columns, rows], 0 … _GRID: where a row stands in the order of a column

    @cached_property
    def own(self) -> Floats:
        """The information of each row: that of a complete agreement with it."""
        rows = np.arange(self.low.shape[1])
        return self.shared(rows, rows)

    def similarity(self, a: NDArray[np.intp], b: NDArray[np.intp]) -> Floats:
        """Lin (1998): the information that two rows share over the information that both hold; 1 for equal rows."""
        return 2 * self.shared(a, b) / np.maximum(self.own[a] + self.own[b], 1e-9)

    def shared(self, a: NDArray[np.intp], b: NDArray[np.intp]) -> Floats:
        """The information in the agreement of two rows, in nats, summed over columns."""
        total = np.zeros(len(a))
        for j, nats in enumerate(self.information):
            low, high = self.low[j], self.high[j]
            if self.is_number[j]:
                total += nats[np.maximum(high[a], high[b]) - np.minimum(low[a], low[b])]
            else:
                total += np.where(low[a] == low[b], nats[low[a]], 0.0)
        return total


def _coded(tables: Sequence[Table], names: Sequence[str], rest: NDArray[np.intp]) -> _Coded:
    """The coding by the rows of train that are searched (`rest`): by the stand-ins, too, it would put these farther
    from `rest` than held-out rows, whose values no rank was made of."""
    rows, train = sum(table.rows for table in tables), tables[0]
    low, high, key, numbers, information = [], [], [], [], []
    for name in names:
        if all(table.kinds[name] is ColumnKind.NUMBER for table in tables):
            values = np.concatenate([table.numbers(name) for table in tables])
            grid = np.sort(train.numbers(name)[rest])  # missing values stand last, alike
            grid = grid[np.linspace(0, len(grid) - 1, min(_GRID, len(grid))).astype(np.intp)]
            below, above = np.searchsorted(grid, values, "left"), np.searchsorted(grid, values, "right")
            spans = np.arange(len(grid) + 2)
            information.append(-np.log(np.minimum(1.0, (spans + 1) / (len(grid) + 1))))
            place = (below + above) * _GRID // (2 * len(grid))
        else:
            word = np.concatenate([table.words([name])[1] for table in tables])
            _, below = np.unique(word, return_inverse=True)
            shares = np.bincount(below[rest], minlength=int(below.max()) + 1)
            information.append(-np.log((shares + 1) / (len(rest) + 1)))
            above, place = below, (word % np.uint64(_GRID)).astype(np.int64)
        numbers.append(all(table.kinds[name] is ColumnKind.NUMBER for table in tables))
        low.append(below.astype(np.int32))
        high.append(above.astype(np.int32))
        key.append(place)
    content = np.concatenate(joint_codes(list(tables), list(names)))
    shape = (len(names), rows)
    return _Coded(
        np.array(low).reshape(shape),
        np.array(high).reshape(shape),
        np.array(numbers, dtype=bool),
        information,
        content,
        np.array(key, dtype=np.int64).reshape(shape),
    )


def _nearest(coded: _Coded, queries: NDArray[np.intp], rest: NDArray[np.intp], seed: int) -> Floats:
    """The greatest similarity of each query to a row of `rest` that is not equal to it.

    Multi-pass sorted neighbourhood (Hernández & Stolfo 1995): each pass sorts the rows by their columns, in another
    order of columns and on another shifted grid. A near copy is next to its original unless a grid line of one of the
    first columns lies between them, which does not happen in all passes.
    """
    rng = np.random.default_rng(seed)
    best = np.full(len(queries), -np.inf)
    width = _GRID // (1 << _KEY_BITS) + 1
    for _ in range(_PASSES):
        word = np.zeros(coded.key.shape[1], dtype=np.uint64)
        for j in rng.permutation(len(coded.key))[:_KEY_COLUMNS]:
            bins = (coded.key[j] + int(rng.integers(width))) // width
            word = (word << np.uint64(_KEY_BITS)) | np.minimum(bins, (1 << _KEY_BITS) - 1).astype(np.uint64)
        ordered = rest[np.argsort(word[rest], kind="stable")]
        place = np.searchsorted(word[ordered], word[queries])
        for step in range(-_WINDOW, _WINDOW):
            candidate = ordered[np.clip(place + step, 0, len(ordered) - 1)]
            score = coded.similarity(queries, candidate)
            score[coded.content[queries] == coded.content[candidate]] = -np.inf
            np.maximum(best, score, out=best)
    return best


@dataclass(frozen=True)
class Nearness:
    """Similarity to the nearest row of the rest of train: of held-out rows, and of the train rows that stand in for
    them.

    Rows with an equal row there are left out on both sides: `exact_duplicates` judges them.
    """

    held_out: Floats
    stand_in: Floats
    rows: NDArray[np.intp]  # the held-out rows, nearest first
    names: tuple[str, ...]


@lru_cache(maxsize=2)
def nearness_of(data: Data) -> dict[str, Nearness]:
    """Of every held-out split with rows, in one search.

    Raises:
      NotApplicable: when there is nothing to search by.
    """
    train = data.train
    splits = {split: table for split, table in data.held_out.items() if table.rows}
    tables = [train, *splits.values()]
    names = _content(data, tables)
    if len(names) < 2:
        raise NotApplicable("the splits share fewer than two columns of numbers, categories or text")
    by_content = any(data.unit(table) is Unit.CONTENT for table in splits.values())
    stand_in = _stand_ins(train, names, by_content, data.seed)
    starts = np.cumsum([table.rows for table in tables])
    split_queries = [
        sample_of(table, _MOST_QUERIES, data.seed) + start for table, start in zip(tables[1:], starts, strict=False)
    ]
    rest = np.setdiff1d(np.arange(train.rows), stand_in, assume_unique=True)
    coded = _coded(tables, names, rest)
    queries = np.concatenate([stand_in, *split_queries])
    queries = queries[~np.isin(coded.content[queries], coded.content[rest])]
    if by_content:
        queries = _once_a_content(coded.content[queries], np.searchsorted(starts, queries, "right"), queries)
    similarity = _nearest(coded, queries, rest, data.seed)
    owner = np.searchsorted(starts, queries, "right")
    train_similarity = np.sort(similarity[owner == 0])[::-1]
    found = {}
    for place, split in enumerate(splits, start=1):
        of_split = np.flatnonzero(owner == place)
        of_split = of_split[np.argsort(-similarity[of_split], kind="stable")]
        found[split] = Nearness(
            similarity[of_split], train_similarity, queries[of_split] - starts[place - 1], tuple(names)
        )
    return found


def _stand_ins(train: Table, names: Sequence[str], by_content: bool, seed: int) -> NDArray[np.intp]:
    """The rows of train that stand in for held-out ones, drawn as these were: by row, or by content."""
    most = min(_MOST_QUERIES, int(_STAND_IN * train.rows))
    if not by_content:
        return sample_of(train, most, seed)
    [codes] = joint_codes([train], list(names))
    contents = np.unique(codes)
    return np.flatnonzero(np.isin(codes, drawn(contents, most * len(contents) // train.rows, seed)))


def _once_a_content(
    contents: NDArray[np.int64], owners: NDArray[np.intp], queries: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The first row of each content of each table: contents were drawn, whatever the number of their rows."""
    _, first = np.unique(np.stack([owners, contents]), axis=1, return_index=True)
    return queries[np.sort(first)]


def _content(data: Data, tables: Sequence[Table]) -> list[str]:
    """The columns to compare: all but the label, row numbers and kinds without a similarity."""
    kinds = (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.TEXT)
    names = [name for name in data.train.columns if name != data.label]
    return without_row_numbers(tables, [name for name in names if all(t.kinds.get(name) in kinds for t in tables)])
