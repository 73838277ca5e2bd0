"""Everything that the DataGate may look at, and how its parts relate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

import numpy as np

from gates.catalogue import Need
from gates.table import Codes, Floats, Kind, Mask, Table, joint_codes

# Two sides that share fewer rows' entities than this were split by entity.
_SHARED_ENTITIES = 0.5
# The part of the later side that may overlap the earlier one in a split by time (rows around midnight).
_OVERLAP = 0.01
_FEWEST_VALUES = 5


class Unit(str, Enum):
    """What was drawn at random when two tables came apart: certainty follows it."""

    ROW = "row"
    ENTITY = "entity"
    TIME = "time"


@dataclass(frozen=True)
class Declared:
    """What the configuration or the schema says about columns. All optional: a first look has none of it."""

    label: str | None = None
    entity: str | None = None
    time: str | None = None
    split_by: str | None = None  # row, entity, time or column, as `split.by`
    withheld: frozenset[str] = frozenset()  # never features: known after the outcome, or excluded by hand
    known_after: Mapping[str, str] = field(default_factory=dict)  # column → the moment, after the prediction's
    moments_declared: bool = False  # whether anybody said from when columns are known
    not_at_serving: frozenset[str] = frozenset()  # by the schema's environments
    required: frozenset[str] = frozenset()  # columns that the schema says every row must have
    categorical: frozenset[str] = frozenset()  # numbers that the schema says are names (`int_domain.is_categorical`)
    analysed_splits: tuple[str, ...] | None = None  # what Transform's analysers read
    readers_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # split → components that read it


@dataclass(frozen=True, eq=False)
class Data:
    """The tables of one run. `held_out`: eval and test, dealt from the same population as train."""

    train: Table
    held_out: Mapping[str, Table] = field(default_factory=dict)
    serving: Table | None = None
    previous: Table | None = None
    declared: Declared = Declared()
    seed: int = 0

    @property
    def label(self) -> str | None:
        """The column to be learnt, if one was named."""
        return self.declared.label

    @cached_property
    def features(self) -> list[str]:
        """Columns of train that a model may see: neither label nor withheld nor the entity key."""
        apart = {self.declared.label, self.declared.entity} | self.declared.withheld
        return [name for name in self.train.columns if name not in apart]

    def features_of(self, *kinds: Kind) -> list[str]:
        """The features of these kinds."""
        return [name for name in self.features if self.train.kinds[name] in kinds]

    @property
    def others(self) -> dict[str, Table]:
        """Every table that is compared with train, by name."""
        rest = {"serving": self.serving, "previous": self.previous}
        return {**self.held_out, **{name: table for name, table in rest.items() if table is not None}}

    def comparable(self, other: Table, *kinds: Kind) -> list[str]:
        """Features of these kinds that `other` holds in the same kind; TEXT and CATEGORY count as one."""
        text = {Kind.TEXT, Kind.CATEGORY}

        def same(mine: Kind, its: Kind) -> bool:
            return mine is its or {mine, its} <= text

        return [
            name
            for name in self.features_of(*kinds)
            if other.has(name) and same(self.train.kinds[name], other.kinds[name])
        ]

    def lacks(self, needs: tuple[Need, ...]) -> Need | None:
        """The first thing that is needed and not there."""
        there = {
            Need.HELD_OUT: bool(self.held_out),
            Need.SERVING: self.serving is not None,
            Need.PREVIOUS: self.previous is not None,
            Need.OTHER: bool(self.others),
            Need.LABEL: self.label is not None,
            Need.ENTITY: self.declared.entity is not None,
            Need.TIME: self.declared.time is not None,
            Need.IMAGE: bool(self.features_of(Kind.IMAGE)),
        }
        return next((need for need in needs if not there[need]), None)

    @cached_property
    def _units(self) -> dict[str, tuple[Unit, str | None]]:
        return {name: self._unit_of(table) for name, table in self.others.items()}

    def unit(self, other: Table) -> Unit:
        """What was drawn at random between train and `other`."""
        return self._units[other.name][0]

    def unit_column(self, other: Table) -> str | None:
        """The entity or time column that the two sides were split by."""
        return self._units[other.name][1]

    def _unit_of(self, other: Table) -> tuple[Unit, str | None]:
        entity, time = self.declared.entity, self.declared.time
        if entity and other.has(entity) and self.train.has(entity) and self._shared(other, entity) < _SHARED_ENTITIES:
            return Unit.ENTITY, entity
        if time and self._is_after(other, time):
            return Unit.TIME, time
        if other.name in self.held_out:
            return self._undeclared_unit(other)
        return Unit.ROW, None

    def _shared(self, other: Table, column: str) -> float:
        mine, its = joint_codes([self.train, other], [column])
        return float(np.isin(its, mine).mean()) if len(its) else 1.0

    def _is_after(self, other: Table, column: str) -> bool:
        if not (self.train.has(column, Kind.NUMBER) and other.has(column, Kind.NUMBER)):
            return self._is_after_as_text(other, column)
        mine, its = self.train.numbers(column), other.numbers(column)
        mine, its = mine[~np.isnan(mine)], its[~np.isnan(its)]
        if not len(mine) or not len(its):
            return False
        return bool(np.quantile(its, _OVERLAP) >= np.quantile(mine, 1 - _OVERLAP))

    def _is_after_as_text(self, other: Table, column: str) -> bool:
        """ISO times sort as text."""
        if not (self.train.has(column) and other.has(column)):
            return False
        mine = sorted(filter(None, self.train.strings(column).to_pylist()))
        its = sorted(filter(None, other.strings(column).to_pylist()))
        if not mine or not its:
            return False
        return bool(its[int(len(its) * _OVERLAP)] >= mine[min(len(mine) - 1, int(len(mine) * (1 - _OVERLAP)))])

    def _undeclared_unit(self, other: Table) -> tuple[Unit, str | None]:
        """A split by entity or time that nobody declared shows in a column of which the sides share no value."""
        for name in self.comparable(other, Kind.CATEGORY):
            if self._is_split_by_entity(other, name):
                return Unit.ENTITY, name
        for name in self.comparable(other, Kind.NUMBER):
            if self._is_split_by_order(other, name):
                return Unit.TIME, name
        return Unit.ROW, None

    def _is_split_by_entity(self, other: Table, name: str) -> bool:
        mine, its = set(self.train.codes(name)[1]), set(other.codes(name)[1])
        if len(mine) < _FEWEST_VALUES or not its or mine & its:
            return False
        # Spelt differently is a fault, and no split; values that never repeat are no entities.
        if {value.casefold().strip() for value in mine} & {value.casefold().strip() for value in its}:
            return False
        return len(mine) < 0.5 * self.train.rows

    def _is_split_by_order(self, other: Table, name: str) -> bool:
        mine, its = self.train.numbers(name), other.numbers(name)
        if np.isnan(mine).any() or np.isnan(its).any() or not len(mine) or not len(its):
            return False
        return bool(its.min() >= mine.max() and its.max() > its.min() and len(np.unique(mine)) >= 0.02 * len(mine))

    def groups(self, other: Table) -> tuple[Codes, Codes] | None:
        """Entity codes of train's and `other`'s rows when entities were what was drawn; else None."""
        unit, column = self._units[other.name]
        if unit is not Unit.ENTITY or column is None:
            return None
        mine, its = joint_codes([self.train, other], [column])
        return mine, its


def present(values: Floats) -> Mask:
    """Rows with a value."""
    return ~np.isnan(values)


def held_out_with_label(data: Data) -> Iterator[tuple[str, Table]]:
    """Eval and test where they hold the label."""
    for name, table in data.held_out.items():
        if data.label and table.has(data.label):
            yield name, table
