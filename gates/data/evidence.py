"""The DataGate's evidence: the tables of a run, and how they were split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from gates.data.declared import Declared
from gates.data.equal_rows import content_codes, content_of, keeps_equal_rows_together
from gates.data.units import Unit, unit_of
from gates.tables.table import Codes, ColumnKind, Floats, Mask, Table, joint_codes
from gates.verdict.catalogue import Need


@dataclass(frozen=True, eq=False)
class Data:
    """The tables of one run. `held_out`: eval and test, assigned from the same population as train."""

    train: Table
    held_out: Mapping[str, Table] = field(default_factory=dict)
    serving: Table | None = None
    previous: Table | None = None
    declared: Declared = field(default_factory=Declared)
    seed: int = 0
    notes: tuple[str, ...] = ()  # remarks on how the tables were read

    @property
    def label(self) -> str | None:
        """The column to be learnt, if one was named."""
        return self.declared.label

    @cached_property
    def features(self) -> list[str]:
        """Columns of train that a model may see: neither label nor withheld nor the entity key."""
        apart = {self.declared.label, self.declared.entity} | self.declared.withheld
        return [name for name in self.train.columns if name not in apart]

    def features_of(self, *kinds: ColumnKind) -> list[str]:
        """The features of these kinds."""
        return [name for name in self.features if self.train.kinds[name] in kinds]

    @cached_property
    def pairs(self) -> tuple[Data, ...]:
        """Train with every held-out split, and eval with test: each pair of splits once. In a pair of held-out splits
        the first one stands as `train`."""
        if not {"eval", "test"} <= set(self.held_out):
            return (self,)
        first, other = self.held_out["eval"], {"test": self.held_out["test"]}
        return (self, replace(self, train=first, held_out=other, serving=None, previous=None))

    @property
    def others(self) -> dict[str, Table]:
        """Every table that is compared with train, by name."""
        rest = {"serving": self.serving, "previous": self.previous}
        return {**self.held_out, **{name: table for name, table in rest.items() if table is not None}}

    def comparable(self, other: Table, *kinds: ColumnKind) -> list[str]:
        """Features of these kinds that `other` holds in the same kind; TEXT and CATEGORY count as one."""
        text = {ColumnKind.TEXT, ColumnKind.CATEGORY}

        def same(train_kind: ColumnKind, other_kind: ColumnKind) -> bool:
            return train_kind is other_kind or {train_kind, other_kind} <= text

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
            Need.IMAGE: bool(self.features_of(ColumnKind.IMAGE)),
        }
        return next((need for need in needs if not there[need]), None)

    @cached_property
    def _units(self) -> dict[str, tuple[Unit, str | None, bool]]:
        found = {name: unit_of(self, table) for name, table in self.others.items()}
        by_row = {
            name: (Unit.ROW, None, False) if self._is_content(name, each) else each for name, each in found.items()
        }
        rows = [name for name, (unit, _, _) in by_row.items() if unit is Unit.ROW]
        if rows and self._draws_contents(by_row):
            return {**by_row, **dict.fromkeys(rows, (Unit.CONTENT, None, True))}
        return found

    def _is_content(self, name: str, found: tuple[Unit, str | None, bool]) -> bool:
        """Whether what looks like an entity is all that a row of a held-out table holds: then equal rows may have been
        kept together."""
        unit, column, is_declared = found
        if name not in self.held_out or unit is not Unit.ENTITY or is_declared:
            return False
        return content_of(self.train, self.held_out[name], self.label) == [column]

    def _draws_contents(self, units: Mapping[str, tuple[Unit, str | None, bool]]) -> bool:
        """Whether rows were drawn, equal ones together. Then train lacks whole contents that a serving log has."""
        by_row = {name: table for name, table in self.held_out.items() if units[name][0] is Unit.ROW}
        return keeps_equal_rows_together(self.train, by_row, self.label)

    def unit(self, other: Table) -> Unit:
        """The unit of sampling between train and `other`, declared or detected."""
        return self._units[other.name][0]

    def unit_column(self, other: Table) -> str | None:
        """The entity or time column that the two sides were split by."""
        return self._units[other.name][1]

    def is_unit_declared(self, other: Table) -> bool:
        """Whether the unit was declared; otherwise it was detected from the values."""
        return self._units[other.name][2]

    def groups(self, other: Table) -> tuple[Codes, Codes] | None:
        """Codes of what was drawn as a whole, an entity or equal rows, by train's and `other`'s rows; else None."""
        unit, column, _ = self._units[other.name]
        if unit is Unit.CONTENT:
            return content_codes(self.train, other, self.label)
        if unit is not Unit.ENTITY or column is None:
            return None
        train_codes, other_codes = joint_codes([self.train, other], [column])
        return train_codes, other_codes


def pair_name(train: Table, split: str) -> str:
    """The subject of a comparison: the held-out split, or both names where another table stands as `train`."""
    return split if train.name == "train" else f"{split} and {train.name}"


def present(values: Floats) -> Mask:
    """Rows with a value."""
    return ~np.isnan(values)


def held_out_with_label(data: Data) -> Iterator[tuple[str, Table]]:
    """Eval and test, if they have the label."""
    for name, table in data.held_out.items():
        if data.label and table.has(data.label):
            yield name, table
