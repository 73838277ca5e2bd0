"""Which pairs of columns a check of associations looks at: all, or in wide tables a bounded number of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gates.tables.table import Floats

# Ordered pairs: a table of 316 columns is looked at whole, in about ten seconds.
MOST_PAIRS = 100_000
FEWEST_PARTNERS = 20
# Rows and columns at a time for the correlations that choose partners.
_ROWS = 2_000
_COLUMNS = 512
# Correlations are compared in steps, so that the last bits of a matrix product decide nothing.
_STEPS = 1_000


def partners_of(codes: Mapping[str, NDArray], rows: NDArray[np.intp], seed: int) -> dict[str, Sequence[str]]:
    """The partners of each column, in the order of the columns: all others, or so many that there are `MOST_PAIRS`, and
    never fewer than `FEWEST_PARTNERS`: half of them those with the most correlated codes on these rows, the others
    drawn with the seed."""
    names = list(codes)
    if len(names) * (len(names) - 1) <= MOST_PAIRS:
        return {name: [each for each in names if each != name] for name in names}
    most = min(len(names) - 1, max(FEWEST_PARTNERS, MOST_PAIRS // len(names)))
    generator = np.random.default_rng(seed)
    standard = _standardised(codes, rows[:_ROWS])
    found: dict[str, Sequence[str]] = {}
    for start in range(0, len(names), _COLUMNS):
        alike = np.rint(_STEPS * np.abs(standard[:, start : start + _COLUMNS].T @ standard)).astype(np.int16)
        for place, strength in enumerate(alike, start):
            strength[place] = -1
            nearest = np.argsort(-strength, kind="stable")[: most // 2]
            left = np.setdiff1d(np.arange(len(names)), [*nearest, place])
            chosen = np.concatenate([nearest, generator.choice(left, most - len(nearest), replace=False)])
            found[names[place]] = [names[each] for each in np.sort(chosen)]
    return found


def bound_in_words(partners: Mapping[str, Sequence[str]], seed: int) -> str:
    """What the check looked at, where that is not everything; else nothing."""
    columns, pairs = len(partners), sum(map(len, partners.values()))
    if pairs == columns * (columns - 1):
        return ""
    return (
        f"looked at {pairs:,} of {columns * (columns - 1):,} pairs of columns: half of the partners of each column are "
        f"those with the most correlated values, the others are drawn with seed {seed}"
    )


def _standardised(codes: Mapping[str, NDArray], rows: NDArray[np.intp]) -> Floats:
    """[rows, columns], of mean 0 and length 1; a column of one value is 0."""
    matrix = np.column_stack([each[rows].astype(np.float32) for each in codes.values()])
    matrix -= matrix.mean(axis=0)
    length = np.sqrt((matrix**2).sum(axis=0))
    return np.asarray(np.where(length > 0, matrix / np.where(length > 0, length, 1), 0), dtype=np.float32)
