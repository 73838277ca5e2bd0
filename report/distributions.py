"""The data of a feature's drawings, from statistics protos: the same bins or values for every split."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

BINS = 10
TOP_VALUES = 6
OTHER = "all other values"
# A tail longer than this share of the body is one overflow bin: a sketch of quantiles is inaccurate inside it, and its
# interpolation would look like a difference between splits.
LONG_TAIL = 0.5


@dataclass(frozen=True)
class SplitSummary:
    """One feature in one split."""

    missing: float  # share of rows without a value
    distinct: int | None  # TFDV counts distinct values of text features only
    bars: tuple[float, ...]  # share of values in each bin, or for each of the top values
    mean: float | None = None
    median: float | None = None


@dataclass(frozen=True)
class FeatureSummary:
    """One feature in every split, over common `edges` (numbers) or common `values` (text)."""

    name: str
    kind: str  # "integer", "number", "text", …
    splits: Mapping[str, SplitSummary]
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    tail_below: bool = False  # the first bin holds everything below edges[1]
    tail_above: bool = False


@dataclass(frozen=True)
class _Cumulative:
    """Share of values up to x, at the points that the histograms of one split give."""

    points: tuple[float, ...]
    shares: tuple[float, ...]

    def __call__(self, x: float) -> float:
        after = bisect_right(self.points, x)
        if after == 0:
            return 0.0
        if after == len(self.points):
            return self.shares[-1]
        left, right = self.points[after - 1], self.points[after]
        portion = (x - left) / (right - left)
        return self.shares[after - 1] + portion * (self.shares[after] - self.shares[after - 1])

    def quantile(self, portion: float) -> float:
        return next((x for x, share in zip(self.points, self.shares, strict=True) if share >= portion), self.points[-1])


def summarise(statistics: Mapping[str, DatasetFeatureStatistics]) -> list[FeatureSummary]:
    """Every feature that any split has, in the order of the first split."""
    by_split = {split: {_name(f): f for f in dataset.features} for split, dataset in statistics.items()}
    names = dict.fromkeys(name for features in by_split.values() for name in features)
    rows = {split: int(dataset.num_examples) for split, dataset in statistics.items()}
    return [
        _summary(name, {split: features[name] for split, features in by_split.items() if name in features}, rows)
        for name in names
    ]


def _name(feature: Any) -> str:
    return feature.name or ".".join(feature.path.step)


def _summary(name: str, features: Mapping[str, Any], rows: Mapping[str, int]) -> FeatureSummary:
    first = next(iter(features.values()))
    if all(feature.WhichOneof("stats") == "num_stats" for feature in features.values()):
        return _numeric(name, first.type == first.INT, features, rows)
    if all(feature.WhichOneof("stats") == "string_stats" for feature in features.values()):
        return _categorical(name, features, rows)
    splits = {split: SplitSummary(_missing(f, rows[split]), None, ()) for split, f in features.items()}
    return FeatureSummary(name, first.Type.Name(first.type).lower(), splits)


def _common(feature: Any) -> Any:
    return getattr(feature, feature.WhichOneof("stats")).common_stats


def _missing(feature: Any, rows: int) -> float:
    """Share of rows without a value; an empty list of values counts as missing, as in the model's features."""
    if not rows or feature.WhichOneof("stats") is None:
        return 1.0
    common = _common(feature)
    filled: int = common.tot_num_values if common.max_num_values <= 1 else common.num_non_missing
    return min(1.0, max(0.0, 1 - filled / rows))


def _numeric(name: str, integer: bool, features: Mapping[str, Any], rows: Mapping[str, int]) -> FeatureSummary:
    curves = {split: _cumulative(feature.num_stats, integer) for split, feature in features.items()}
    known = [curve for curve in curves.values() if curve.points]
    edges, below, above = _edges(known, integer) if known else ((), False, False)
    splits = {
        split: SplitSummary(
            missing=_missing(feature, rows[split]),
            distinct=None,
            bars=_bars(curves[split], edges),
            mean=feature.num_stats.mean if curves[split].points else None,
            median=feature.num_stats.median if curves[split].points else None,
        )
        for split, feature in features.items()
    }
    kind = "integer" if integer else "number"
    return FeatureSummary(name, kind, splits, edges, tail_below=below, tail_above=above)


def _cumulative(stats: Any, integer: bool) -> _Cumulative:
    """One curve from both kinds of histogram: equal widths resolve the tails, quantiles the middle."""
    best: dict[float, float] = {}
    for histogram in stats.histograms:
        total = sum(bucket.sample_count for bucket in histogram.buckets)
        if not total:
            continue
        quantiles = histogram.type == histogram.QUANTILES
        running = 0.0
        for index, bucket in enumerate(histogram.buckets):
            if index == 0:
                best.setdefault(bucket.low_value - 0.5 * integer, 0.0)
            running += bucket.sample_count
            last = index == len(histogram.buckets) - 1
            end = _gap_after(bucket.high_value, quantiles or last) if integer else bucket.high_value
            if end is not None:
                best[end] = max(best.get(end, 0.0), min(1.0, running / total))
    points = sorted(point for point in best if math.isfinite(point))
    shares: list[float] = []
    for point in points:
        shares.append(max(best[point], shares[-1] if shares else 0.0))
    return _Cumulative(tuple(points), tuple(shares))


def _gap_after(end: float, inclusive: bool) -> float | None:
    """The middle of the gap between integers that a bin's end lies in; nothing when it is unclear which one."""
    if inclusive:
        return math.floor(end) + 0.5
    # Equal-width bins come from a sketch: whether an end that is itself an integer counts is not known.
    return None if abs(end - round(end)) < 1e-6 else math.ceil(end) - 0.5


def _edges(curves: Sequence[_Cumulative], integer: bool) -> tuple[tuple[float, ...], bool, bool]:
    """Bins over the body of the data in all splits, and whether an overflow bin stands at either end."""
    low, high = min(c.points[0] for c in curves), max(c.points[-1] for c in curves)
    body_low, body_high = max(c.quantile(0.1) for c in curves), min(c.quantile(0.9) for c in curves)
    body = body_high - body_low
    # A few integers need no overflow bin: each has its own.
    tails = body > 0 and not (integer and high - low <= 2 * BINS)
    below = tails and LONG_TAIL * body < body_low - low
    above = tails and LONG_TAIL * body < high - body_high
    start, end = body_low if below else low, body_high if above else high
    width = float(max(1, math.ceil((end - start) / BINS))) if integer else (end - start) / BINS
    if width <= 0:
        return (low - 0.5, low + 0.5), False, False
    bins = max(1, math.ceil((end - start) / width - 1e-9))
    edges = [start + index * width for index in range(bins + 1)]
    if below:
        edges.insert(0, start - width)
    if above:
        edges.append(edges[-1] + width)
    return tuple(edges), below, above


def _bars(curve: _Cumulative, edges: Sequence[float]) -> tuple[float, ...]:
    if not curve.points or not edges:
        return ()
    reached = [curve(edge) for edge in edges]
    # The outer bins take everything up to the ends, so that the shares add up to one.
    reached[0], reached[-1] = 0.0, 1.0
    return tuple(max(0.0, right - left) for left, right in pairwise(reached))


def _categorical(name: str, features: Mapping[str, Any], rows: Mapping[str, int]) -> FeatureSummary:
    counts = {split: _value_counts(feature.string_stats) for split, feature in features.items()}
    ranked = next((known for known in counts.values() if known), {})
    values = tuple(ranked)[:TOP_VALUES]
    totals = {split: _common(feature).tot_num_values for split, feature in features.items()}
    shares = {
        split: [counts[split].get(value, 0.0) / total if total else 0.0 for value in values]
        for split, total in totals.items()
    }
    rests = {split: max(0.0, 1 - sum(shares[split])) if total else 0.0 for split, total in totals.items()}
    elsewhere = any(rest > 1e-9 for rest in rests.values())
    splits = {
        split: SplitSummary(
            missing=_missing(feature, rows[split]),
            distinct=int(feature.string_stats.unique),
            bars=(*shares[split], rests[split]) if elsewhere else tuple(shares[split]),
        )
        for split, feature in features.items()
    }
    return FeatureSummary(name, "text", splits, values=(*values, OTHER) if elsewhere else values)


def _value_counts(stats: Any) -> dict[str, float]:
    if stats.rank_histogram.buckets:
        return {bucket.label: bucket.sample_count for bucket in stats.rank_histogram.buckets}
    return {entry.value: entry.frequency for entry in stats.top_values}
