"""Whether serving computes the same values as training for an event: the rows are joined on their key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.text import listed
from gates.data.evidence import Data
from gates.tables.cell_text import cell_texts
from gates.tables.table import Codes, ColumnKind, Mask, Table, joint_categories
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart, RowSample
from gates.verdict.measurement import Measurement

RowNumbers = NDArray[np.intp]

_TOLERANCE = 1e-6
_MATCHED = 0.95
# Keys of different events coincide rarely; below this share the log is of other events.
_SAME_EVENTS = 0.05
_FEWEST_JOINED = 20
# One row may be a correction; three are a pattern.
_FEWEST_DIFFERENT = 3
# Rows of the same events agree in most columns, whatever is wrong in some of them.
_AGREEING = 0.5
_SHOWN = 5
_CHARTED = 20


@dataclass(frozen=True, eq=False)
class _Join:
    """Row numbers of serving and of the other tables that belong to the same events, side by side."""

    keys: list[str]
    tables: list[Table]  # the tables that serving was joined with, concatenated
    serving_rows: RowNumbers  # rows of serving
    table_rows: RowNumbers  # rows of the tables, in their order
    runs: Codes  # the key of each pair
    matched: float  # share of serving rows whose key is in the tables
    skipped: int  # rows of serving whose key has another number of rows there


@check(
    gate=Gate.DATA,
    group="skew",
    catches="a feature that serving computes otherwise: stale, joined to the wrong row, rounded, in another time zone",
    statistic="share of joined rows whose values differ, by feature",
    margin=0.001,
    rule="> 0.1 % of the rows joined on entity and time, and at least 3, differ by more than 1e-6: a fact; "
    "no verdict when less than 95 % of the serving rows find their key",
    source="Breck et al., The ML Test Score, 2017, Monitor 3; Zinkevich, Rules of ML, #29 and #37",
    needs=(Need.SERVING, Need.ENTITY),
)
def keyed_values(data: Data, margin: float) -> Iterator[Measurement]:
    """Serving against train, eval, test and the previous span on the same events.

    Where a key has several rows, their values are compared in sorted order.
    """
    serving = data.serving
    if serving is None:
        raise NotApplicable("no serving log was given")
    join = _joined(data, serving)
    key = listed([f"`{name}`" for name in join.keys])
    decided = join.matched >= _MATCHED
    yield Measurement(
        subject="serving",
        statistic="share of serving rows without a row of their key",
        value=1 - join.matched,
        margin=1 - _MATCHED,
        n=serving.rows,
        beyond=False,
        reason=f"{join.matched:.1%} of {serving.rows:,} serving rows have their key ({key}) in "
        f"{', '.join(table.name for table in join.tables)}; {join.skipped:,} rows were left out because their key "
        f"stands for another number of rows there."
        + ("" if decided else f" That is below {_MATCHED:.0%}: their values are reported, not judged."),
        remedy="Log the key of every request, and keep the rows that the log stands for.",
    )
    features = [n for n in data.features if n not in join.keys and _is_comparable(n, [*join.tables, serving])]
    differing = {name: _differing(name, join, serving) for name in features}
    if not differing:
        raise NotApplicable("the joined tables share no feature beside the key")
    rows = len(join.serving_rows)
    shares = {name: float(mask.sum()) / rows for name, mask in differing.items()}
    if sum(share < _AGREEING for share in shares.values()) < _AGREEING * len(shares):
        raise NotApplicable(f"rows of the same {key} differ in most features: they are not the same events")
    for name, mask in differing.items():
        yield _measured(name, mask, join, serving, margin, decided, key, shares)


def _joined(data: Data, serving: Table) -> _Join:
    keys = [key for key in (data.declared.entity, data.declared.time) if key and serving.has(key)]
    if data.declared.entity not in keys:
        raise NotApplicable(f"serving does not hold the entity key `{data.declared.entity}`")
    tables = [table for name, table in {"train": data.train, **data.others}.items() if name != "serving"]
    tables = [table for table in tables if all(table.has(key) for key in keys)]
    if not tables or not serving.rows:
        raise NotApplicable("no other table holds the key" if serving.rows else "serving has no rows")
    codes, known = _key_codes(keys, [serving, *tables])
    serving_codes, table_codes = codes[: serving.rows], codes[serving.rows :]
    serving_known, table_known = known[: serving.rows], known[serving.rows :] & _not_seen_before(table_codes, tables)
    count = int(codes.max()) + 1
    in_serving = np.bincount(serving_codes[serving_known], minlength=count)
    in_tables = np.bincount(table_codes[table_known], minlength=count)
    if len(keys) == 1 and (in_serving.max() > 1 or in_tables.max() > 1):
        raise NotApplicable(f"`{keys[0]}` stands for several rows, and no time column distinguishes them")
    found = serving_known & (in_tables[serving_codes] > 0)
    matched = float(found.mean())
    if matched < _SAME_EVENTS:
        names = listed([f"`{name}`" for name in keys])
        raise NotApplicable(f"the log is of other events: {matched:.1%} of its rows find their key ({names})")
    alike = (in_serving == in_tables) & (in_tables > 0)
    serving_rows, table_rows = (
        np.flatnonzero(serving_known & alike[serving_codes]),
        np.flatnonzero(table_known & alike[table_codes]),
    )
    serving_rows = serving_rows[np.argsort(serving_codes[serving_rows], kind="stable")]
    table_rows = table_rows[np.argsort(table_codes[table_rows], kind="stable")]
    if len(serving_rows) < _FEWEST_JOINED:
        raise NotApplicable(f"only {len(serving_rows)} serving rows have a key that stands for as many rows elsewhere")
    skipped = int(found.sum()) - len(serving_rows)
    return _Join(keys, tables, serving_rows, table_rows, serving_codes[serving_rows], matched, skipped)


def _key_codes(keys: list[str], tables: list[Table]) -> tuple[Codes, Mask]:
    """Codes that are equal where the keys are, in whatever width they are stored, and a mask of rows with a full
    key."""
    rows = sum(table.rows for table in tables)
    codes, known = np.zeros(rows, np.int64), np.ones(rows, dtype=bool)
    for key in keys:
        if all(table.has(key, ColumnKind.NUMBER) for table in tables):
            narrow = any(pa.types.is_float32(table.arrow.column(key).type) for table in tables)
            whole = all(pa.types.is_integer(table.arrow.column(key).type) for table in tables)
            values = np.concatenate([_exact(table, key) if whole else table.numbers(key) for table in tables])
            known &= ~np.concatenate([table.missing(key) for table in tables])
            _, own = np.unique(values.astype(np.float32) if narrow else values, return_inverse=True)
        else:
            own = np.concatenate(joint_categories(tables, key)[0])
            known &= own >= 0
        _, codes = np.unique(codes * (int(own.max()) + 2) + own + 1, return_inverse=True)
    return codes.astype(np.int64), known


def _not_seen_before(codes: Codes, tables: list[Table]) -> Mask:
    """A mask without the rows whose key an earlier table holds: a previous span may hold train's own events."""
    seen, kept = np.zeros(int(codes.max(initial=0)) + 1, dtype=bool), []
    for part in np.split(codes, np.cumsum([table.rows for table in tables])[:-1]):
        kept.append(~seen[part])
        seen[part] = True
    return np.concatenate(kept)


def _exact(table: Table, key: str) -> NDArray[np.int64]:
    """Whole numbers beyond 2^53, which floats would merge."""
    return np.asarray(table.arrow.column(key).cast(pa.int64(), safe=False).combine_chunks().fill_null(0))


def _is_comparable(name: str, tables: list[Table]) -> bool:
    """NUMBER with NUMBER, IMAGE with IMAGE of one size, text with text; the schema check reports other types."""
    if not all(table.has(name) for table in tables):
        return False
    kinds = {table.kinds[name] for table in tables} - {ColumnKind.EMPTY}
    if kinds == {ColumnKind.IMAGE}:
        return len({table.arrow.column(name).type for table in tables}) == 1
    return kinds == {ColumnKind.NUMBER} or (bool(kinds) and kinds <= {ColumnKind.CATEGORY, ColumnKind.TEXT})


def _differing(name: str, join: _Join, serving: Table) -> Mask:
    """A mask of pairs whose values differ; within a key of several rows, in sorted order."""
    tables = [serving, *join.tables]
    kinds = {table.kinds[name] for table in tables} - {ColumnKind.EMPTY}
    if kinds == {ColumnKind.IMAGE}:
        serving_values = serving.vectors(name)[join.serving_rows].astype(np.float64)
        table_values = np.concatenate([table.vectors(name) for table in join.tables])[join.table_rows].astype(
            np.float64
        )
        return np.asarray(_apart(serving_values, table_values).any(axis=1))
    if kinds == {ColumnKind.NUMBER}:
        columns = [_as_numbers(table, name) for table in tables]
    else:
        columns = [codes.astype(np.float64) for codes in joint_categories(tables, name)[0]]
    serving_values = _within_keys(columns[0][join.serving_rows], join.runs)
    table_values = _within_keys(np.concatenate(columns[1:])[join.table_rows], join.runs)
    return _apart(serving_values, table_values) if kinds == {ColumnKind.NUMBER} else serving_values != table_values


def _as_numbers(table: Table, name: str) -> NDArray[np.float64]:
    return np.full(table.rows, np.nan) if table.kinds[name] is ColumnKind.EMPTY else table.numbers(name)


def _within_keys(values: NDArray[np.float64], runs: Codes) -> NDArray[np.float64]:
    if (np.diff(runs) != 0).all():
        return values
    return values[np.lexsort((values, runs))]


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> Mask:
    """By more than a millionth of the larger: copies in 32 bits are equal. Missing equals missing."""
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.isfinite(a + b) & (np.abs(a - b) <= _TOLERANCE * np.maximum(np.abs(a), np.abs(b)))
    apart: Mask = ~(near | (a == b) | (np.isnan(a) & np.isnan(b)))
    return apart


def _measured(
    name: str,
    mask: Mask,
    join: _Join,
    serving: Table,
    margin: float,
    decided: bool,
    key: str,
    shares: dict[str, float],
) -> Measurement:
    rows, different = len(mask), int(mask.sum())
    share = different / rows
    worst = sorted(shares, key=lambda each: -shares[each])[:_CHARTED]
    worst = worst if name in worst else [name, *worst[:-1]]
    return Measurement(
        subject=name,
        statistic="share of joined rows whose values differ",
        value=share,
        n=rows,
        beyond=decided and share > margin and different >= _FEWEST_DIFFERENT,
        reason=f"`{name}` differs in {different:,} of {rows:,} rows ({share:.2%}) that serving and training hold "
        f"of the same {key}; {margin:.2%} may."
        + ("" if decided else " Too few serving rows find their key to judge it."),
        remedy=f"Compute `{name}` for training and serving with one function, from the same source at the same moment.",
        chart=Chart(
            "share of joined rows whose values differ", tuple(worst), {"serving": tuple(shares[n] for n in worst)}, name
        ),
        sample=_sample(name, mask, join, serving) if different else None,
    )


def _sample(name: str, mask: Mask, join: _Join, serving: Table) -> RowSample:
    """Pairs that differ: key, what training holds, what serving holds."""
    pairs = np.flatnonzero(mask)
    alone = pairs[np.bincount(join.runs)[join.runs[pairs]] == 1]
    pairs = (alone if len(alone) else pairs)[:_SHOWN]
    serving_rows, table_rows = join.serving_rows[pairs], join.table_rows[pairs]
    starts = np.cumsum([0, *(table.rows for table in join.tables)])
    rows = []
    for one, other in zip(serving_rows.tolist(), table_rows.tolist(), strict=True):
        place = int(np.searchsorted(starts, other, "right")) - 1
        known = _cell(join.tables[place], name, other - int(starts[place]))
        key = (_cell(serving, each, one) for each in join.keys)
        rows.append((*key, known[:60], _cell(serving, name, one)[:60]))
    return RowSample(f"rows in which `{name}` differs", (*join.keys, "training", "serving"), tuple(rows))


def _cell(table: Table, name: str, row: int) -> str:
    return cell_texts(table.arrow.column(name).slice(row, 1))[0]
