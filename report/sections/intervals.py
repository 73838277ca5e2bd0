"""Dot-and-interval plots: a table with one drawn column, so that every figure can also be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gates.evaluation.judgements import Decision, Judgement
from gates.evaluation.metrics import MetricEstimate
from report.limits import limit_words
from report.scale import AxisScale
from report.wording import figure

SHARES = {"auc", "accuracy", "precision", "recall"}


@dataclass(frozen=True)
class IntervalRow:
    """One line of a plot; positions are per cent of the axis, None where there is no value."""

    name: str
    n: int
    value: float
    lower: float
    upper: float
    dot: float | None
    bar: tuple[float, float] | None  # left and width
    limits: tuple[float, ...]
    state: str  # "met", "missed", "doubtful", "plain", "unjudged"
    strong: bool = False


@dataclass(frozen=True)
class IntervalPlot:
    """The plot of one metric over several lines."""

    metric: str
    ticks: tuple[tuple[float, str], ...]
    rows: tuple[IntervalRow, ...]
    limit_words: str  # "≥ 0.55", or empty
    missed: int
    reference: float | None = None  # where the figure over all rows stands


def bounds_of(metric: str) -> tuple[float, float]:
    """The least and the greatest value that a metric can have."""
    return (0.0, 1.0) if metric in SHARES else (0.0, math.inf) if metric == "loss" else (-math.inf, math.inf)


def mark(
    name: str,
    estimate: MetricEstimate,
    scale: AxisScale,
    judgements: Sequence[Judgement],
    strong: bool = False,
    judged: bool = True,
) -> IntervalRow:
    """One estimate on the axis, with the limits; not `judged` when they are on another model's figure."""
    drawn = math.isfinite(estimate.value)
    spanned = drawn and math.isfinite(estimate.lower) and math.isfinite(estimate.upper)
    left, right = (scale.at(estimate.lower), scale.at(estimate.upper)) if spanned else (0.0, 0.0)
    return IntervalRow(
        name=name,
        n=estimate.n,
        value=estimate.value,
        lower=estimate.lower,
        upper=estimate.upper,
        dot=scale.at(estimate.value) if drawn else None,
        bar=(left, round(right - left, 2)) if spanned else None,
        limits=tuple(scale.at(judgement.limit) for judgement in judgements),
        state=_state(estimate, judgements, judged),
        strong=strong,
    )


def plot(
    metric: str,
    scale: AxisScale,
    rows: Sequence[IntervalRow],
    judgements: Sequence[Judgement],
    reference: float | None = None,
) -> IntervalPlot:
    """The lines with their axis."""
    return IntervalPlot(
        metric=metric,
        ticks=tuple((scale.at(tick), figure(tick)) for tick in scale.ticks()),
        rows=tuple(rows),
        limit_words=", ".join(dict.fromkeys(map(limit_words, judgements))),
        missed=sum(row.state == "missed" for row in rows),
        reference=None if reference is None or not math.isfinite(reference) else scale.at(reference),
    )


def _state(estimate: MetricEstimate, judgements: Sequence[Judgement], judged: bool) -> str:
    decisions = {judgement.decision for judgement in judgements} if judged else set()
    for decision in (Decision.MISSED, Decision.DOUBTFUL, Decision.MET):
        if decision in decisions:
            return decision.value
    too_small = any(estimate.n < judgement.min_examples for judgement in judgements)
    return "unjudged" if too_small else "plain"
