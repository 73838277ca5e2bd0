"""Finds features that are means of the label over rows which include the held-out ones: target encodings fitted before
the split, or on each split by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from gates.catalogue import NotApplicable
from gates.data import Data
from gates.leakage.target import Target, target_in, target_of
from gates.table import Codes, Floats, Kind, Table, joint_codes

_RELATIVE = 1e-6
_MOST_DECIMALS = 6
# An honest score would hit the means so exactly less often than once in a billion columns.
_LOG_CHANCE = float(np.log(1e-9))
_FEWEST_LEVELS = 4
_FEWEST_SHARE = 0.3
_LARGEST = 8


@dataclass(frozen=True)
class Encoding:
    """A feature whose values in a held-out table are means over that table's own labels."""

    feature: str
    over: str  # "train and eval"
    levels: int  # that differ between train's mean and this one
    equal: int  # of these, how many hold this one
    rows: int  # of the held-out table, in the equal levels
    of: str | None  # the category that was encoded, when it is still in the table
    examples: tuple[tuple[str, ...], ...]  # value, mean over train, mean over all, rows


@dataclass(frozen=True, eq=False)
class _Means:
    """Sum and count of the labels of each level over some tables."""

    sums: Floats
    counts: Floats

    def encoded(self, smoothing: float, prior: float) -> Floats:
        """(sum + k * prior) / (n + k), the m-estimate (Micci-Barreca 2001); the mean itself when k = 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.sums + smoothing * prior) / (self.counts + smoothing)


@lru_cache(maxsize=4)
def encodings(data: Data, name: str) -> dict[str, Encoding]:
    """Every such feature of the held-out table of this name. Raises NotApplicable where it has no labels."""
    other, target = data.held_out[name], target_of(data)
    tables = [data.train, other]
    labels = [target, target_in(other, target)]
    for each in data.held_out.values():
        if each.name != name and data.label in each.columns:
            try:
                labels.append(target_in(each, target))
            except NotApplicable:
                continue
            tables.append(each)
    found: dict[str, Encoding] = {}
    for feature in data.comparable(other, Kind.NUMBER):
        present = [table for table in tables if table.has(feature, Kind.NUMBER)]
        if len(present) < len(tables) or not _is_candidate(other.numbers(feature)):
            continue
        for view in _views(target, labels):
            if encoding := _encoding(data, tables, feature, view):
                found[feature] = encoding
                break
    return found


def _is_candidate(values: Floats) -> bool:
    """Fractions that repeat: whole numbers and values that are all different are no means of levels."""
    known = values[np.isfinite(values)]
    return len(known) >= 2 * _FEWEST_LEVELS and bool((known != np.floor(known)).any())


def _views(target: Target, labels: list[Target]) -> Iterator[list[Floats]]:
    """The label as numbers that may have been averaged: itself, or whether it is one of the classes."""
    if target.is_regression:
        yield [each.values for each in labels]
        return
    for k in range(len(target.classes)):
        yield [np.where(each.present, each.codes == k, np.nan) for each in labels]
    try:
        numbers = np.array([*(float(value) for value in target.classes), np.nan])
    except ValueError:
        return
    if set(numbers[:-1]) != {0.0, 1.0}:
        yield [numbers[each.codes] for each in labels]


def _encoding(data: Data, tables: list[Table], feature: str, labels: list[Floats]) -> Encoding | None:
    values = [table.numbers(feature) for table in tables]
    every, label = np.concatenate(values), np.concatenate(labels)
    known = ~np.isnan(label)
    low, high = label[known].min(), label[known].max()
    # A mean lies within the range of what it is the mean of.
    fine = np.isfinite(every)
    if not fine.any() or every[fine].min() < low or every[fine].max() > high:
        return None
    tolerance = _tolerance(every[fine], high - low)
    for of, codes in _levels(data, tables, feature, every, fine):
        parts = np.split(codes, np.cumsum([len(each) for each in values])[:-1])
        count = int(codes.max()) + 1
        if count < _FEWEST_LEVELS:
            continue
        value = np.full(count, np.nan)
        value[codes[fine]] = every[fine]
        each = [_means(part, column, count) for part, column in zip(parts, labels, strict=True)]
        for over, pooled in _pools([table.name for table in tables], each):
            if encoding := _judged(feature, of, over, value, each, pooled, tolerance, label[known]):
                return encoding
    return None


def _levels(
    data: Data, tables: list[Table], feature: str, values: Floats, fine: np.ndarray
) -> Iterator[tuple[str | None, Codes]]:
    """Rows of one level: those of one value; then those of one category, where the value is a function of it."""
    _, codes = np.unique(np.where(fine, values, np.nan), return_inverse=True)
    distinct = int(codes.max()) + 1
    if distinct > 0.8 * len(values):
        return
    yield None, codes.astype(np.int64)
    for name in data.train.columns:
        if name in (feature, data.label) or not all(table.has(name) for table in tables):
            continue
        kinds = {table.kinds[name] for table in tables}
        whole = all(not pa.types.is_floating(table.arrow.column(name).type) for table in tables)
        if not whole or not kinds <= {Kind.NUMBER, Kind.CATEGORY, Kind.TEXT}:
            continue
        coded = np.concatenate(joint_codes(tables, [name]))
        count = int(coded.max()) + 1
        if distinct <= count <= 0.8 * len(values):
            first = np.zeros(count, np.int64)
            first[coded[::-1]] = np.arange(len(coded))[::-1]
            if (codes[first[coded]] == codes).all():
                yield name, coded


def _means(codes: Codes, labels: Floats, count: int) -> _Means:
    known = ~np.isnan(labels)
    return _Means(
        np.bincount(codes[known], labels[known], minlength=count),
        np.bincount(codes[known], minlength=count).astype(np.float64),
    )


def _pools(names: list[str], each: list[_Means]) -> Iterator[tuple[str, _Means]]:
    """The sets of rows that a leaking encoding may have been fitted on; each holds the held-out table (the second)."""
    yield f"{names[0]} and {names[1]}", _sum(each[:2])
    if len(each) > 2:
        yield " and ".join(names), _sum(each)
        yield " and ".join(names[1:]), _sum(each[1:])
    yield f"{names[1]} alone", each[1]


def _sum(each: list[_Means]) -> _Means:
    return _Means(np.sum([m.sums for m in each], axis=0), np.sum([m.counts for m in each], axis=0))


def _judged(
    feature: str,
    of: str | None,
    over: str,
    value: Floats,
    each: list[_Means],
    pooled: _Means,
    tolerance: float,
    labels: Floats,
) -> Encoding | None:
    train, other = each[0], each[1]
    # With one row a level, the mean over one table is the label itself.
    usable = (other.counts >= (2 if pooled is other else 1)) & ~np.isnan(value)
    for smoothing, prior in [(0.0, 0.0), *_smoothings(value, pooled)]:
        leaking, honest = pooled.encoded(smoothing, prior), train.encoded(smoothing, prior)
        with np.errstate(invalid="ignore"):
            apart = usable & ~(np.abs(leaking - honest) <= 2 * tolerance)
            equal = apart & (np.abs(value - leaking) <= tolerance)
        levels, hits = int(apart.sum()), int(equal.sum())
        if hits < _FEWEST_LEVELS or hits < _FEWEST_SHARE * levels:
            continue
        if _log_chance(other.counts[equal], levels, tolerance, labels) > _LOG_CHANCE:
            continue
        largest = np.flatnonzero(equal)[np.argsort(-other.counts[equal], kind="stable")[:5]]
        examples = tuple(
            (f"{value[i]:.6g}", f"{honest[i]:.6g}", f"{leaking[i]:.6g}", f"{pooled.counts[i]:,.0f}") for i in largest
        )
        return Encoding(feature, over, levels, hits, int(other.counts[equal].sum()), of, examples)
    return None


def _smoothings(value: Floats, pooled: _Means) -> Iterator[tuple[float, float]]:
    """Weights and priors that explain two of the largest levels: sum - v * n = k * v - k * prior, a line in v."""
    places = np.argsort(-np.where(np.isnan(value), 0, pooled.counts), kind="stable")[:_LARGEST]
    rest = pooled.sums - value * pooled.counts
    for i, first in enumerate(places):
        for second in places[i + 1 :]:
            if value[first] != value[second]:
                slope = float((rest[first] - rest[second]) / (value[first] - value[second]))
                if slope > _RELATIVE and np.isfinite(slope):
                    yield slope, float(value[first] - rest[first] / slope)


def _log_chance(counts: Floats, levels: int, tolerance: float, labels: Floats) -> float:
    """Log of a bound on the chance that labels which the score did not see fall so that as many levels are hit.

    In one level: the likeliest value of its sum, times the sums within tolerance; then Boole over which levels hit.
    """
    from scipy.special import gammaln

    _, shares = np.unique(labels, return_counts=True)
    likeliest = float(shares.max() / len(labels))
    spread = max(float(labels.std()), 1e-12)
    step = float(np.diff(np.unique(labels)).min())
    normal = step / (spread * np.sqrt(2 * np.pi * counts))
    one = np.minimum(likeliest, np.where(counts > 1, np.maximum(normal, 1e-6), 1)) * (1 + 2 * tolerance * counts / step)
    hits = len(counts)
    choices = gammaln(levels + 1) - gammaln(hits + 1) - gammaln(levels - hits + 1)
    return float(np.log(np.minimum(one, 1)).sum() + choices)


def _tolerance(values: Floats, span: float) -> float:
    """A millionth of the range; half of the last digit when the values were rounded."""
    for decimals in range(2, _MOST_DECIMALS + 1):
        if np.abs(values - np.round(values, decimals)).max() < 1e-9:
            return float(0.5 * 10.0**-decimals + 1e-9)
    return float(_RELATIVE * span)
