"""A measurement from the difference of two shares of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gates.data.skew.comparison import TableComparison
from gates.data.skew.windows import RowNumbers
from gates.statistics.distances import share_distance
from gates.tables.table import Mask
from gates.verdict.finding import Chart
from gates.verdict.measurement import Measurement


def measured_share(
    pair: TableComparison,
    column: str,
    statistic: str,
    train_mask: Mask,
    other_mask: Mask,
    margin: float,
    *,
    text: str,
    remedy: str,
    tried: int = 1,
    rows: tuple[Mask, Mask] | None = None,
    bounded: bool = True,
    in_windows: Callable[[RowNumbers, RowNumbers], float] | None = None,
    changes_with_time: bool = False,
) -> Measurement:
    """A measurement of the shares of rows in two masks, the worst of `tried` comparisons."""
    of_a, of_b = rows or (np.ones(len(train_mask), dtype=bool), np.ones(len(other_mask), dtype=bool))
    a, b = train_mask[of_a], other_mask[of_b]
    effective = pair.effective_rows(a.astype(float), b.astype(float), of_a, of_b)
    found = share_distance(float(a.mean()), effective[0], float(b.mean()), effective[1])

    def by_window(earlier: RowNumbers, later: RowNumbers) -> float:
        shares = [
            float(train_mask[each][of_a[each]].mean()) if of_a[each].any() else np.nan for each in (earlier, later)
        ]
        return abs(shares[0] - shares[1])

    return pair.measured(
        column,
        statistic,
        found._replace(p_value=min(1.0, found.p_value * tried)),
        margin,
        text=text,
        remedy=remedy,
        n=len(b),
        effective_rows=effective[1],
        by_entity=pair.entity_p(a, b, of_a, of_b),
        in_windows=in_windows or by_window,
        bounded=bounded,
        changes_with_time=changes_with_time,
        chart=lambda: Chart(statistic, (column,), {"train": (float(a.mean()),), pair.other.name: (float(b.mean()),)}),
    )
