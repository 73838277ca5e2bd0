"""What was drawn at random between train and another table, also where nobody said so, and what moved on with time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Protocol

import numpy as np

from gates.data.declared import Declared
from gates.statistics.distances import widest_gap
from gates.tables.table import Floats, Kind, Table, joint_categories, joint_codes

# Two sides that share fewer rows' entities than this were split by entity.
_SHARED_ENTITIES = 0.5
# The part of either side that may overlap the other in a split by time (rows around midnight).
_OVERLAP = 0.01
_FEWEST_VALUES = 5
# A column with more distinct values than this per row names rows, and no entities.
_REPEATING = 0.5
# A running number is (all but) unique.
_UNIQUE = 0.98
_DENSE = 0.02
_PROBES = 5
# Seconds, milli-, micro- or nanoseconds since 1970: the years 1973 to 2096.
_EPOCH = (1e8, 4e9)
_DATE = re.compile(r"\d{4}[-/.]?\d\d")
# Distances in time itself beyond which a log is no random sample of train's time.
_MOVED, _MOVED_UNDECLARED = 0.2, 0.5


class Compared(Protocol):
    """The tables that were cut from one another, and what was declared of their columns."""

    @property
    def train(self) -> Table:
        """The table that the others are compared with."""

    @property
    def held_out(self) -> Mapping[str, Table]:
        """Those of the same population as train."""

    @property
    def declared(self) -> Declared:
        """What the configuration or the schema says."""

    def comparable(self, other: Table, *kinds: Kind) -> list[str]:
        """Features that `other` holds in the same kind."""


class Unit(str, Enum):
    """What was drawn at random when two tables came apart: certainty follows it."""

    ROW = "row"
    ENTITY = "entity"
    TIME = "time"


def unit_of(data: Compared, other: Table) -> tuple[Unit, str | None, bool]:
    """The unit, the column that shows it, and whether that was declared."""
    entity, time = data.declared.entity, data.declared.time
    if (
        entity
        and other.has(entity)
        and data.train.has(entity)
        and _shared(data.train, other, entity) < _SHARED_ENTITIES
    ):
        return Unit.ENTITY, entity, True
    if time and data.train.has(time) and other.has(time) and _lies_after(data, other, time):
        # Another unit of time (milliseconds for seconds) also lies after; then the column is at fault.
        return (Unit.TIME, time, True) if _same_scale(data, other, time) else (Unit.ROW, None, True)
    if time and other.name in data.held_out and _is_of_another_time(data, other, time):
        # By time, although some rows are on the wrong side: `time_order` tells of those.
        return Unit.TIME, time, True
    if other.name in data.held_out:
        return *_assigned_by(data, other), False
    return _moved_on(data, other)


def _shared(train: Table, other: Table, column: str) -> float:
    """The share of the other side's rows whose entity train knows."""
    mine, its = joint_codes([train, other], [column])
    return float(np.isin(its, mine).mean()) if len(its) else 1.0


def _lies_after(data: Compared, other: Table, column: str) -> bool:
    mine, its = (np.sort(side[~np.isnan(side)]) for side in ordered_values([data.train, other], column))
    if not len(mine) or not len(its):
        return False
    return bool(its[int(len(its) * _OVERLAP)] >= mine[min(len(mine) - 1, int(len(mine) * (1 - _OVERLAP)))])


def _assigned_by(data: Compared, other: Table) -> tuple[Unit, str | None]:
    """A split by time or entity that nobody declared: a column of which the two sides share no value.

    Of several entities (taxi and company) the coarsest is what was assigned.
    """
    later: dict[str, int] = {}
    apart: dict[str, int] = {}
    for name in data.comparable(other, Kind.CATEGORY, Kind.NUMBER):
        is_text = data.train.kinds[name] is not Kind.NUMBER
        found = _by_text(data.train, other, name) if is_text else _by_number(data.train, other, name)
        if found is not None:
            (later if found[0] is Unit.TIME else apart)[name] = found[1]
    if later:
        return Unit.TIME, max(later, key=lambda name: later[name])
    if apart:
        return Unit.ENTITY, min(apart, key=lambda name: apart[name])
    return Unit.ROW, None


def _by_text(train: Table, other: Table, name: str) -> tuple[Unit, int] | None:
    mine, its = train.codes(name)[1], other.codes(name)[1]
    if len(mine) < _FEWEST_VALUES or not its:
        return None
    if its[0] > mine[-1] and _DATE.match(mine[-1]) and _DATE.match(its[0]):
        return Unit.TIME, len(mine)
    if len(mine) > _REPEATING * train.rows or not set(mine).isdisjoint(its):
        return None
    # Spelt differently is a fault, and no split.
    if not {value.casefold().strip() for value in mine}.isdisjoint(value.casefold().strip() for value in its):
        return None
    return Unit.ENTITY, len(mine)


def _by_number(train: Table, other: Table, name: str) -> tuple[Unit, int] | None:
    every, its = _present(train, name), _present(other, name)
    # Most columns share a value at once, and need no sorting.
    if not len(its) or any((every == value).any() and its.min() < every.max() for value in its[:_PROBES]):
        return None
    mine, its = np.unique(every), np.unique(its)
    if len(mine) < _FEWEST_VALUES or not (np.isfinite(mine).all() and np.isfinite(its).all()):
        return None
    whole = bool((mine == np.rint(mine)).all() and (its == np.rint(its)).all())
    if mine[-1] <= its[0] <= mine[-1] + np.ptp(mine):
        # A split through one moment has rows of it on both sides; a constant that train knows is a fault.
        is_dense = len(mine) >= _DENSE * train.rows and its[-1] > its[0]
        return (Unit.TIME, len(mine)) if is_dense or (whole and its[0] > mine[-1]) else None
    # Whole numbers within train's range of which train has none: keys. Fractions apart may be another unit of measure.
    within = np.mean((its >= mine[0]) & (its <= mine[-1])) >= _REPEATING
    if whole and within and len(mine) <= _REPEATING * train.rows and not np.isin(its, mine).any():
        return Unit.ENTITY, len(mine)
    return None


def _moved_on(data: Compared, other: Table) -> tuple[Unit, str | None, bool]:
    """A serving log or a previous span is of another time, if a clock says so; chance did not choose its rows."""
    time = data.declared.time
    if time is not None and data.train.has(time) and other.has(time):
        return (Unit.TIME, time, True) if _is_of_another_time(data, other, time) else (Unit.ROW, None, True)
    for name in data.comparable(other, Kind.NUMBER, Kind.CATEGORY):
        if _is_clock_face(data.train, other, name) and _is_elsewhere(data, other, name, _MOVED_UNDECLARED):
            return Unit.TIME, name, False
    return Unit.ROW, None, False


def _is_of_another_time(data: Compared, other: Table, time: str) -> bool:
    there = data.train.has(time) and other.has(time)
    return there and _is_elsewhere(data, other, time, _MOVED) and _same_scale(data, other, time)


def _is_clock_face(train: Table, other: Table, name: str) -> bool:
    """Epoch times, ISO dates, or running numbers, by their values alone."""
    if train.kinds[name] is not Kind.NUMBER:
        texts = [value for table in (train, other) for value in table.codes(name)[1]]
        return all(_DATE.match(value) for value in texts)
    mine, its = _present(train, name), _present(other, name)
    if not len(mine) or not len(its) or not (np.isfinite(mine).all() and np.isfinite(its).all()):
        return False
    for scale in (1.0, 1e3, 1e6, 1e9):
        low, high = _EPOCH[0] * scale, _EPOCH[1] * scale
        if all(low <= side.min() and side.max() <= high for side in (mine, its)):
            return True
    whole = bool((mine == np.rint(mine)).all() and (its == np.rint(its)).all())
    return whole and all(len(np.unique(side)) >= _UNIQUE * len(side) for side in (mine, its))


def _is_elsewhere(data: Compared, other: Table, name: str, distance: float) -> bool:
    """Whether the other side's times are spread otherwise than train's, and lie no further off than train is long."""
    mine, its = (np.sort(side[~np.isnan(side)]) for side in ordered_values([data.train, other], name))
    if not len(mine) or not len(its) or its[0] == its[-1] or not np.isfinite(its[[0, -1]]).all():
        return False
    span = mine[-1] - mine[0]
    near = its[0] <= mine[-1] + span and its[-1] >= mine[0] - span
    return bool(near and widest_gap(mine, its)[0] > distance)


def _same_scale(data: Compared, other: Table, name: str) -> bool:
    if not (data.train.has(name, Kind.NUMBER) and other.has(name, Kind.NUMBER)):
        return True
    mine, its = (abs(float(np.median(_present(table, name)))) for table in (data.train, other))
    return max(mine, its) <= 100 * min(mine, its)


def _present(table: Table, name: str) -> Floats:
    values = table.numbers(name)
    return values[~np.isnan(values)]


def ordered_values(tables: list[Table], name: str) -> list[Floats]:
    """A column as numbers whose order is that of its values (of texts: alphabetical), NaN where missing."""
    if all(table.kinds[name] is Kind.NUMBER for table in tables):
        return [table.numbers(name) for table in tables]
    codes, _ = joint_categories(tables, name)
    return [np.where(each >= 0, each, np.nan).astype(np.float64) for each in codes]
