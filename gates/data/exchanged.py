"""Two columns of a table in each other's place: which of the blamed ones may be, and the table with them put back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from gates.data.evidence import Data, present
from gates.statistics.distances import ks_distance, widest_gap
from gates.tables.table import MISSING_CODE, ColumnKind, Table, joint_categories

_MOST_COLUMNS = 4
# Values that came from the other column are distributed as that one is in train; this much is no difference (the margin
# of `numeric_distribution` and of `categorical_distribution`).
_ALIKE = 0.1


def possible_pairs(train: Table, other: Table, blamed: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of the first few blamed columns, each of which is in `other` as its partner is in train; sorted by name."""
    there = [name for name in dict.fromkeys(blamed) if train.has(name) and other.has(name)][:_MOST_COLUMNS]
    for one, two in combinations(there, 2):
        if _is_like(train, two, other, one) and _is_like(train, one, other, two):
            yield min(one, two), max(one, two)


def put_back(data: Data, table: str, pair: tuple[str, str]) -> Data:
    """The data with the two columns of a table in each other's place."""
    other, (one, two) = data.others[table], pair
    swapped = {one: two, two: one}
    back = Table.of(table, other.arrow.rename_columns([swapped.get(name, name) for name in other.columns]))
    if table in data.held_out:
        return replace(data, held_out={**data.held_out, table: back})
    return replace(data, serving=back) if table == "serving" else replace(data, previous=back)


def _is_like(train: Table, expected: str, other: Table, found: str) -> bool:
    """Whether the values of column `found` of `other` are distributed as those of `expected` in train."""
    kind = train.kinds[expected]
    if kind is not other.kinds[found]:
        return False
    if kind is ColumnKind.NUMBER:
        numbers = (table.numbers(name) for table, name in ((train, expected), (other, found)))
        had, has = (np.sort(each[present(each)]) for each in numbers)
        if not (len(had) and len(has)):
            return False
        gap = widest_gap(had, has)[0]
        return gap < 1 and ks_distance(gap, len(had), len(has)).effect <= _ALIKE
    if kind is not ColumnKind.CATEGORY:
        return False
    renamed = Table.of(other.name, other.arrow.select([found]).rename_columns([expected]))
    (had_codes, has_codes), values = joint_categories([train, renamed], expected)
    had_shares, has_shares = (
        np.bincount(codes - MISSING_CODE, minlength=len(values) + 1) / max(len(codes), 1)
        for codes in (had_codes, has_codes)
    )
    # The expected total variation of two samples of so many values is left over.
    noise = np.sqrt(len(values) / max(min(train.rows, other.rows), 1))
    return bool(np.abs(had_shares - has_shares).sum() / 2 <= _ALIKE + noise)
