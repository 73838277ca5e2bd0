"""How the report writes a limit, which limits are drawn on a metric's axis, and which way a metric is better."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from gates.evaluation.judgements import Judgement, LimitKind
from gates.evaluation.metrics import MetricEstimate

# Calibration is best at 1, neither high nor low.
BEST: dict[str, Literal["high", "low", "one"]] = {"loss": "low", "calibration": "one"}


def limit_words(judgement: Judgement) -> str:
    """ "≥ 0.55", for a table."""
    if judgement.kind is LimitKind.NO_WORSE:
        return f"at most {judgement.limit:g} behind"
    return f"{'≥' if judgement.kind is LimitKind.AT_LEAST else '≤'} {judgement.limit:g}"


def on_value(judgements: Iterable[Judgement]) -> list[Judgement]:
    """The judgements of limits on the value itself, which are drawn on its axis."""
    return [each for each in judgements if each.kind is not LimitKind.NO_WORSE]


def on_change(judgements: Iterable[Judgement]) -> list[Judgement]:
    """The judgements of limits on the change against another model."""
    return [each for each in judgements if each.kind is LimitKind.NO_WORSE]


def trails(ours: MetricEstimate, other: MetricEstimate) -> bool | None:
    """Whether `other` is better than `ours` by more than the interval of `ours`; None where that cannot be decided."""
    best = BEST.get(ours.metric, "high")
    if best == "one" or not all(map(math.isfinite, (ours.value, ours.lower, ours.upper, other.value))):
        return None
    return other.value > ours.upper if best == "high" else other.value < ours.lower


def leads(ours: MetricEstimate, other: MetricEstimate) -> bool:
    """Whether `ours` is better than `other` by more than the interval of `ours`."""
    best = BEST.get(ours.metric, "high")
    return best != "one" and (other.value < ours.lower if best == "high" else other.value > ours.upper)
