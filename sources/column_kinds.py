"""What the columns of one file are, learnt batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from core.errors import SluiceError
from sources.kinds import Kind, kind_of_texts, texts_are_whole
from sources.reading import Reading
from sources.rejects import Reject
from sources.rows import Rows
from sources.typed import cannot_be_held, is_list, kind_of_type, values_are_whole
from sources.why_text import WhyText


@dataclass
class ColumnKinds:
    """The kind of each column so far, in the order in which they were seen.

    `row` is what a sentence calls a row; `mixes_numbers`: whole and decimal numbers may stand in one column; `ints`:
    columns to check for floats that are whole numbers only. `unheld`: columns of a type that no
    tf.Example can hold. `why_text`: of columns that are read from text, what makes text of them. `empty`: no row was
    added, not even one that cannot be read.
    """

    path: str
    row: str = "row"
    mixes_numbers: bool = True
    ints: frozenset[str] = frozenset()
    kinds: dict[str, Kind] = field(default_factory=dict)
    unheld: dict[str, pa.DataType] = field(default_factory=dict)
    why_text: dict[str, WhyText] = field(default_factory=dict)
    first_reject: Reject | None = None
    empty: bool = True
    _lists: dict[str, bool] = field(default_factory=dict)
    _fractional: set[str] = field(default_factory=set)

    def add(self, rows: Rows) -> None:
        """Goes on with these rows.

        Raises:
          SluiceError: when a typed column is of another type than before.
        """
        self.empty = self.empty and not rows.columns.num_rows and not rows.rejects
        self.first_reject = self.first_reject or next(iter(rows.rejects), None)
        for name, column in zip(rows.columns.schema.names, rows.columns.columns, strict=True):
            if rows.typed:
                self._add_typed(name, column)
            else:
                self._add_text(name, column, rows)

    def held(self, reading: Reading) -> dict[str, Kind]:
        """The kinds of all columns.

        Raises:
          SluiceError: when no tf.Example can hold one of them.
        """
        if self.unheld:
            raise cannot_be_held(self.path, self.unheld, reading)
        return self.kinds

    @property
    def whole(self) -> frozenset[str]:
        """Of the requested columns those that are float and hold whole numbers only."""
        return frozenset(name for name in self.ints - self._fractional if self.kinds.get(name) is Kind.FLOAT)

    def _add_text(self, name: str, column: pa.StringArray, rows: Rows) -> None:
        texts = rows.number_text(column)
        kind = self.kinds[name] = kind_of_texts(texts, self.kinds.get(name, Kind.NONE))
        why = self.why_text.setdefault(name, WhyText())
        if kind is Kind.BYTES:
            why.add(texts, rows.form is None)
        else:
            why.add_numbers(column)
        if kind is Kind.FLOAT and name in self.ints - self._fractional and not texts_are_whole(texts):
            self._fractional.add(name)

    def _add_typed(self, name: str, column: pa.Array) -> None:
        so_far = self.kinds.setdefault(name, Kind.NONE)
        if column.null_count == len(column):
            return
        kind = kind_of_type(column.type)
        if kind is None:
            self.unheld.setdefault(name, column.type)
            self._refuse_if(so_far is not Kind.NONE, name)
            return
        self._refuse_if(name in self.unheld or self._differ(so_far, kind), name)
        if kind is not Kind.NONE:
            self._refuse_if(self._lists.setdefault(name, is_list(column.type)) is not is_list(column.type), name)
        self.kinds[name] = max(so_far, kind)
        if kind is Kind.FLOAT and name in self.ints - self._fractional and not values_are_whole(column):
            self._fractional.add(name)

    def _differ(self, one: Kind, other: Kind) -> bool:
        if Kind.NONE in (one, other) or one is other:
            return False
        return not self.mixes_numbers or Kind.BYTES in (one, other)

    def _refuse_if(self, differs: bool, name: str) -> None:
        if differs:
            raise SluiceError(
                f"{self.path}: `{name}` is of different types in different {self.row}s.",
                f"Look:  python -m gates describe --data {self.path}",
            )
