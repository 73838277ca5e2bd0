"""Finds features that are means of the label over rows which include the held-out ones: target encodings fitted before
the split, or on each split by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from gates.data.evidence import Data
from gates.data.leakage.means import (
    LabelPool,
    Means,
    Scatter,
    held,
    log_chance,
    means_of,
    smoothings,
    sum_of,
    usual_smoothings,
)
from gates.data.target import Target, target_in, target_of
from gates.tables.table import Codes, ColumnKind, Floats, Table, joint_codes
from gates.verdict.catalogue import NotApplicable

_RELATIVE = 1e-6
_MOST_DECIMALS = 6
# An honest score equals the means so exactly in less than one of a billion columns.
_LOG_CHANCE = float(np.log(1e-9))
_FEWEST_LEVELS = 4
# The levels with most held-out rows suffice.
_MOST_LEVELS = 2_000
_FEWEST_SHARE = 0.3
# Of more classes the most frequent.
_MOST_CLASSES = 20


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


@lru_cache(maxsize=4)
def encodings(data: Data, name: str) -> dict[str, Encoding]:
    """Every such feature of the held-out table of this name.

    Raises:
      NotApplicable: when the table has no labels.
    """
    other, target = data.held_out[name], target_of(data)
    tables, labels, unlabelled = [data.train, other], [target, target_in(other, target)], []
    for each in (*data.held_out.values(), *([data.serving] if data.serving else [])):
        if each.name == name:
            continue
        try:
            labels.append(target_in(each, target))
            tables.append(each)
        except NotApplicable:
            unlabelled.append(each)
    found: dict[str, Encoding] = {}
    for feature in data.comparable(other, ColumnKind.NUMBER):
        if not _is_candidate(other.numbers(feature)):
            continue
        if not all(table.has(feature, ColumnKind.NUMBER) for table in tables):
            continue
        more = [table for table in unlabelled if table.has(feature, ColumnKind.NUMBER)]
        for view in _views(target, labels):
            if encoding := _encoding(data, tables, more, feature, view):
                found[feature] = encoding
                break
    return found


def _is_candidate(values: Floats) -> bool:
    """Whether the values are repeated fractions: whole numbers and unique values are not means of levels."""
    known = values[np.isfinite(values)]
    return len(known) >= 2 * _FEWEST_LEVELS and bool((known != np.floor(known)).any())


def _views(target: Target, labels: list[Target]) -> Iterator[list[Floats]]:
    """The label as numbers that may have been averaged: its values, or membership of each class."""
    if target.is_regression:
        yield [each.values for each in labels]
        return
    counts = np.bincount(target.codes[target.present], minlength=len(target.classes))
    for k in np.argsort(-counts, kind="stable")[:_MOST_CLASSES] if len(counts) > _MOST_CLASSES else range(len(counts)):
        yield [np.where(each.present, each.codes == k, np.nan) for each in labels]
    try:
        numbers = np.array([*(float(value) for value in target.classes), np.nan])
    except ValueError:
        return
    if set(numbers[:-1]) != {0.0, 1.0}:
        yield [numbers[each.codes] for each in labels]


def _encoding(
    data: Data, labelled: list[Table], more: list[Table], feature: str, labels: list[Floats]
) -> Encoding | None:
    tables = [*labelled, *more]
    values = [table.numbers(feature) for table in tables]
    every, label = np.concatenate(values), np.concatenate(labels)
    label = label[~np.isnan(label)]
    fine = np.isfinite(every)
    # A mean lies within the range of the labels.
    inside = fine & (every >= label.min()) & (every <= label.max())
    if len(np.unique(label)) < 2 or not inside[: len(every) - sum(t.rows for t in more)].all():
        return None
    scatter, tolerance = Scatter.of(label), _tolerance(every[fine], float(np.ptp(label)))
    for of, codes in _levels(data, tables, feature, every, fine):
        parts = np.split(codes, np.cumsum([len(each) for each in values])[:-1])
        count = int(codes.max()) + 1
        if count < _FEWEST_LEVELS:
            continue
        value = np.full(count, np.nan)
        value[codes[fine]] = every[fine]
        each = [means_of(part, column, count) for part, column in zip(parts, labels, strict=False)]
        unlabelled = np.sum([np.bincount(part, minlength=count) for part in parts], axis=0) - sum_of(each).counts
        if count > _MOST_LEVELS:
            kept = np.argsort(-each[1].counts, kind="stable")[:_MOST_LEVELS]
            value, unlabelled, each = value[kept], unlabelled[kept], [means.of(kept) for means in each]
        for pool in _pools([table.name for table in labelled], each, unlabelled, scatter.whole):
            if encoding := _judged(feature, of, value, each[0], each[1], pool, tolerance, scatter):
                return encoding
    return None


def _levels(
    data: Data, tables: list[Table], feature: str, values: Floats, fine: np.ndarray
) -> Iterator[tuple[str | None, Codes]]:
    """Codes of levels: first by the feature's value, then by each category of which the value is a function."""
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
        if not whole or not kinds <= {ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.TEXT}:
            continue
        coded = np.concatenate(joint_codes(tables, [name]))
        count = int(coded.max()) + 1
        if distinct <= count <= 0.8 * len(values):
            first = np.zeros(count, np.int64)
            first[coded[::-1]] = np.arange(len(coded))[::-1]
            if (codes[first[coded]] == codes).all():
                yield name, coded


def _pools(names: list[str], each: list[Means], unlabelled: Floats, whole: bool) -> Iterator[LabelPool]:
    """The sets of rows that a leaking encoding may have been fitted on; each holds the held-out table (the second)."""
    none = np.zeros_like(unlabelled)
    yield LabelPool(f"{names[0]} and {names[1]}", sum_of(each[:2]), none)
    if len(each) > 2:
        yield LabelPool(" and ".join(names), sum_of(each), none)
        yield LabelPool(" and ".join(names[1:]), sum_of(each[1:]), none, with_train=False)
    yield LabelPool(f"{names[1]} alone", each[1], none, with_train=False)
    if whole and unlabelled.any():
        yield LabelPool(f"{' and '.join(names)} and rows without a label", sum_of(each), unlabelled)


def _judged(
    feature: str,
    of: str | None,
    value: Floats,
    train: Means,
    other: Means,
    pool: LabelPool,
    tolerance: float,
    scatter: Scatter,
) -> Encoding | None:
    """The encoding, when more levels equal the pool's mean than honest scores could by chance."""
    weights = list(usual_smoothings(value, pool))
    if not pool.unlabelled.any():
        weights += smoothings(value, pool.known)
    for smoothing, prior in [(0.0, 0.0), *weights]:
        hits, levels, chance, mean = held(value, train, other, pool, tolerance, scatter, smoothing, prior)
        count = int(hits.sum())
        if count < _FEWEST_LEVELS or count < _FEWEST_SHARE * levels:
            continue
        if log_chance(chance[hits], levels) > _LOG_CHANCE:
            continue
        largest = np.flatnonzero(hits)[np.argsort(-other.counts[hits], kind="stable")[:5]]
        honest = train.encoded(smoothing, prior)
        examples = tuple(
            (f"{value[i]:.6g}", f"{honest[i]:.6g}", f"{mean[i]:.6g}", f"{pool.rows[i]:,.0f}") for i in largest
        )
        return Encoding(feature, pool.name, levels, count, int(other.counts[hits].sum()), of, examples)
    return None


def _tolerance(values: Floats, span: float) -> float:
    """A millionth of the range; half of the last digit when the values were rounded."""
    for decimals in range(2, _MOST_DECIMALS + 1):
        if np.abs(values - np.round(values, decimals)).max() < 1e-9:
            return float(0.5 * 10.0**-decimals + 1e-9)
    return float(_RELATIVE * span)
