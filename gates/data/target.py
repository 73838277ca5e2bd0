"""The label for the checks: codes of classes, or the values of a quantity.

What is declared decides: `label_kind`, names of classes, a categorical column of the schema. Without a declaration text
and booleans are classes, and fractions a quantity; whole numbers are classes when they are few, or when they number
classes: from 0 or 1 on without a gap, each in enough rows, and neither rare at the ends nor as smooth as the histogram
of a quantity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gates.data.evidence import Data
from gates.tables.cell_text import number_texts
from gates.tables.table import MISSING_CODE, Codes, ColumnKind, Floats, Mask, Table
from gates.verdict.catalogue import NotApplicable

# Whole numbers with more values than this are a quantity (age, year), unless they are declared, or number classes.
_MOST_WHOLE_CLASSES = 20
_FEWEST_ROWS = 30
_FEWEST_ROWS_A_CLASS = 3
# Whole numbers that number classes: each has this many rows, and at least this part of an even share.
_FEWEST_ROWS_A_NUMBER, _EVEN = 10, 0.25
# Von Neumann's ratio (1941) of the logarithms of the counts: 2 in any order, near 0 in the order of a quantity.
_ANY_ORDER = 1.0
# Above this many values a remark that a quantity may be classes is of no use.
_MOST_REMARKED = 1_000


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
    """Train's label: classes or a quantity, as declared, else by its values.

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
    present = labelled(table, name)
    rows = int(present.sum())
    if rows < _FEWEST_ROWS:
        raise NotApplicable(f"only {rows} rows of train have a label: at least {_FEWEST_ROWS} are needed")
    distinct = _distinct(table, name, present)
    if distinct < 2:
        raise NotApplicable(f"the label `{name}` has one value only")
    if _is_quantity(data, name, distinct, rows):
        values = np.where(present, table.numbers(name), np.nan)
        return Target(name, np.empty(0, np.int64), values, (), present)
    if not _is_declared(data) and distinct > max(_MOST_WHOLE_CLASSES, rows / _FEWEST_ROWS_A_CLASS):
        raise NotApplicable(f"the label `{name}` has {distinct:,} values in {rows:,} rows: neither classes nor numbers")
    spelt, spellings = spelt_classes(table, name)
    kept = np.unique(spelt[present])
    codes = np.where(present, np.searchsorted(kept, spelt), MISSING_CODE)
    return Target(name, codes, np.empty(0), tuple(spellings[i] for i in kept), present)


def remarks_on_label(data: Data) -> list[str]:
    """How whole numbers with many values were judged where nothing declares it, and what would change it."""
    declared = data.declared
    if _is_declared(data) or declared.label_kind is not None:
        return []
    try:
        target = target_of(data)
    except NotApplicable:
        return []
    name = target.name
    if data.train.kinds[name] is not ColumnKind.NUMBER:
        return []
    if not target.is_regression:
        few = len(target.classes) <= _MOST_WHOLE_CLASSES
        return [] if few else [_remark(name, len(target.classes), "classes", "they measure something", "quantity")]
    values = target.values[target.present]
    distinct = len(np.unique(values))
    if distinct > _MOST_REMARKED or distinct * _FEWEST_ROWS_A_CLASS > len(values) or (values != np.floor(values)).any():
        return []
    return [_remark(name, distinct, "a quantity", "they are classes", "classes")]


def _remark(name: str, distinct: int, judged: str, if_: str, kind: str) -> str:
    return f"`{name}`, {distinct:,} whole numbers, is judged as {judged}. If {if_}:  --label-kind {kind}"


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
    present = labelled(table, name)
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
    spelt, values = spelt_classes(table, name)
    place = np.array([*(known.get(value, MISSING_CODE) for value in values), MISSING_CODE], dtype=np.int64)
    return Target(name, np.where(present, place[spelt], MISSING_CODE), np.empty(0), target.classes, present)


def labelled(table: Table, name: str) -> Mask:
    """Rows with a label."""
    if table.kinds[name] is ColumnKind.NUMBER:
        return np.isfinite(table.numbers(name))
    return ~table.missing(name)


def _distinct(table: Table, name: str, present: Mask) -> int:
    if table.kinds[name] is ColumnKind.NUMBER:
        return len(np.unique(table.numbers(name)[present]))
    return int(pc.count_distinct(table.arrow.column(name), mode="only_valid").as_py())


def _is_quantity(data: Data, name: str, distinct: int, rows: int) -> bool:
    table = data.train
    if table.kinds[name] is not ColumnKind.NUMBER or _is_declared(data):
        return False
    if data.declared.label_kind == "quantity":
        return True
    if pa.types.is_boolean(table.arrow.column(name).type) or distinct == 2:
        return False
    values = table.numbers(name)
    whole = bool((np.isnan(values) | (np.floor(values) == values)).all())
    if not whole or distinct * _FEWEST_ROWS_A_CLASS > rows:
        return True
    return distinct > _MOST_WHOLE_CLASSES and not _number_classes(values[np.isfinite(values)])


def _is_declared(data: Data) -> bool:
    """Whether the label is declared to be classes."""
    declared = data.declared
    return declared.label_kind == "classes" or bool(declared.class_names) or declared.label in declared.categorical


def _number_classes(values: Floats) -> bool:
    """Whether whole numbers with many values number classes instead of measuring something.

    A quantity (an age, a count) is rare at its ends, and the counts of neighbouring values are alike. Numbers of
    classes have about even shares, or rare ones in any place.
    """
    first, last = int(values.min()), int(values.max())
    if first not in (0, 1) or last - first >= len(values):
        return False
    counts = np.bincount(values.astype(np.int64) - first)
    if counts.min() < _FEWEST_ROWS_A_NUMBER:
        return False
    logs = np.log(counts)
    spread = float(((logs - logs.mean()) ** 2).sum())
    in_any_order = spread > 0 and float((np.diff(logs) ** 2).sum()) / spread > _ANY_ORDER
    return in_any_order or bool(counts.min() >= _EVEN * counts.mean())


def spelt_classes(table: Table, name: str) -> tuple[Codes, list[str]]:
    """Codes into the label's values as text; numbers in the order of numbers, floats without a loop over rows."""
    if table.kinds[name] is not ColumnKind.NUMBER or pa.types.is_boolean(table.arrow.column(name).type):
        return table.codes(name)
    distinct, codes = np.unique(table.numbers(name), return_inverse=True)
    missing = np.isnan(distinct)[codes]
    return np.where(missing, MISSING_CODE, codes).astype(np.int64), number_texts(distinct)
