"""Detects the unit of sampling between train and another table: rows, entities or time, also when undeclared.

Whether contents were drawn in place of rows depends on all tables: `equal_rows.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Protocol

import numpy as np

from gates.data.declared import Declared
from gates.statistics.distances import widest_gap
from gates.tables.table import ColumnKind, Floats, Table, joint_categories, joint_codes
from gates.tables.times import epoch_scale

# The split is by entity when fewer than this share of the other side's rows have an entity of train.
_SHARED_ENTITIES = 0.5
# The share of either side that may overlap the other in a split by time (rows around midnight).
_OVERLAP = 0.01
_FEWEST_VALUES = 5
# A column with more distinct values per row than this identifies rows, not entities.
_REPEATING = 0.5
# A running number is almost unique.
_UNIQUE = 0.98
_DENSE = 0.02
_PROBES = 5
_DATE = re.compile(r"\d{4}[-/.]?\d\d")
# KS distances of the time column beyond which a log is not a random sample of train's period.
_MOVED, _MOVED_UNDECLARED = 0.2, 0.5


class Compared(Protocol):
    """The tables to compare, and the declarations about their columns."""

    @property
    def train(self) -> Table:
        """The table that the others are compared with."""

    @property
    def held_out(self) -> Mapping[str, Table]:
        """The tables of the same population as train."""

    @property
    def declared(self) -> Declared:
        """The declarations of the configuration and the schema."""

    def comparable(self, other: Table, *kinds: ColumnKind) -> list[str]:
        """Features that `other` holds in the same kind."""


class Unit(str, Enum):
    """The unit of sampling when two tables were split; the certainty of a difference depends on it."""

    ROW = "row"
    CONTENT = "content"  # rows, but equal ones together
    ENTITY = "entity"
    TIME = "time"


def unit_of(data: Compared, other: Table) -> tuple[Unit, str | None, bool]:
    """The unit, the column that defines it, and whether it was declared."""
    entity, time = data.declared.entity, data.declared.time
    if (
        entity
        and other.has(entity)
        and data.train.has(entity)
        and _shared(data.train, other, entity) < _SHARED_ENTITIES
    ):
        return Unit.ENTITY, entity, True
    if time and data.train.has(time) and other.has(time) and _lies_after(data, other, time):
        # Values in another unit of time (milliseconds for seconds) also lie after train's; then the column is wrong.
        return (Unit.TIME, time, True) if _same_scale(data, other, time) else (Unit.ROW, None, True)
    if time and other.name in data.held_out and _is_of_another_time(data, other, time):
        # By time, although some rows are on the wrong side: `time_order` reports those.
        return Unit.TIME, time, True
    if other.name in data.held_out:
        return *_assigned_by(data, other), False
    return _moved_on(data, other)


def _shared(train: Table, other: Table, column: str) -> float:
    """The share of the other side's rows whose entity is also in train."""
    train_codes, other_codes = joint_codes([train, other], [column])
    return float(np.isin(other_codes, train_codes).mean()) if len(other_codes) else 1.0


def _lies_after(data: Compared, other: Table, column: str) -> bool:
    train_times, other_times = (np.sort(side[~np.isnan(side)]) for side in ordered_values([data.train, other], column))
    if not len(train_times) or not len(other_times):
        return False
    return bool(
        other_times[int(len(other_times) * _OVERLAP)]
        >= train_times[min(len(train_times) - 1, int(len(train_times) * (1 - _OVERLAP)))]
    )


def _assigned_by(data: Compared, other: Table) -> tuple[Unit, str | None]:
    """Detects an undeclared split by time or entity: a column in which the two sides share no value.

    Of several such columns (taxi and company) the coarsest is the unit.
    """
    later: dict[str, int] = {}
    apart: dict[str, int] = {}
    for name in data.comparable(other, ColumnKind.CATEGORY, ColumnKind.NUMBER):
        is_text = data.train.kinds[name] is not ColumnKind.NUMBER
        found = _by_text(data.train, other, name) if is_text else _by_number(data.train, other, name)
        if found is not None:
            (later if found[0] is Unit.TIME else apart)[name] = found[1]
    if later:
        return Unit.TIME, max(later, key=lambda name: later[name])
    if apart:
        return Unit.ENTITY, min(apart, key=lambda name: apart[name])
    return Unit.ROW, None


def _by_text(train: Table, other: Table, name: str) -> tuple[Unit, int] | None:
    train_values, other_values = train.codes(name)[1], other.codes(name)[1]
    if len(train_values) < _FEWEST_VALUES or not other_values:
        return None
    if other_values[0] > train_values[-1] and _DATE.match(train_values[-1]) and _DATE.match(other_values[0]):
        return Unit.TIME, len(train_values)
    if len(train_values) > _REPEATING * train.rows or not set(train_values).isdisjoint(other_values):
        return None
    # Another spelling of the same values is a fault, not a split.
    if not {value.casefold().strip() for value in train_values}.isdisjoint(
        value.casefold().strip() for value in other_values
    ):
        return None
    return Unit.ENTITY, len(train_values)


def _by_number(train: Table, other: Table, name: str) -> tuple[Unit, int] | None:
    train_values, other_values = _present(train, name), _present(other, name)
    # Most columns share one of the first values, and then need no sorting.
    if not len(other_values) or any(
        (train_values == value).any() and other_values.min() < train_values.max() for value in other_values[:_PROBES]
    ):
        return None
    train_distinct, other_distinct = np.unique(train_values), np.unique(other_values)
    if len(train_distinct) < _FEWEST_VALUES or not (
        np.isfinite(train_distinct).all() and np.isfinite(other_distinct).all()
    ):
        return None
    whole = bool(
        (train_distinct == np.rint(train_distinct)).all() and (other_distinct == np.rint(other_distinct)).all()
    )
    if train_distinct[-1] <= other_distinct[0] <= train_distinct[-1] + np.ptp(train_distinct):
        # A split within one moment has rows of that moment on both sides; a constant of train's is a fault.
        is_dense = len(train_distinct) >= _DENSE * train.rows and other_distinct[-1] > other_distinct[0]
        return (
            (Unit.TIME, len(train_distinct)) if is_dense or (whole and other_distinct[0] > train_distinct[-1]) else None
        )
    # Whole numbers within train's range that train does not hold are keys. Fractions may be another unit of measure.
    within = np.mean((other_distinct >= train_distinct[0]) & (other_distinct <= train_distinct[-1])) >= _REPEATING
    if (
        whole
        and within
        and len(train_distinct) <= _REPEATING * train.rows
        and not np.isin(other_distinct, train_distinct).any()
    ):
        return Unit.ENTITY, len(train_distinct)
    return None


def _moved_on(data: Compared, other: Table) -> tuple[Unit, str | None, bool]:
    """Whether a serving log or a previous span is from another time: its rows are then not a random sample."""
    time = data.declared.time
    if time is not None and data.train.has(time) and other.has(time):
        return (Unit.TIME, time, True) if _is_of_another_time(data, other, time) else (Unit.ROW, None, True)
    for name in data.comparable(other, ColumnKind.NUMBER, ColumnKind.CATEGORY):
        if _is_clock_face(data.train, other, name) and _is_elsewhere(data, other, name, _MOVED_UNDECLARED):
            return Unit.TIME, name, False
    return Unit.ROW, None, False


def _is_of_another_time(data: Compared, other: Table, time: str) -> bool:
    there = data.train.has(time) and other.has(time)
    return there and _is_elsewhere(data, other, time, _MOVED) and _same_scale(data, other, time)


def _is_clock_face(train: Table, other: Table, name: str) -> bool:
    """Whether the values look like epoch times, ISO dates or running numbers."""
    if train.kinds[name] is not ColumnKind.NUMBER:
        texts = [value for table in (train, other) for value in table.codes(name)[1]]
        return all(_DATE.match(value) for value in texts)
    train_values, other_values = _present(train, name), _present(other, name)
    if (
        not len(train_values)
        or not len(other_values)
        or not (np.isfinite(train_values).all() and np.isfinite(other_values).all())
    ):
        return False
    both = np.concatenate([train_values, other_values])
    if epoch_scale(both.min(), both.max()) is not None:
        return True
    whole = bool((train_values == np.rint(train_values)).all() and (other_values == np.rint(other_values)).all())
    return whole and all(len(np.unique(side)) >= _UNIQUE * len(side) for side in (train_values, other_values))


def _is_elsewhere(data: Compared, other: Table, name: str, distance: float) -> bool:
    """Whether the other side's times have another distribution than train's, at most one length of train away."""
    train_times, other_times = (np.sort(side[~np.isnan(side)]) for side in ordered_values([data.train, other], name))
    if (
        not len(train_times)
        or not len(other_times)
        or other_times[0] == other_times[-1]
        or not np.isfinite(other_times[[0, -1]]).all()
    ):
        return False
    span = train_times[-1] - train_times[0]
    near = other_times[0] <= train_times[-1] + span and other_times[-1] >= train_times[0] - span
    return bool(near and widest_gap(train_times, other_times)[0] > distance)


def _same_scale(data: Compared, other: Table, name: str) -> bool:
    if not (data.train.has(name, ColumnKind.NUMBER) and other.has(name, ColumnKind.NUMBER)):
        return True
    train_median, other_median = (abs(float(np.median(_present(table, name)))) for table in (data.train, other))
    return max(train_median, other_median) <= 100 * min(train_median, other_median)


def _present(table: Table, name: str) -> Floats:
    values = table.numbers(name)
    return values[~np.isnan(values)]


def ordered_values(tables: list[Table], name: str) -> list[Floats]:
    """A column as numbers in the order of its values (texts: alphabetical), NaN where missing."""
    if all(table.kinds[name] is ColumnKind.NUMBER for table in tables):
        return [table.numbers(name) for table in tables]
    codes, _ = joint_categories(tables, name)
    return [np.where(each >= 0, each, np.nan).astype(np.float64) for each in codes]
