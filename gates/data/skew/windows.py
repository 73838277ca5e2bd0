"""Distances between past windows of train: an ordinary change in time is no fault of a later table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gates.statistics.sampling import drawn
from gates.tables.table import Floats

RowNumbers = NDArray[np.intp]

FEWEST_WINDOWS = 8
_MOST_WINDOWS = 200
# The number of windows whose distance to the past is computed, evenly spread.
_LOOKS = 24
_FEWEST_ROWS = 25
_MOST_ROWS = 20_000
# The probability of a normal distribution below its mean + 3 sd.
_THREE_SD = 0.99865
# A column with this Spearman correlation with time is itself a clock.
_CLOCK = 0.95


def windows_of(times: Floats, rows_of_other: int, seed: int) -> tuple[RowNumbers, ...]:
    """Row numbers of at least 8 consecutive windows, each about as long as the other side; empty when train is short.

    A window never splits rows of one moment. At most 20,000 rows are used.
    """
    rows = drawn(np.flatnonzero(~np.isnan(times)), _MOST_ROWS, seed)
    most = max(FEWEST_WINDOWS, min(_MOST_WINDOWS, len(rows) // _FEWEST_ROWS))
    count = int(np.clip(len(times) // max(rows_of_other, 1), FEWEST_WINDOWS, most))
    rows = rows[np.argsort(times[rows], kind="stable")]
    if len(rows) < _FEWEST_ROWS * count:
        return ()
    ordered = times[rows]
    cuts = [int(np.searchsorted(ordered, ordered[len(rows) * i // count])) for i in range(1, count)]
    found = [window for window in np.split(rows, cuts) if len(window) >= _FEWEST_ROWS]
    return tuple(found) if len(found) >= FEWEST_WINDOWS else ()


def past_limit(
    windows: Sequence[RowNumbers], distance: Callable[[RowNumbers, RowNumbers], float], looks: int = _LOOKS
) -> float:
    """The largest plausible distance: mean + 3 sd of the distances of each window to all earlier ones.

    Few windows estimate the sd badly, so 3 sd becomes the same quantile of a t prediction interval (Whitmore 1986). A
    distance that occurred in the past is plausible.
    """
    from scipy.stats import t

    looked_at = np.unique(np.linspace(1, len(windows) - 1, min(looks, len(windows) - 1)).round().astype(int))
    past = [distance(np.concatenate(windows[:i]), windows[i]) for i in looked_at]
    known = np.array([value for value in past if np.isfinite(value)])
    if len(known) < FEWEST_WINDOWS - 1:
        return float("inf")
    reach = float(t.ppf(_THREE_SD, len(known) - 1)) * np.sqrt(1 + 1 / len(known))
    return float(max(known.max(), known.mean() + reach * known.std(ddof=1)))


def is_clock(values: Floats, times: Floats, windows: Sequence[RowNumbers]) -> bool:
    """Whether a column increases or decreases with time, as a date, a year or a running number."""
    from scipy.stats import rankdata

    rows = np.concatenate(windows)
    rows = rows[~np.isnan(values[rows])]
    if len(rows) < _FEWEST_ROWS or np.ptp(values[rows]) == 0:
        return False
    ranks = np.corrcoef(rankdata(values[rows]), rankdata(times[rows]))[0, 1]
    return bool(abs(ranks) >= _CLOCK)
