"""Parallel coordinates (Inselberg 1985): an upright axis for each hyperparameter and one for the score, and a line for
each trial through its values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from report.evidence import TunerTrial
from report.wording import figure

# Up to so many different numbers an axis shows each as a mark of its own.
FEW = 6
# A number that spans this much is drawn by its logarithm.
DECADES = 30.0
LONGEST_LABEL = 13


@dataclass(frozen=True)
class Label:
    """A mark on an axis; `place` in per cent from the bottom. `whole` is the text before it was shortened."""

    text: str
    place: float = 0.0
    whole: str = ""


@dataclass(frozen=True)
class Axis:
    """An upright axis at `left` per cent of the width."""

    name: Label
    left: float
    marks: tuple[Label, ...]


@dataclass(frozen=True)
class Polyline:
    """A trial; each of its segments is (left, place, left, place). `rank` is 1 for the best, 0 for the worst."""

    trial: TunerTrial
    rank: float
    segments: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class ParallelCoordinates:
    """The plot; the best trials are drawn last, above the others."""

    axes: tuple[Axis, ...]
    lines: tuple[Polyline, ...]


def parallel_coordinates(trials: Sequence[TunerTrial], score: str) -> ParallelCoordinates:
    """The plot of the trials with a score, best first. A lower score is better and drawn higher up."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.hyperparameters))
    columns = [_Column.of(name, [trial.hyperparameters.get(name) for trial in trials]) for name in names]
    columns.append(_Column.of(score, [trial.score for trial in trials], best_above=True))
    lefts = [round(100 * (index + 0.5) / len(columns), 2) for index in range(len(columns))]
    last = max(len(trials) - 1, 1)
    lines = [
        Polyline(
            trial, round(1 - index / last, 3), tuple(_segments(lefts, [column.places[index] for column in columns]))
        )
        for index, trial in enumerate(trials)
    ]
    axes = (Axis(_cut(column.name), left, column.marks) for column, left in zip(columns, lefts, strict=True))
    return ParallelCoordinates(tuple(axes), tuple(reversed(lines)))


def _segments(lefts: Sequence[float], places: Sequence[float | None]) -> Iterator[tuple[float, float, float, float]]:
    points = list(zip(lefts, places, strict=True))
    for (left, place), (next_left, next_place) in itertools.pairwise(points):
        if place is not None and next_place is not None:
            yield left, place, next_left, next_place


@dataclass(frozen=True)
class _Column:
    name: str
    places: list[float | None]
    marks: tuple[Label, ...]

    @classmethod
    def of(cls, name: str, values: Sequence[object], best_above: bool = False) -> _Column:
        numbers = {float(str(value)) for value in values if _is_number(value)}
        if best_above or (len(numbers) > FEW and all(value is None or _is_number(value) for value in values)):
            return cls._continuous(name, values, sorted(numbers), best_above)
        present = {str(value): value for value in values if value is not None}
        order = sorted(present, key=lambda text: (_order(present[text]), text))
        steps = max(len(order) - 1, 1)
        place = {text: 100 * index / steps if len(order) > 1 else 50.0 for index, text in enumerate(order)}
        marks = tuple(_cut(_written(present[text]), place[text]) for text in order)
        return cls(name, [None if value is None else round(place[str(value)], 2) for value in values], marks)

    @classmethod
    def _continuous(cls, name: str, values: Sequence[object], numbers: list[float], best_above: bool) -> _Column:
        low, high = numbers[0], numbers[-1]
        # A few trials with very high losses must not compress the scale of the others.
        logarithmic = low > 0 and (best_above or high / low >= DECADES)
        middle = math.sqrt(low * high) if logarithmic else (low + high) / 2

        def place(value: float) -> float:
            if high == low:
                return 50.0
            portion = math.log(value / low) / math.log(high / low) if logarithmic else (value - low) / (high - low)
            return round(100 * (1 - portion if best_above else portion), 2)

        ends = [low, middle, high] if high > low else [low]
        marks = tuple(Label(figure(float(f"{value:.3g}")), place(value)) for value in ends)
        return cls(name, [place(float(str(value))) if _is_number(value) else None for value in values], marks)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _order(value: object) -> float:
    return float(str(value)) if _is_number(value) else math.inf


def _written(value: object) -> str:
    return figure(value) if isinstance(value, float) else str(value)


def _cut(text: str, place: float = 0.0) -> Label:
    short = text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
    return Label(short, round(place, 2), text if short != text else "")
