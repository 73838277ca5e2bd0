"""Slices of test and their names, written and parsed. measure.py measures them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# In a limit: every value of a column, or every class.
EVERY = "*"
_ALL_ROWS = "overall"
_CLASS = "class "
# A value may hold a comma of its own ("Taxi, Inc."), so a new column starts only where a `column=` follows.
_NEXT_COLUMN = re.compile(r", (?=[^=,]+=)")


@dataclass(frozen=True)
class Slice:
    """Rows of test: all of them, those with given values in given columns, or those of one class.

    With EVERY for a value or for the class it stands for several slices, as limits do.
    """

    values: tuple[tuple[str, str], ...] = ()  # (column, value), the columns in alphabetical order
    class_name: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Slice:
        """The rows with these values by column; all rows when there are none."""
        return cls(tuple((column, str(values[column])) for column in sorted(values)))

    @classmethod
    def of_class(cls, name: object) -> Slice:
        """The rows of one class."""
        return cls(class_name=str(name))

    @classmethod
    def parse(cls, name: str) -> Slice:
        """The inverse of `name`. A value that holds `, column=` itself is read as two columns."""
        if name == _ALL_ROWS:
            return cls()
        if name.startswith(_CLASS) and "=" not in name:
            return cls(class_name=name.removeprefix(_CLASS))
        pairs = (piece.partition("=") for piece in _NEXT_COLUMN.split(name))
        return cls(tuple((column, value) for column, _, value in pairs))

    def to_json(self) -> dict[str, Any]:
        """As `evaluation.json` holds it."""
        return {"values": dict(self.values), "class": self.class_name}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any] | str) -> Slice:
        """The inverse of `to_json`; evaluations of earlier versions hold the name."""
        if isinstance(plain, str):
            return cls.parse(plain)
        return cls(tuple(plain["values"].items()), plain["class"])

    @property
    def name(self) -> str:
        """`overall`, `company=Flash Cab, trip_start_hour=9` or `class Pullover`: its one name everywhere."""
        if self.class_name is not None:
            return f"{_CLASS}{self.class_name}"
        return ", ".join(f"{column}={value}" for column, value in self.values) or _ALL_ROWS

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that define it; none for all rows and for a class."""
        return tuple(column for column, _ in self.values)

    def covers(self, other: Slice) -> bool:
        """Whether a limit on this slice applies to the other one."""
        if self.class_name is not None or other.class_name is not None:
            return other.class_name is not None and self.class_name in (EVERY, other.class_name)
        return self.columns == other.columns and all(
            wanted in (EVERY, given) for (_, wanted), (_, given) in zip(self.values, other.values, strict=True)
        )


OVERALL = Slice()
