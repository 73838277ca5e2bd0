"""How a difference of the shares of rows for which something is true becomes a measurement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gates.data.skew.comparison import Comparison
from gates.data.skew.windows import Rows
from gates.statistics.distances import share_distance
from gates.tables.table import Mask
from gates.verdict.finding import Chart
from gates.verdict.measurement import Measurement


def measured_share(
    pair: Comparison, column: str, statistic: str, mine: Mask, its: Mask, margin: float, *,
    told: str, remedy: str, tried: int = 1, rows: tuple[Mask, Mask] | None = None, bounded: bool = True,
    in_windows: Callable[[Rows, Rows], float] | None = None, changes_with_time: bool = False,
) -> Measurement:
    """A measurement of the share of rows for which something is true, the worst of `tried`."""
    of_a, of_b = rows or (np.ones(len(mine), dtype=bool), np.ones(len(its), dtype=bool))
    a, b = mine[of_a], its[of_b]
    worth = pair.worth(a.astype(float), b.astype(float), of_a, of_b)
    found = share_distance(float(a.mean()), worth[0], float(b.mean()), worth[1])

    def by_window(earlier: Rows, later: Rows) -> float:
        shares = [float(mine[each][of_a[each]].mean()) if of_a[each].any() else np.nan for each in (earlier, later)]
        return abs(shares[0] - shares[1])

    return pair.measured(
        column, statistic, found._replace(p_value=min(1.0, found.p_value * tried)), margin, told=told,
        remedy=remedy, n=len(b), worth=worth[1], by_entity=pair.entity_p(a, b, of_a, of_b), 
        in_windows=in_windows or by_window, bounded=bounded, changes_with_time=changes_with_time,
        chart=lambda: Chart(statistic, (column,), {"train": (float(a.mean()),), pair.other.name: (float(b.mean()),)}),
    )
