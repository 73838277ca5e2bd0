"""The share of values that train never had, against the Good-Turing estimate."""

from __future__ import annotations

import numpy as np

from gates.data.skew import evidence
from gates.data.skew.comparison import TableComparison
from gates.data.skew.windows import RowNumbers
from gates.data.units import Unit
from gates.statistics.distances import Z_99, Distance, good_turing_p
from gates.tables.cell_text import number_texts
from gates.tables.table import Codes, ColumnKind, Floats, joint_categories
from gates.verdict.finding import Chart, Severity
from gates.verdict.measurement import Measurement

# A column of whole numbers with more values is a quantity, which `value_range` judges.
_MOST_VALUES = 50
# Its values must repeat for its domain to be known.
_ROWS_A_VALUE = 5


def domain_of(pair: TableComparison, column: str) -> Floats | None:
    """The values of a number column with few values, all whole; None for a quantity."""
    ordered = pair.sorted(pair.train, column)
    if not len(ordered):
        return None
    values = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    few = len(values) <= min(_MOST_VALUES, len(ordered) / _ROWS_A_VALUE)
    return values if few and np.isfinite(values).all() and (values == np.rint(values)).all() else None


def of_unseen(pair: TableComparison, column: str, margin: float) -> Measurement:
    """The share of rows with a value that the reference never had; the reference is train, or an older previous span.

    The expected share is that of values with a single row (N1/N), or with a single entity where entities were drawn.
    """
    train_codes, other_codes, names = _codes_of(pair, column)
    older_codes, newer_codes, groups = train_codes, other_codes, pair.groups
    known_rows, new_rows = older_codes >= 0, newer_codes >= 0
    if pair.other.name == "previous":
        older_codes, newer_codes, known_rows, new_rows = newer_codes, older_codes, new_rows, known_rows
        groups = None if groups is None else (groups[1], groups[0])
    known, other = older_codes[known_rows], newer_codes[new_rows]
    older, newer = ("previous", "train") if pair.other.name == "previous" else ("train", pair.other.name)
    subject = f" of {newer}" if older == "previous" else ""
    owners = np.arange(len(known)) if groups is None else groups[0][known_rows]
    spread = _owners_of(known, owners, len(names))
    counts = np.bincount(known, minlength=len(names))
    is_new, is_single = counts[other] == 0, spread[known] == 1
    share, expected = float(is_new.mean()), float(is_single.mean())
    # `effective_rows` expects train's side first, as the groups of the pair are.
    sides = (is_single, is_new, known_rows, new_rows) if older == "train" else (is_new, is_single, new_rows, known_rows)
    effective = pair.effective_rows(sides[0].astype(float), sides[1].astype(float), sides[2], sides[3])
    by_entity = pair.entity_p(*sides)
    rows_known, rows_other = effective if older == "train" else effective[::-1]
    twice = float((spread == 2).sum()) if groups is None else 0.0
    p_value = good_turing_p(share, rows_other, float(is_single.sum()), twice, float(len(known)), rows_known)
    upper = min(1.0, share + Z_99 * float(np.sqrt((share * rows_other + 1) / (rows_other + 2) / rows_other)))
    unseen = np.bincount(other[is_new], minlength=len(names))
    text = _text(column, newer, older, names, counts, unseen, share, expected)
    effect = max(0.0, share - expected)
    return pair.measured(
        column,
        f"share of {newer} with a value that {older} never had, beyond the {expected:.2%} expected",
        Distance(effect, p_value, max(0.0, upper - expected)),
        margin,
        text=text,
        where=subject,
        n=len(other),
        effective_rows=rows_other,
        by_entity=by_entity,
        remedy=f"Write `{column}` as {older} has it, or train on rows that hold the new values.",
        in_windows=lambda earlier, later: _new_mass(older_codes, earlier, later) if older == "train" else 1.0,
        chart=lambda: _chart(pair, column, names, train_codes, other_codes, unseen),
    )


def of_split_column(pair: TableComparison) -> Measurement | None:
    """A text column in which the two sides share no value, without a declared split by it: it warns."""
    column = pair.column
    if (
        pair.unit is not Unit.ENTITY
        or pair.is_declared
        or column is None
        or pair.train.kinds[column] is ColumnKind.NUMBER
    ):
        return None
    return Measurement(
        f"{column} in {pair.other.name}",
        "share of rows with a value that train never had",
        1.0,
        pair.other.rows,
        f"No value of `{column}` in {pair.other.name} occurs in train, which suggests a split by `{column}`.",
        f"Declare `{column}` as the entity key if it was split by it; else its vocabulary was changed.",
        at_most=Severity.WARN,
        column=column,
    )


def _codes_of(pair: TableComparison, column: str) -> tuple[Codes, Codes, list[str]]:
    domain = domain_of(pair, column) if pair.train.kinds[column] is ColumnKind.NUMBER else None
    if domain is None:
        (train_codes, other_codes), names = joint_categories([pair.train, pair.other], column)
        return train_codes, other_codes, names
    values = np.unique(np.concatenate([domain, pair.sorted(pair.other, column)]))
    train_codes, other_codes = (_places(table.numbers(column), values) for table in (pair.train, pair.other))
    return train_codes, other_codes, number_texts(values)


def _places(numbers: Floats, values: Floats) -> Codes:
    return np.where(np.isnan(numbers), -1, np.searchsorted(values, numbers)).astype(np.int64)


def _owners_of(codes: Codes, owners: Codes, count: int) -> Codes:
    """The number of different owners of each code."""
    several = int(owners.max(initial=0)) + 1
    return np.bincount(np.unique(codes * several + owners) // several, minlength=count)


def _new_mass(codes: Codes, earlier: RowNumbers, later: RowNumbers) -> float:
    known = np.bincount(codes[earlier][codes[earlier] >= 0], minlength=int(codes.max()) + 1)
    found = codes[later][codes[later] >= 0]
    return float((known[found] == 0).mean()) if len(found) else 0.0


def _text(
    column: str, newer: str, older: str, names: list[str], counts: Codes, unseen: Codes, share: float, expected: float
) -> str:
    most = [names[i] for i in np.argsort(-unseen, kind="stable")[:3] if unseen[i]]
    such = ", ".join(f"`{name}`" for name in most)
    known = {names[i].casefold().strip() for i in np.flatnonzero(counts)}
    respelt = sum(int(unseen[i]) for i in np.flatnonzero(unseen) if names[i].casefold().strip() in known)
    spelling = (
        " They differ only in upper and lower case or spaces from values that it has."
        if (respelt > 0.5 * unseen.sum() > 0)
        else ""
    )
    return (
        f"{share:.1%} of the rows of {newer} have a value in `{column}` that {older} never had, such as {such}, where "
        f"{expected:.1%} would be expected.{spelling}"
    )


def _chart(
    pair: TableComparison, column: str, names: list[str], train_codes: Codes, other_codes: Codes, unseen: Codes
) -> Chart:
    shares = [evidence.shares_of(codes, len(names)) for codes in (train_codes, other_codes)]
    marked = names[int(np.argmax(unseen))]
    return evidence.of_values(f"share of rows by {column}", pair.other.name, names, shares[0], shares[1], marked)
