"""The training: curves of every figure on train and eval, and the load of the machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from report.markup import fragment
from report.scale import AxisScale
from report.sections.section import Section, not_reached
from report.wording import count, figure, share

TITLE = "Training"
EVAL_PREFIX = "val_"
LEARNING_RATE = "learning_rate"


@dataclass(frozen=True)
class Line:
    """One curve; `points` is an SVG polyline in a box of 100 by 100."""

    split: str
    points: str
    last: float
    broken_at: int | None  # the first epoch whose figure is not finite


@dataclass(frozen=True)
class Curve:
    """One figure over the epochs."""

    name: str
    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]
    epochs: int
    best: tuple[int, float] | None  # the epoch with the lowest eval loss, and its place on the axis


def render(history: Mapping[str, Sequence[float]], record: Mapping[str, Any] | None = None) -> Section:
    """Curves side by side, then what the Trainer's `training.json` holds."""
    if not history:
        return not_reached("training", TITLE, "no model was trained in this run")
    names = [name for name in history if not name.startswith(EVAL_PREFIX) and len(history[name])]
    best = _best_epoch(history)
    body = fragment(
        "training",
        curves=[_curve(name, history, best) for name in names if name != LEARNING_RATE or _changes(history[name])],
        epochs=max((len(history[name]) for name in names), default=0),
        best=best,
        resumed_from=record["resumed_from_epoch"] if record else 0,
        facts=_facts(record) if record else [],
        advice=record["advice"] if record else [],
    )
    return Section("training", TITLE, body)


def _changes(values: Sequence[float]) -> bool:
    return any(value != values[0] for value in values)


def _facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Facts about the machine, as (name, value in words)."""
    shares = record["utilisation"]
    precision = "mixed, float32 weights" if record["mixed_precision"] else "float32"
    facts = [
        ("Trained on", "; ".join(record["devices"])),
        ("Precision", precision),
        ("Parameters", count(record["parameters"])),
        ("Gradient steps", count(record["steps"])),
        ("CPU busy", share(shares["cpu"])),
        ("Memory at most", share(shares["memory"])),
    ]
    if record["images_per_second"] is not None:
        facts.append(("Rows a second", count(record["images_per_second"])))
    if shares["gpu"] is not None:
        facts.append(("GPU busy", share(shares["gpu"])))
    if shares["input_stall"] is not None:
        facts.append(("Waited for input", share(shares["input_stall"])))
    return facts


def _best_epoch(history: Mapping[str, Sequence[float]]) -> int | None:
    losses = history.get("val_loss", ())
    finite = [(loss, epoch) for epoch, loss in enumerate(losses, start=1) if math.isfinite(loss)]
    return min(finite)[1] if len(finite) > 1 else None


def _curve(name: str, history: Mapping[str, Sequence[float]], best: int | None) -> Curve:
    series = {"train": history[name]}
    if EVAL_PREFIX + name in history:
        series["eval"] = history[EVAL_PREFIX + name]
    vertical = AxisScale.over(value for values in series.values() for value in values)
    epochs = max(len(values) for values in series.values())
    horizontal = AxisScale(1, epochs)
    return Curve(
        name=name,
        lines=tuple(_line(split, values, horizontal, vertical) for split, values in series.items()),
        ticks=tuple((vertical.at(tick), figure(tick)) for tick in vertical.ticks(3)),
        epochs=epochs,
        best=(best, horizontal.at(best)) if best and best <= epochs else None,
    )


def _line(split: str, values: Sequence[float], horizontal: AxisScale, vertical: AxisScale) -> Line:
    finite = [(epoch, value) for epoch, value in enumerate(values, start=1) if math.isfinite(value)]
    places = [f"{horizontal.at(epoch):g},{100 - vertical.at(value):g}" for epoch, value in finite]
    broken = next((epoch for epoch, value in enumerate(values, start=1) if not math.isfinite(value)), None)
    return Line(split, " ".join(places), finite[-1][1] if finite else math.nan, broken)
