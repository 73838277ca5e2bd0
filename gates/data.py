"""Everything that the DataGate may look at, and how its parts relate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gates.catalogue import Need
from gates.table import Codes, Floats, Kind, Mask, Table, joint_codes
from gates.units import Unit, unit_of


@dataclass(frozen=True)
class Declared:
    """What the configuration or the schema says about columns. All optional: a first look has none of it."""

    label: str | None = None
    class_names: tuple[str, ...] = ()  # what the label's integers 0, 1, 2, … are called
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

    def called(self, class_: str) -> str:
        """A value of the label as a sentence names it."""
        known = class_.isdecimal() and int(class_) < len(self.class_names)
        return self.class_names[int(class_)] if known else class_


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
    def _units(self) -> dict[str, tuple[Unit, str | None, bool]]:
        return {name: unit_of(self, table) for name, table in self.others.items()}

    def unit(self, other: Table) -> Unit:
        """What was drawn at random between train and `other`, declared or not."""
        return self._units[other.name][0]

    def unit_column(self, other: Table) -> str | None:
        """The entity or time column that the two sides were split by."""
        return self._units[other.name][1]

    def is_unit_declared(self, other: Table) -> bool:
        """Whether the configuration says so; else their values do."""
        return self._units[other.name][2]

    def groups(self, other: Table) -> tuple[Codes, Codes] | None:
        """Entity codes of train's and `other`'s rows when entities were what was drawn; else None."""
        unit, column, _ = self._units[other.name]
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
