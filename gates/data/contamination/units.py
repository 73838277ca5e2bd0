"""Checks of a declared split by entity or by time: no entity and no period is on both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.text import shortened
from gates.data.evidence import Data, pair_name
from gates.tables.cell_text import number_text
from gates.tables.table import MISSING_CODE, ColumnKind, Floats, Table, joint_categories
from gates.tables.times import TIME_FORMS, holds_times, instants, sorts_as_text
from gates.verdict.catalogue import Gate, Need, NotApplicable, NothingToJudge, check
from gates.verdict.finding import Chart, RowSample
from gates.verdict.measurement import Measurement

_SHOWN = 5
# Rows of one moment have no order: a cut through a day leaves it on both sides, unless it is most of a side.
_MOST_TIES = 0.5
_BARS = 20
Show = Callable[[float], str]


def _splits(data: Data, column: str, splits: tuple[str, ...]) -> dict[str, Table]:
    tables = {"train": data.train, **{name: data.held_out[name] for name in splits if name in data.held_out}}
    return {
        name: table
        for name, table in tables.items()
        if table.has(column) and table.kinds[column] is not ColumnKind.EMPTY
    }


def _refuse_other_split(data: Data, unit: str) -> None:
    by = data.declared.split_by
    if by not in (None, unit):
        raise NothingToJudge(f"the split is declared to be by {by} (`split.by`), not by {unit}")


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="one customer, patient or machine on both sides of the split",
    statistic="share of held-out rows whose entity is also in train",
    margin=0.0,
    rule="any shared entity, when an entity key is declared; rows without a key do not count",
    source="Kapoor & Narayanan 2023, L3.2 (non-independence between train and test)",
    needs=(Need.HELD_OUT, Need.ENTITY),
    tier=1,
)
def entity_overlap(data: Data, margin: float) -> Iterator[Measurement]:
    """Entities in train and in a held-out split. A fact without a p-value."""
    _refuse_other_split(data, "entity")
    key = str(data.declared.entity)
    tables = _splits(data, key, tuple(data.held_out))
    if "train" not in tables or len(tables) < 2:
        raise NotApplicable(f"train or every held-out split is without the entity key `{key}`")
    if any(table.kinds[key] in (ColumnKind.IMAGE, ColumnKind.OTHER) for table in tables.values()):
        raise NotApplicable(f"the entity key `{key}` holds no single values")
    for split in data.held_out:
        if split in tables:
            yield _judge_entities(tables["train"], tables[split], split, key, margin)
        else:
            statistic = f"share of {split} rows whose {key} is also in train"
            text = f"{split} is without the entity key {key}, so it is unknown whether its entities are in train."
            yield _unjudged(split, key, statistic, text)
    if {"eval", "test"} <= set(tables):
        yield _judge_entities(tables["eval"], tables["test"], "test", key, margin)


def _unjudged(split: str, column: str, statistic: str, text: str) -> Measurement:
    return Measurement(
        subject=split,
        statistic=statistic,
        value=float("nan"),
        n=0,
        reason=text,
        remedy=f"Keep {column} in {split}; it need not be a feature.",
        p_value=1.0,
    )


def _judge_entities(train: Table, other: Table, split: str, key: str, margin: float) -> Measurement:
    (train_codes, other_codes), values = joint_categories([train, other], key)
    held = other_codes[other_codes != MISSING_CODE]
    known = np.zeros(len(values) + 1, dtype=bool)
    known[train_codes[train_codes != MISSING_CODE]] = True
    rows = np.bincount(held[known[held]], minlength=len(values))
    shared = np.argsort(-rows, kind="stable")[: int((rows > 0).sum())]
    share, base = float(rows.sum() / max(1, len(held))), train.name
    # One more than is named tells whether there are others.
    names = shortened([f"`{values[i]}`" for i in shared[: _SHOWN + 1]], _SHOWN, rest="others")
    reason = (
        f"{len(shared):,} of {len(np.unique(held)):,} values of {key} in {split} are in {base} too, with "
        f"{rows.sum():,} of {len(held):,} {split} rows ({share:.2%})"
    )
    in_train = np.bincount(train_codes[train_codes != MISSING_CODE], minlength=len(values))
    return Measurement(
        subject=pair_name(train, split),
        statistic=f"share of {split} rows whose {key} is also in {base}",
        value=share,
        n=len(held),
        reason=f"{reason}: {names}." if len(shared) else f"{reason}.",
        remedy=f"Split by the key: set `split.by: entity` with `{key}`, so that each falls on one side. If rows of one "
        "entity are independent of each other, declare it with `split.by: row`."
        if share > margin
        else "Nothing to do.",
        sample=RowSample(
            f"values of {key} on both sides",
            (key, f"rows in {base}", f"rows in {split}"),
            tuple((values[i], f"{in_train[i]:,}", f"{rows[i]:,}") for i in shared[:_SHOWN]),
        )
        if len(shared)
        else None,
    )


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="rows of train from after those that it is judged on (a random split of temporal data)",
    statistic="share of rows that stand on the wrong side of the best boundary in time",
    margin=0.001,
    rule="the larger of the two sides' shares to be moved until one split lies wholly after the other, above 0.1 %; "
    "rows of the boundary's very moment may lie on both sides unless they are most of the later split",
    source="Kapoor & Narayanan 2023, L3.1 (temporal leakage)",
    needs=(Need.HELD_OUT, Need.TIME),
    tier=1,
)
def time_order(data: Data, margin: float) -> Iterator[Measurement]:
    """Eval after train, test after eval, when a time is declared and the split is not declared to be by anything else.

    The statistic is the share of rows to be moved, not the share of eval before the last train row: one late row of
    train would make the latter 100 %. The margin leaves 0.1 % for rows that arrive late and clocks that are off, as
    many as exact copies may be. Rows of one moment have no order, so a day that is cut in two is none out of order.
    """
    _refuse_other_split(data, "time")
    column = str(data.declared.time)
    tables = _splits(data, column, ("eval", "test"))
    if "train" not in tables or len(tables) < 2:
        raise NotApplicable(f"train or eval and test are without the time column `{column}`")
    found, show = _times_of(tables, column)
    times = {split: np.sort(each[~np.isnan(each)]) for split, each in found.items()}
    times = {split: each for split, each in times.items() if len(each)}
    if "train" not in times or len(times) < 2:
        raise NotApplicable(f"train or eval and test have no time in `{column}`")
    if len({value for each in times.values() for value in (each[0], each[-1])}) < 2:
        raise NotApplicable(f"the time column `{column}` holds one moment only")
    for split in (split for split in ("eval", "test") if split in data.held_out and split not in times):
        text = f"{split} has no time in {column}, so it is unknown whether its rows lie after those of train."
        yield _unjudged(split, column, f"share of {split} rows on the wrong side of the best boundary", text)
    for first, later in combinations(times, 2):
        yield _judge_order(column, (first, times[first]), (later, times[later]), show, margin)


def _times_of(tables: dict[str, Table], column: str) -> tuple[dict[str, Floats], Show]:
    """Numbers unchanged, texts as seconds since 1970 (or as their alphabetical place, where that is their order)."""
    if all(table.kinds[column] is ColumnKind.NUMBER for table in tables.values()):
        return {split: table.numbers(column) for split, table in tables.items()}, number_text
    if any(table.kinds[column] not in (ColumnKind.CATEGORY, ColumnKind.TEXT) for table in tables.values()):
        raise NotApplicable(f"`{column}` is a number in one split and a text in another, or no single value")
    codes, values = joint_categories(list(tables.values()), column)
    if holds_times(values):
        return {split: instants(table.strings(column)) for split, table in tables.items()}, _as_moment
    if not all(map(sorts_as_text, values)):
        raise NotApplicable(f"`{column}` holds what is no time: write it as {TIME_FORMS}")
    each = (np.where(found == MISSING_CODE, np.nan, found.astype(np.float64)) for found in codes)
    return dict(zip(tables, each, strict=True)), lambda place: values[min(max(round(place), 0), len(values) - 1)]


@dataclass(frozen=True)
class _Order:
    misplaced: float  # the larger of both sides' shares, at the best boundary
    early: float  # share of the later split that is before the last row of the first
    tied: float  # share of the later split that is of the very moment of the last row of the first

    @classmethod
    def of(cls, first: Floats, later: Floats) -> _Order:
        """From two sorted sides. A boundary is a moment: the first side ends at it, the later one begins at it."""
        moments = np.unique(np.concatenate([first, later]))
        too_late = 1 - np.searchsorted(first, moments, "right") / len(first)
        too_early = np.searchsorted(later, moments, "left") / len(later)
        before = float(np.searchsorted(later, first[-1], "left") / len(later))
        upto = float(np.searchsorted(later, first[-1], "right") / len(later))
        return cls(float(np.maximum(too_late, too_early).min()), before, upto - before)


def _judge_order(
    column: str, first: tuple[str, Floats], later: tuple[str, Floats], show: Show, margin: float
) -> Measurement:
    order = _Order.of(first[1], later[1])
    is_tied = order.early <= margin and order.tied > _MOST_TIES
    value = max(order.misplaced, order.tied) if is_tied else order.misplaced
    reason = (
        f"{order.early:.2%} of {len(later[1]):,} {later[0]} rows are before the last row of {first[0]}"
        f"{f', {order.tied:.2%} of the same moment' if order.tied else ''}; by {column}, {first[0]} goes from "
        f"{show(first[1][0])} to {show(first[1][-1])}, {later[0]} from {show(later[1][0])} to "
        f"{show(later[1][-1])}, and {order.misplaced:.2%} of the rows of a side lie on the wrong side of the best "
        "boundary between them."
    )
    beyond = value > margin
    return Measurement(
        subject=later[0],
        statistic=f"share of rows on the wrong side of the best boundary between {first[0]} and {later[0]}",
        value=value,
        n=len(later[1]),
        beyond=beyond,
        reason=reason,
        remedy=f"Split by time: set `split.by: time` with `{column}`, so that {later[0]} lies after {first[0]}. If the "
        "model does not predict later rows, declare it with `split.by: row`."
        if beyond
        else "Nothing to do.",
        chart=_chart(column, first, later, show) if beyond else None,
    )


def _as_moment(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s"))


def _chart(column: str, first: tuple[str, Floats], later: tuple[str, Floats], show: Show) -> Chart | None:
    low, high = min(first[1][0], later[1][0]), max(first[1][-1], later[1][-1])
    if not np.isfinite([low, high, high - low]).all():
        return None
    edges = np.linspace(low, high, _BARS + 1)
    shares = {name: tuple((np.histogram(each, edges)[0] / len(each)).tolist()) for name, each in (first, later)}
    return Chart(f"share of rows by {column}", tuple(show(edge) for edge in edges[:-1]), shares)
