"""Small charts of two samples of one column."""

from __future__ import annotations

import numpy as np

from gates.tables.table import Codes, Floats
from gates.verdict.finding import Chart

_MOST_BARS = 20


def of_numbers(caption: str, name: str, train: Floats, other: Floats, marked: float | None = None) -> Chart:
    """Shares of the rows of two sorted samples, by ranges that hold equal shares of both together."""
    pooled = np.concatenate([side[np.linspace(0, len(side) - 1, 400).astype(int)] for side in (train, other)])
    pooled = pooled[np.isfinite(pooled)]
    edges = np.unique(np.quantile(pooled, np.linspace(0, 1, _MOST_BARS), method="nearest")) if len(pooled) else pooled
    labels = (*(f"≤ {edge:.6g}" for edge in edges[:-1]), "above")
    shares = {"train": _shares(train, edges[:-1]), name: _shares(other, edges[:-1])}
    mark = None if marked is None else labels[int(np.searchsorted(edges[:-1], marked))]
    return Chart(caption, labels, shares, mark)


def _shares(values: Floats, edges: Floats) -> tuple[float, ...]:
    counts = np.diff(np.concatenate([[0], np.searchsorted(values, edges, side="right"), [len(values)]]))
    return tuple(float(share) for share in counts / max(len(values), 1))


def of_values(caption: str, name: str, labels: list[str], train: Floats, other: Floats, marked: str | None) -> Chart:
    """Shares of single values, the largest differences first."""
    order = np.argsort(-np.abs(train - other), kind="stable")[:_MOST_BARS]
    return Chart(
        caption,
        tuple(labels[i] for i in order),
        {"train": tuple(float(train[i]) for i in order), name: tuple(float(other[i]) for i in order)},
        marked,
    )


def shares_of(codes: Codes, count: int) -> Floats:
    """The share of each code among those that are not missing."""
    counts = np.bincount(codes[codes >= 0], minlength=count).astype(np.float64)
    return np.asarray(counts / max(counts.sum(), 1.0), dtype=np.float64)
