"""Whether train has rows of every class that a model of it is to tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from core.text import counted, listed, shortened
from gates.data.evidence import Data
from gates.data.target import labelled, spelt_classes, target_of
from gates.tables.table import ColumnKind, Table
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Severity
from gates.verdict.measurement import Measurement

_KINDS = (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.TEXT)
# The checks of leakage need so many rows of a class and as many of the others.
_FEWEST_ROWS = 10
_NAMED = 5
_REMEDY = (
    "Add rows of every class to train, or change the split (`split.by`, `split.salt`, its weights); a class that "
    "cannot occur is to be taken out of `data.class_names`."
)


@check(
    gate=Gate.DATA,
    group="labels",
    catches="a class without any row in train; a label with one value",
    statistic="classes of which train has no row",
    margin=0.0,
    rule="blocks where train holds one class, or lacks a declared class of which another table has rows; warns where "
    "no table has any, where all classes but one have fewer than 10 rows, or where eval or test holds one class",
    source="Kapoor & Narayanan 2023, L3; He & Garcia 2009, Learning from Imbalanced Data",
    needs=(Need.LABEL,),
    tier=1,
)
def classes_in_train(data: Data, _margin: float) -> Iterator[Measurement]:
    """Facts about the rows, without a test: nothing is learnt of a class without rows, and nothing can be measured in a
    table of one class. A class that nobody declared and that another table holds is judged by `label_shift`."""
    name, table = data.label, data.train
    if name is None or not table.has(name) or table.kinds[name] not in _KINDS:
        raise NotApplicable("train does not hold the label as single values")
    if labelled(table, name).sum() < 2:
        raise NotApplicable("fewer than two rows of train have a label")
    if _is_quantity(data):
        yield _quantity(name, table)
        return
    rows = _rows_by_class(table, name)
    elsewhere = {each.name: _rows_by_class(each, name) for each in data.others.values() if _holds(each, name)}
    lacking = _lacking(data, rows, elsewhere)
    yield _judged(data, rows, elsewhere, lacking)
    if len(rows) > 1 and not lacking:
        yield from _of_one_class(data, elsewhere)


def _is_quantity(data: Data) -> bool:
    try:
        return target_of(data).is_regression
    except NotApplicable:
        return False


def _holds(table: Table, name: str) -> bool:
    return table.has(name) and table.kinds[name] in _KINDS


def _rows_by_class(table: Table, name: str) -> dict[str, int]:
    """The rows of each class, by its text."""
    codes, texts = spelt_classes(table, name)
    counts = np.bincount(codes[labelled(table, name)], minlength=len(texts))
    return {texts[i]: int(counts[i]) for i in np.flatnonzero(counts)}


def _lacking(data: Data, rows: Mapping[str, int], elsewhere: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Declared classes without a row in train; of a label with one value all others that are known."""
    declared, kind = data.declared, data.train.kinds[data.label or ""]
    boolean = pa.types.is_boolean(data.train.arrow.column(data.label or "").type)
    if boolean:
        expected = ["false", "true"] if declared.classes == 2 or len(declared.class_names) == 2 else []
    elif kind is ColumnKind.NUMBER:
        expected = [str(code) for code in range(max(declared.classes, len(declared.class_names)))]
    else:
        expected = list(declared.class_names)
    others = sorted({each for table in elsewhere.values() for each in table}) if len(rows) < 2 else []
    return [each for each in dict.fromkeys([*expected, *others]) if each not in rows]


def _judged(
    data: Data, rows: Mapping[str, int], elsewhere: Mapping[str, Mapping[str, int]], lacking: list[str]
) -> Measurement:
    total, called = sum(rows.values()), data.declared.called
    rare = [each for each in rows if rows[each] < _FEWEST_ROWS]
    seen = [each for each in lacking if any(each in table for table in elsewhere.values())]
    blocks = len(rows) < 2 or bool(seen)
    has_few = len(rows) - len(rare) < 2
    if len(rows) < 2 and not lacking:
        text = (
            f"`{data.label}` is `{called(next(iter(rows), ''))}` in all {total:,} rows of train: nothing can be learnt."
        )
    elif lacking:
        named = [f"`{called(each)}` ({_places(each, elsewhere)})" for each in lacking]
        text = f"Of {total:,} rows of train none is of class {shortened(named, _NAMED)}: nothing can be learnt of it."
    elif has_few:
        named = [f"`{called(each)}` ({counted(rows[each], 'row')})" for each in rare]
        text = (
            f"Train has too few rows of class {shortened(named, _NAMED)} to learn it, and too few to look for leaks of "
            f"the label: {_FEWEST_ROWS} are needed."
        )
    else:
        text = (
            f"Train has rows of {'every one of its' if not data.declared.class_names else 'all'} {len(rows):,} classes."
        )
    return Measurement(
        subject="train",
        column=data.label,
        statistic="classes of which train has no row",
        value=float(len(lacking)) if lacking else float(len(rows) < 2),
        n=total,
        beyond=blocks or bool(lacking) or has_few,
        at_most=Severity.BLOCK if blocks else Severity.WARN,
        reason=text,
        remedy=_REMEDY,
    )


def _places(each: str, elsewhere: Mapping[str, Mapping[str, int]]) -> str:
    found = [f"{counted(table[each], 'row')} in {name}" for name, table in elsewhere.items() if each in table]
    return listed(found) if found else "nor in any other table"


def _of_one_class(data: Data, elsewhere: Mapping[str, Mapping[str, int]]) -> Iterator[Measurement]:
    """Held-out tables that cannot tell a good model from a bad one."""
    for split in data.held_out:
        rows = elsewhere.get(split, {})
        if len(rows) != 1:
            continue
        (only, count), *_ = rows.items()
        yield Measurement(
            subject=split,
            column=data.label,
            statistic="classes in the table",
            value=1.0,
            n=count,
            beyond=True,
            at_most=Severity.WARN,
            reason=f"All {count:,} rows of {split} are of class `{data.declared.called(only)}`: they cannot tell a "
            "good model from a bad one.",
            remedy=f"Give {split} more rows, or change the split (`split.by`, `split.salt`, its weights).",
        )


def _quantity(name: str, table: Table) -> Measurement:
    rows = int(labelled(table, name).sum())
    return Measurement(
        subject="train",
        column=name,
        statistic="classes of which train has no row",
        value=0.0,
        n=rows,
        beyond=False,
        reason=f"`{name}` is a quantity, with more than one value in {rows:,} rows of train.",
    )
