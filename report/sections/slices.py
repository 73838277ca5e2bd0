"""Metrics by slice: one plot for each metric and set of slicing columns, the worst slice first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gates.evaluation.metrics import Evaluation, MetricEstimate
from gates.evaluation.slices import OVERALL, Slice
from report.limits import BEST, on_value
from report.scale import AxisScale
from report.sections.intervals import IntervalPlot, IntervalRow, bounds_of, mark, plot

SHOWN = 30


@dataclass(frozen=True)
class SliceGroup:
    """One metric over the values of one set of columns."""

    columns: str
    plot: IntervalPlot
    small: tuple[IntervalRow, ...]  # below the least number of rows: greyed
    more: tuple[IntervalRow, ...]  # past what is drawn
    least: int  # the least number of rows that is judged, 0 when nothing is
    opened: bool


def slice_groups(evaluation: Evaluation) -> list[SliceGroup]:
    """Groups in the order of measurement; those with a limit, or else the first metric of each, are unfolded."""
    grouped: dict[tuple[tuple[str, ...], str], list[MetricEstimate]] = {}
    for estimate in evaluation.estimates:
        if estimate.slice != OVERALL:
            grouped.setdefault((estimate.slice.columns, estimate.metric), []).append(estimate)
    keys = sorted(grouped, key=lambda key: list(dict.fromkeys(columns for columns, _ in grouped)).index(key[0]))
    judged = {key for key in keys if any(map(evaluation.judgements_on, grouped[key]))}
    groups = []
    for index, key in enumerate(keys):
        columns, metric = key
        first = index == 0 or keys[index - 1][0] != columns
        opened = key in judged or (first and not any(other[0] == columns for other in judged))
        groups.append(_group(columns, grouped[key], evaluation.overall().get(metric), evaluation, opened))
    return groups


def _group(
    columns: tuple[str, ...],
    estimates: Sequence[MetricEstimate],
    overall: MetricEstimate | None,
    evaluation: Evaluation,
    opened: bool,
) -> SliceGroup:
    limited = [(e, on_value(evaluation.judgements_on(e))) for e in sorted(estimates, key=_worst_first)]
    limits = [limit for _, found in limited for limit in found]
    figures = [figure for e in estimates for figure in (e.value, e.lower, e.upper)]
    reference = overall.value if overall else None
    anchors = [limit.limit for limit in limits] + ([reference] if reference is not None else [])
    scale = AxisScale.over([*figures, *anchors], *bounds_of(estimates[0].metric))
    rows = [mark(_values(e.slice), e, scale, found) for e, found in limited]
    judged = [row for row in rows if row.state != "unjudged"]
    small = [row for row in rows if row.state == "unjudged"]
    # The cap hides no refusal.
    judged.sort(key=lambda row: (row.state != "missed", row.state != "doubtful"))
    return SliceGroup(
        columns=" × ".join(columns),
        plot=plot(estimates[0].metric, scale, judged[:SHOWN], limits, reference),
        small=tuple(small[: max(0, SHOWN - len(judged))]),
        more=(*judged[SHOWN:], *small[max(0, SHOWN - len(judged)) :]),
        least=max((limit.min_examples for limit in limits), default=0),
        opened=opened,
    )


def _values(where: Slice) -> str:
    """ "Flash Cab, 9"."""
    return ", ".join(value or "(none)" for _, value in where.values)


def _worst_first(estimate: MetricEstimate) -> tuple[bool, float]:
    """Sorts the worst first; figures that could not be computed last."""
    unknown = not math.isfinite(estimate.value)
    best = BEST.get(estimate.metric, "high")
    rank = {"high": estimate.value, "low": -estimate.value, "one": -abs(estimate.value - 1)}[best]
    return unknown, 0.0 if unknown else rank
