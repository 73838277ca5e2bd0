"""Finds a key of persons, machines or cases that nobody declared and whose rows were assigned one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from scipy import stats

from core.text import shortened
from gates.data.evidence import Data
from gates.data.units import Unit
from gates.statistics.sampling import drawn
from gates.tables.table import Codes, ColumnKind, Floats, Table
from gates.verdict.catalogue import Gate, Need, NotApplicable, NothingToJudge, check
from gates.verdict.finding import Severity
from gates.verdict.measurement import Measurement

# A key has many values, each in a few rows; a category has many rows a value.
_FEWEST_VALUES, _FEWEST_ROWS_A_VALUE, _MOST_ROWS_A_VALUE = 20, 1.5, 100.0
# Most held-out rows have a value that train has: with fewer the split may be by this key.
_SHARED = 0.5
# A column is held by a value when two of its rows agree this much more than any two rows, of 1.
_HELD, _FEWEST_HELD = 0.8, 2
# The next larger number of a quantity is in rows that are alike, too; the next number of a key is anyone.
_OF_A_QUANTITY = 0.5
# Rows of one flight number are alike and one is late as often as another: what says nothing of the label tells nothing.
_OF_THE_LABEL = 0.1
_MOST_VALUES, _MOST_KEYS, _MOST_COLUMNS = 4_000, 20, 200
_KINDS = (ColumnKind.NUMBER, ColumnKind.CATEGORY)
# P-0012, 7f3a…, a UUID: codes, and no words.
_CODE = r"^([A-Za-z]{0,8}[-_#/ ]?\d+|[0-9a-fA-F-]*\d[0-9a-fA-F-]*)$"
_MOSTLY = 0.98
_NAMED = re.compile(
    r"(^|[_\W])(id|ids|key|uuid|guid|nr|no|num|number|code|person|patient|subject|customer|client|user|member|player|"
    r"student|driver|device|machine|household|family|firm|company_id)$|[a-z](Id|ID|Key|No|Nr)$",
    re.ASCII | re.IGNORECASE,
)


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="persons or machines with several rows, assigned row by row, whose key nobody declared",
    statistic="median agreement of the other columns within a value of the key, beyond that of any two rows",
    margin=0.4,
    rule="a warning that proposes the key: 20 values or more with 1.5 to 100 rows each, most held-out rows with a "
    "value of train's, two columns that a value holds (0.8) and half of all above the margin; numbers whose neighbours "
    "are alike are quantities; texts must be codes, and the label must agree by 0.1, unless the column is named as a "
    "key",
    source="Kapoor & Narayanan 2023, L3.2; agreement beyond chance: Cohen 1960, of ranks for numbers",
    needs=(Need.HELD_OUT,),
)
def undeclared_entity(data: Data, margin: float) -> Iterator[Measurement]:
    """The strongest key, if any. Not where the split is by entity or by time: there entities are kept apart, or return
    as they will when the model is used."""
    if data.declared.entity is not None:
        raise NothingToJudge("an entity key is declared")
    if data.declared.split_by not in (None, "row"):
        raise NothingToJudge(f"the split is declared to be by {data.declared.split_by} (`split.by`)")
    others = [t for t in data.held_out.values() if t.rows and data.unit(t) not in (Unit.ENTITY, Unit.TIME)]
    if not others or data.train.rows < _FEWEST_VALUES:
        raise NotApplicable("no held-out split was assigned row by row")
    columns = [name for name in data.train.columns if data.train.kinds[name] in _KINDS and name != data.label]
    keys = [key for name in columns if (key := _Key.of(data, name)) is not None]
    keys = [key for key in keys if key.most_shared(others) >= _SHARED]
    keys.sort(key=lambda key: (not key.is_named, -len(key.values), key.name))
    for key in keys[:_MOST_KEYS]:
        agreements = _agreements(data, key, columns)
        if _is_proposed(data, key, agreements, margin):
            yield _measured(data, key, agreements, others)
            return
    if not keys:
        raise NothingToJudge("no column repeats as a key would")


@dataclass(frozen=True, eq=False)
class _Key:
    """A column that may be a key: its values, and the code of each row of train."""

    name: str
    values: tuple[str, ...] | Floats
    codes: Codes  # -1 where missing
    is_named: bool

    @classmethod
    def of(cls, data: Data, name: str) -> _Key | None:
        """None when it is a fraction, has too few or too many values, or words for values."""
        table, is_named = data.train, _NAMED.search(name) is not None
        if name == data.declared.time:
            return None
        values: tuple[str, ...] | Floats
        if table.kinds[name] is ColumnKind.NUMBER:
            numbers = table.numbers(name)
            present = ~np.isnan(numbers)
            few = numbers[present][:_MOST_VALUES]
            if not (np.isfinite(few).all() and (few == np.rint(few)).all()):
                return None
            values, places = np.unique(numbers[present], return_inverse=True)
            codes = np.full(table.rows, -1, np.int64)
            codes[present] = places
        else:
            codes, texts = table.codes(name)
            values = tuple(texts)
            if not is_named and not _are_codes(table, name):
                return None
        rows = int((codes >= 0).sum())
        fits = _FEWEST_ROWS_A_VALUE <= rows / max(len(values), 1) <= _MOST_ROWS_A_VALUE
        return cls(name, values, codes, is_named) if fits and len(values) >= _FEWEST_VALUES else None

    def most_shared(self, others: list[Table]) -> float:
        """The largest share of another table's rows whose value train has."""
        return max((self.shared(other) for other in others), default=0.0)

    def shared(self, other: Table) -> float:
        """The share of another table's rows whose value train has."""
        if not other.has(self.name):
            return 0.0
        if isinstance(self.values, tuple):
            codes, values = other.codes(self.name)
            of_train = set(self.values)
            known = np.array([*(value in of_train for value in values), False])
            return float(known[codes].mean())
        if not other.has(self.name, ColumnKind.NUMBER):
            return 0.0
        return float(np.isin(other.numbers(self.name), self.values).mean())


def _are_codes(table: Table, name: str) -> bool:
    matched = pc.mean(pc.match_substring_regex(table.arrow.column(name).drop_null(), _CODE)).as_py()
    return matched is not None and matched >= _MOSTLY


def _agreements(data: Data, key: _Key, columns: list[str]) -> dict[str, float]:
    """By column, how much two rows of one value agree beyond any two rows: 0 for not at all, 1 for always."""
    rng = np.random.default_rng(data.seed)
    kept = drawn(np.arange(len(key.values)), _MOST_VALUES, data.seed)
    # In any order but that of the table, which is by content: neighbours there are alike.
    rows = rng.permutation(np.flatnonzero(np.isin(key.codes, kept)))
    rows = rows[np.argsort(key.codes[rows], kind="stable")]
    pairs = key.codes[rows[:-1]] == key.codes[rows[1:]]
    first, second = rows[:-1][pairs], rows[1:][pairs]
    names = [name for name in columns if name != key.name][:_MOST_COLUMNS]
    label = [data.label] if data.label and data.train.kinds.get(data.label) in _KINDS else []
    return _agreements_of(data.train, first, second, [*names, *label], rng, key)


def _agreements_of(
    table: Table, first: Codes, second: Codes, columns: list[str], rng: np.random.Generator, key: _Key
) -> dict[str, float]:
    found = {}
    for name in columns:
        scores = _scores(table, name)
        if _is_renamed(scores, key):
            continue
        both = ~np.isnan(scores[first]) & ~np.isnan(scores[second])
        if both.sum() < len(first) / 2:
            continue
        a, b = scores[first[both]], scores[second[both]]
        shuffled = rng.permutation(b)
        if table.kinds[name] is ColumnKind.NUMBER:
            own, any_two = np.abs(a - b).mean(), np.abs(a - shuffled).mean()
        else:
            own, any_two = (a != b).mean(), (a != shuffled).mean()
        if any_two > 0:
            found[name] = float(1 - own / any_two)
    return found


def _scores(table: Table, name: str) -> Floats:
    """Ranks of numbers, codes of categories; NaN where missing."""
    if table.kinds[name] is ColumnKind.NUMBER:
        return np.asarray(stats.rankdata(table.numbers(name), nan_policy="omit"))
    codes = table.codes(name)[0]
    return np.where(codes < 0, np.nan, codes.astype(np.float64))


def _is_renamed(scores: Floats, key: _Key) -> bool:
    """Whether a column is the key under another name, and so no evidence for it."""
    present = ~np.isnan(scores) & (key.codes >= 0)
    distinct = len(np.unique(scores[present]))
    if distinct != len(key.values):
        return False
    return len(np.unique(np.column_stack([scores[present], key.codes[present]]), axis=0)) == distinct


def _is_proposed(data: Data, key: _Key, agreements: dict[str, float], margin: float) -> bool:
    if len(_held(data, agreements)) < _FEWEST_HELD or _median(agreements) <= margin:
        return False
    if not key.is_named and agreements.get(data.label or "", 1.0) < _OF_THE_LABEL:
        return False
    return isinstance(key.values, tuple) or not _is_quantity(data, key, agreements)


def _held(data: Data, agreements: dict[str, float]) -> list[str]:
    """The columns that hardly change within a value of the key, those that change least first; without the label."""
    held = [name for name, each in agreements.items() if each >= _HELD and name != data.label]
    return sorted(held, key=lambda name: -agreements[name])


def _is_quantity(data: Data, key: _Key, agreements: dict[str, float]) -> bool:
    """Whether rows of one number and of the next larger one agree about as much as rows of one number."""
    rng = np.random.default_rng(data.seed)
    rows = rng.permutation(np.flatnonzero(key.codes >= 0))
    _, places = np.unique(key.codes[rows], return_index=True)
    one_each = rows[places]
    nearby = _agreements_of(data.train, one_each[:-1], one_each[1:], list(agreements), rng, key)
    return _median(nearby) >= _OF_A_QUANTITY * _median(agreements)


def _median(agreements: dict[str, float]) -> float:
    return float(np.median(list(agreements.values()))) if agreements else 0.0


def _measured(data: Data, key: _Key, agreements: dict[str, float], others: list[Table]) -> Measurement:
    name, value = key.name, _median(agreements)
    split = max(others, key=key.shared)
    columns = shortened([f"`{each}`" for each in _held(data, agreements)], 4)
    return Measurement(
        subject=name,
        statistic="median agreement of the other columns within a value of the key, beyond that of any two rows",
        value=value,
        n=data.train.rows,
        at_most=Severity.WARN,
        column=name,
        reason=f"`{name}` has {len(key.values):,} values in {data.train.rows:,} rows of train, and "
        f"{key.shared(split):.1%} of the rows of {split.name} have a value that train has. Rows of one value agree: "
        f"{columns} hardly change within one (median agreement of all columns {value:.2f}). If it names a person, a "
        f"machine or a case, {split.name} measures how well the model recognises it.",
        remedy=f"Declare it:  --entity {name}  (`data.entity_key: {name}` with `split.by: entity` in a configuration). "
        "If its rows are independent of each other, take this check out "
        "(`gates.checks.undeclared_entity.enabled: false`).",
    )
