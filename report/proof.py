"""The chart of a finding: a bar for each label and series, horizontal when the labels fit, else upright."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gates.verdict.finding import Chart
from report.wording import figure

READABLE = 14
HEIGHT = 48.0
# Names of series with a colour in the style sheet; other series take these colours in turn.
KNOWN_SERIES = ("train", "eval", "test", "serving", "previous")


@dataclass(frozen=True)
class Bar:
    """One value of one series, in per cent of the widest bar."""

    series: str
    style: str
    length: float
    text: str


@dataclass(frozen=True)
class Row:
    """One label with the bars of all series."""

    label: str
    marked: bool
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Column:
    """One upright bar within a drawing that is 100 wide and HEIGHT high."""

    x: float
    y: float
    width: float
    height: float
    style: str


@dataclass(frozen=True)
class DrawnChart:
    """A chart, ready for its template: `rows`, or `columns` where there are too many labels to read."""

    caption: str
    series: tuple[tuple[str, str], ...]  # name and style
    rows: tuple[Row, ...] = ()
    columns: tuple[Column, ...] = ()
    ends: tuple[str, str] = ("", "")
    description: str = ""


def draw(chart: Chart) -> DrawnChart:
    """The chart in the units of its drawing; values that are not finite are not drawn."""
    styles = {name: name if name in KNOWN_SERIES else KNOWN_SERIES[i % 5] for i, name in enumerate(chart.series)}
    top = max((abs(v) for values in chart.series.values() for v in values if math.isfinite(v)), default=0.0) or 1.0
    series = tuple(styles.items())
    if len(chart.labels) <= READABLE:
        return DrawnChart(chart.caption, series, rows=_rows(chart, styles, top))
    ends = (chart.labels[0], chart.labels[-1])
    described = f"{chart.caption}, from {ends[0]} to {ends[1]}, by {' and '.join(chart.series)}"
    return DrawnChart(chart.caption, series, columns=_columns(chart, styles, top), ends=ends, description=described)


def _rows(chart: Chart, styles: dict[str, str], top: float) -> tuple[Row, ...]:
    return tuple(
        Row(
            label,
            label == chart.marked,
            tuple(
                Bar(name, styles[name], round(100 * _part(values, i, top), 1), figure(values[i]))
                for name, values in chart.series.items()
                if i < len(values)
            ),
        )
        for i, label in enumerate(chart.labels)
    )


def _columns(chart: Chart, styles: dict[str, str], top: float) -> tuple[Column, ...]:
    slot = 100 / len(chart.labels)
    width = 0.84 * slot / max(len(chart.series), 1)
    found = []
    for place, (name, values) in enumerate(chart.series.items()):
        for i in range(min(len(values), len(chart.labels))):
            height = round(HEIGHT * _part(values, i, top), 2)
            x = round(i * slot + 0.08 * slot + place * width, 2)
            found.append(Column(x, round(HEIGHT - height, 2), round(width, 2), height, styles[name]))
    return tuple(found)


def _part(values: Sequence[float], i: int, top: float) -> float:
    return abs(values[i]) / top if math.isfinite(values[i]) else 0.0
