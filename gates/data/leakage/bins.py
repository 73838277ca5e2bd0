"""Columns as codes: quantile bins of numbers, the most frequent categories; and ranks."""

from __future__ import annotations

import numpy as np
from scipy import stats

from gates.tables.table import Codes, Floats

MOST_BINS = 64
_FEWEST_ROWS_A_VALUE = 10


def bins_of_numbers(values: Floats, most_values: int = MOST_BINS) -> Codes:
    """Quantile bins (equal-width ones saturate on heavy tails); frequent values and missing ones have their own
    bins, and so has each value of up to `most_values` that repeat often enough."""
    values = np.nan_to_num(values, nan=np.nan)
    missing = np.isnan(values)
    present = np.sort(values[~missing])
    if not len(present):
        return np.zeros(len(values), np.int64)
    distinct = np.unique(present)
    # The number of bins equals the rows in each, up to a limit: out-of-fold means of fewer rows are noise.
    most = int(np.clip(len(present) ** 0.5, 4, MOST_BINS))
    if len(distinct) <= most or (MOST_BINS < len(distinct) <= min(most_values, len(present) / _FEWEST_ROWS_A_VALUE)):
        bins = np.searchsorted(distinct, values)
    else:
        cuts = np.linspace(0, len(present) - 1, most // 2 + 1).astype(np.int64)[1:-1]
        edges = np.unique(present[cuts])
        bins = np.searchsorted(edges, values, "left") + np.searchsorted(edges, values, "right")
    return np.where(missing, int(bins[~missing].max()) + 1, bins).astype(np.int64)


def bins_of_codes(codes: Codes, bins: int = MOST_BINS) -> Codes:
    """The most frequent categories; rare ones share a bin, so that unique ids carry nothing; missing ones have a
    bin."""
    missing = codes < 0
    if missing.all():
        return np.zeros(len(codes), np.int64)
    counts = np.bincount(codes[~missing])
    kept = np.argsort(-counts, kind="stable")[: bins - 2]
    kept = kept[counts[kept] > 1]
    place = np.full(len(counts) + 1, bins - 2, np.int64)
    place[kept] = np.arange(len(kept))
    place[-1] = bins - 1
    return place[codes]


def centred_ranks(values: Floats) -> Floats:
    """Ranks around 0; 0 where missing."""
    missing = np.isnan(values)
    ranks = np.zeros(len(values))
    if not missing.all():
        present = stats.rankdata(values[~missing])
        ranks[~missing] = present - present.mean()
    return ranks
