"""The label for the checks: codes of classes, or the values of a regression."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gates.data.evidence import Data
from gates.tables.table import MISSING_CODE, Codes, ColumnKind, Floats, Mask, Table
from gates.verdict.catalogue import NotApplicable

# Whole numbers with more values than this are a quantity (age, year), unless the schema declares them categorical.
_MOST_WHOLE_CLASSES = 20
_FEWEST_ROWS = 30
_FEWEST_ROWS_A_CLASS = 3


@dataclass(frozen=True, eq=False)
class Target:
    """The label of each row of one table.

    Classification: `codes` into `classes`, -1 where the label is missing or, in another table, unknown to train.
    Regression: `values`, NaN where missing or infinite. The other of the two is empty. `present`: rows with a label.
    """

    name: str
    codes: Codes
    values: Floats
    classes: tuple[str, ...]
    present: Mask

    @property
    def is_regression(self) -> bool:
        """Whether the label is a quantity."""
        return not self.classes

    @property
    def rows(self) -> int:
        """Number of rows with a label."""
        return int(self.present.sum())


@lru_cache(maxsize=4)
def target_of(data: Data) -> Target:
    """Train's label. Classes when it is a text, a boolean or whole numbers with few values, else a quantity.

    Raises:
      NotApplicable: when it is missing, has one value only, or too few rows have it.
    """
    name, table = data.label, data.train
    if name is None or not table.has(name):
        raise NotApplicable("train does not hold the label" if name else "no label was named")
    kind = table.kinds[name]
    if kind not in (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.TEXT):
        raise NotApplicable(
            f"the label `{name}` holds {'no value' if kind is ColumnKind.EMPTY else 'no single values'}"
        )
    present = _present(table, name)
    rows = int(present.sum())
    if rows < _FEWEST_ROWS:
        raise NotApplicable(f"only {rows} rows of train have a label: at least {_FEWEST_ROWS} are needed")
    distinct = _distinct(table, name, present)
    if distinct < 2:
        raise NotApplicable(f"the label `{name}` has one value only")
    if _is_quantity(data, name, distinct, rows):
        values = np.where(present, table.numbers(name), np.nan)
        return Target(name, np.empty(0, np.int64), values, (), present)
    if distinct > max(_MOST_WHOLE_CLASSES, rows**0.5):
        raise NotApplicable(f"the label `{name}` has {distinct:,} values in {rows:,} rows: neither classes nor numbers")
    spelt, spellings = _spelt(table, name)
    kept = np.unique(spelt[present])
    codes = np.where(present, np.searchsorted(kept, spelt), MISSING_CODE)
    return Target(name, codes, np.empty(0), tuple(spellings[i] for i in kept), present)


def target_in(table: Table, target: Target) -> Target:
    """Another table's labels in the same coding; a class that train does not know is -1 there, and present.

    Raises:
      NotApplicable: when the table does not hold the label, or not as something comparable.
    """
    name = target.name
    kind = table.kinds.get(name)
    if (
        kind is ColumnKind.EMPTY
        or kind is None
        or kind not in (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.TEXT)
    ):
        raise NotApplicable(f"{table.name} does not hold the label `{name}`")
    present = _present(table, name)
    if target.is_regression:
        if kind is not ColumnKind.NUMBER:
            raise NotApplicable(f"the label `{name}` is a number in train, and none in {table.name}")
        return Target(name, np.empty(0, np.int64), np.where(present, table.numbers(name), np.nan), (), present)
    known = {value: code for code, value in enumerate(target.classes)}
    # Some files hold booleans and others 0 and 1.
    for as_text, as_number in (("false", "0"), ("true", "1")):
        if kind is ColumnKind.NUMBER and (as_text in known) != (as_number in known):
            known.setdefault(as_number, known.get(as_text, MISSING_CODE))
            known.setdefault(as_text, known.get(as_number, MISSING_CODE))
    spelt, values = _spelt(table, name)
    place = np.array([*(known.get(value, MISSING_CODE) for value in values), MISSING_CODE], dtype=np.int64)
    return Target(name, np.where(present, place[spelt], MISSING_CODE), np.empty(0), target.classes, present)


def _present(table: Table, name: str) -> Mask:
    if table.kinds[name] is ColumnKind.NUMBER:
        return np.isfinite(table.numbers(name))
    return ~table.missing(name)


def _distinct(table: Table, name: str, present: Mask) -> int:
    if table.kinds[name] is ColumnKind.NUMBER:
        return len(np.unique(table.numbers(name)[present]))
    return int(pc.count_distinct(table.arrow.column(name), mode="only_valid").as_py())


def _is_quantity(data: Data, name: str, distinct: int, rows: int) -> bool:
    table = data.train
    if table.kinds[name] is not ColumnKind.NUMBER or name in data.declared.categorical:
        return False
    if pa.types.is_boolean(table.arrow.column(name).type) or distinct == 2:
        return False
    values = table.numbers(name)
    whole = bool((np.isnan(values) | (np.floor(values) == values)).all())
    return not whole or distinct > _MOST_WHOLE_CLASSES or distinct * _FEWEST_ROWS_A_CLASS > rows


def _spelt(table: Table, name: str) -> tuple[Codes, list[str]]:
    """Codes into the label's values as text; numbers in the order of numbers, floats without a loop over rows."""
    if table.kinds[name] is not ColumnKind.NUMBER or pa.types.is_boolean(table.arrow.column(name).type):
        return table.codes(name)
    distinct, codes = np.unique(table.numbers(name), return_inverse=True)
    missing = np.isnan(distinct)[codes]
    return np.where(missing, MISSING_CODE, codes).astype(np.int64), [f"{value:.15g}" for value in distinct]
