"""The same rows in other company, and rows that lack several optional fields: requests that a sound model answers as
before, or at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from models.export.placeholders import MISSING

SHUFFLED, IN_PARTS, ALONE, LAST = "shuffled", "in parts", "alone", "last"
REGROUPED_ROWS = 256
# Batches of these sizes, then one of what is left.
PART_SIZES = (1, 1, 2, 3, 5, 8, 13, 21, 34, 55)
MOST_PAIRS, RANDOM_SETS = 1_000, 128
SEED = 0

Columns = dict[str, np.ndarray]


def drawn(rows: int) -> np.ndarray:
    """Numbers of rows in another order: fewer than all, so that each also has other neighbours."""
    return np.random.default_rng(SEED).permutation(rows)[:REGROUPED_ROWS]


def in_parts(numbers: np.ndarray) -> list[list[int]]:
    """These rows in batches of several sizes."""
    ends = np.cumsum(PART_SIZES)
    parts = np.split(numbers, ends[ends < len(numbers)])
    return [part.tolist() for part in parts if len(part)]


def sets_of_fields(fields: Sequence[str]) -> list[tuple[str, ...]]:
    """The fields that one row each lacks: every pair (a sample of them where there are many), sets of half of the
    fields by chance, which hold each pair and each triple many times, and all. Empty for fewer than two fields."""
    if len(fields) < 2:
        return []
    generator = np.random.default_rng(SEED)
    pairs = list(combinations(fields, 2))
    if len(pairs) > MOST_PAIRS:
        pairs = [pairs[number] for number in sorted(generator.choice(len(pairs), MOST_PAIRS, replace=False))]
    if len(fields) == 2:
        return list(pairs)
    masks = generator.random((RANDOM_SETS, len(fields))) < 0.5
    by_chance = [tuple(name for name, out in zip(fields, mask, strict=True) if out) for mask in masks]
    return [*pairs, *(each for each in by_chance if len(each) > 2), tuple(fields)]


def without_fields(columns: Columns, specs: Mapping[str, Any], sets: Sequence[tuple[str, ...]]) -> Columns:
    """A row for each set, in turn from `columns`, that lacks the fields of the set."""
    at = np.arange(len(sets)) % len(next(iter(columns.values())))
    rows = {name: column[at] for name, column in columns.items()}
    for name in set().union(*sets):
        lacking = np.array([name in each for each in sets])
        rows[name][lacking] = b"" if rows[name].dtype == object else MISSING[specs[name].dtype]
    return rows
