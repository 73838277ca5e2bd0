"""Repeated rows, and how much of the repetition chance explains (docs/statistics.md, Near misses)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gates.tables.table import Codes, ColumnKind, Mask, Table, joint_codes
from gates.verdict.finding import Chart

# Numbers within so many neighbouring distinct values are nearly equal: prices and counts cluster at round values.
_NEIGHBOURS = 16
ALL_BUT_ONE = "all columns but one"
_CLEAR = 1e-6
_EXAMPLES = 5
# Of more classes those with most repeated contents.
_MOST_CLASSES = 50


@dataclass(frozen=True)
class Repetition:
    """The distinct contents of a table by some of its columns."""

    table: Table
    names: Sequence[str]
    first: Codes  # a row of each content
    rows: Codes  # how many rows have it

    @classmethod
    def of(cls, table: Table, names: Sequence[str]) -> Repetition:
        """Contents by these columns."""
        content = joint_codes([table], list(names))[0]
        _, first, rows = np.unique(content, return_index=True, return_counts=True)
        return cls(table, names, first, rows)

    @cached_property
    def coincide(self) -> dict[str, Mask]:
        """For each way to coincide nearly: which contents coincide so with another one.

        Honest rows that are equal in all columns are equal by chance, and chance also makes near misses: rows that
        agree in all columns but one (where numbers differ by a few of their distinct values), and rows that agree in
        one given column and not in all. Copying makes neither.
        """
        table, first = self.table, self.first
        whole = table.words(list(self.names))[1][first]
        near = np.zeros(len(first), dtype=bool)
        found: dict[str, Mask] = {}
        for name in self.names:
            if table.kinds[name] is ColumnKind.EMPTY:
                continue
            word = table.words([name])[1][first]
            found[name] = _occurs_twice(word)
            if table.kinds[name] is ColumnKind.NUMBER:
                near |= _occurs_twice(whole - word + _block(table.numbers(name)[first]))
            elif table.kinds[name] is ColumnKind.CATEGORY:
                near |= _occurs_twice(whole - word)
        return {ALL_BUT_ONE: near, **found}

    def chart(self, split: str) -> Chart:
        """The shares of rows by the number of times that their content occurs."""
        shares = np.bincount(np.minimum(self.rows, 10), weights=self.rows, minlength=11)[1:] / self.rows.sum()
        labels = (*(f"{times}" for times in range(1, 10)), "10 or more")
        return Chart("share of rows by how often their content is there", labels, {split: tuple(shares.tolist())})


@dataclass(frozen=True)
class Excess:
    """Copies beyond near misses, for the way to coincide and the class with the clearest excess."""

    share: float  # copies less near misses, of all rows
    p_value: float
    copies: int  # rows beyond the first of each content
    repeated: int  # contents that are there more than once
    near: int  # rows that nearly coincide with another content
    way: str  # how: "all columns but one", or a column
    scope: str | None  # the class; None for all rows
    examples: NDArray[np.intp]


def excess_of(found: Repetition, label: Codes | None, classes: Sequence[str]) -> Excess:
    """Whether more contents repeat than nearly coincide: a sign test, Bonferroni over ways and classes.

    Also by class: the near misses of a large class would hide the copies of a small one.
    """
    scopes: dict[str | None, Mask] = {None: np.ones(len(found.first), dtype=bool)}
    if label is not None:
        of_content = label[found.first]
        repeats = np.bincount(of_content[(found.rows > 1) & (of_content >= 0)], minlength=len(classes))
        judged_classes = np.sort(np.argsort(-repeats, kind="stable")[:_MOST_CLASSES])
        scopes |= {classes[code]: of_content == code for code in judged_classes}
    tests = (1 + (len(classes) if label is not None else 0)) * len(found.coincide)
    judged = [_excess(found, inside, scope, way, tests) for scope, inside in scopes.items() for way in found.coincide]
    return max(judged, key=lambda each: (each.p_value <= _CLEAR, each.share))


def _excess(found: Repetition, inside: Mask, scope: str | None, way: str, tests: int) -> Excess:
    from scipy.special import bdtrc

    repeats = inside & (found.rows > 1)
    nearly = inside & found.coincide[way]
    repeated, close = int(repeats.sum()), int(nearly.sum())
    copies, near = int((found.rows[repeats] - 1).sum()), int(found.rows[nearly].sum())
    chance = float(bdtrc(repeated - 1, repeated + close, 0.5)) if repeated else 1.0
    share = (copies - near) / int(found.rows.sum())
    order = np.argsort(-found.rows[repeats], kind="stable")[:_EXAMPLES]
    examples = found.first[repeats][order].astype(np.intp)
    return Excess(share, min(1.0, chance * tests), copies, repeated, near, way, scope, examples)


def _block(values: np.ndarray) -> np.ndarray:
    _, place = np.unique(values, return_inverse=True)
    # An odd multiplier spreads the small codes over all 64 bits (Knuth's multiplicative hashing).
    return (place.reshape(-1) // _NEIGHBOURS).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def _occurs_twice(words: np.ndarray) -> Mask:
    order = np.argsort(words, kind="stable")
    same = np.diff(words[order]) == 0
    twice = np.zeros(len(words), dtype=bool)
    twice[order[1:]] = same
    twice[order[:-1]] |= same
    return twice
