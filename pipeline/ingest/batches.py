"""Converts rows that were read to the columns of tf.Examples, and sets unusable rows aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.ingest.assignment import UNASSIGNED, Places
from pipeline.ingest.image_plan import image_column
from pipeline.ingest.label import compute_label, places_of_names
from pipeline.ingest.plan import Plan
from sources.format import Rows
from sources.images import IMAGE
from sources.kinds import ARROW_TYPE, Kind, to_kind
from sources.rejects import Reject
from sources.typed import as_lists, typed_to_kind, untyped

Mask = npt.NDArray[np.bool_]
_OVERRIDE_NAME = {Kind.INT: "an int", Kind.FLOAT: "a float", Kind.BYTES: "text"}


@dataclass
class Batch:
    """Rows to encode, each with its split; and the unusable rows."""

    examples: pa.RecordBatch
    places: Places
    rejects: list[Reject]


def bounded(batches: Iterable[Rows], plan: Plan) -> Iterator[Rows]:
    """The same rows in batches whose images fit into memory, where rows name their images."""
    for rows in batches:
        if plan.images is None or plan.images.path_column is None:
            yield rows
            continue
        size = plan.images.shape.batch_rows
        for start in range(0, max(rows.columns.num_rows, 1), size):
            some = slice(start, start + size)
            columns = rows.columns.slice(start, size)
            yield Rows(columns, rows.lines[some], rows.typed, [] if start else rows.rejects, rows.form)


def make_batch(rows: Rows, plan: Plan, path: str) -> Batch:
    """Converts, computes the label, and assigns; in that order, because a split may go by the Example's values."""
    rejects = list(rows.rejects)
    columns: dict[str, pa.Array] = {}
    reasons: dict[int, str] = {}
    for name, kind in plan.kinds.items():
        columns[name], unfit = _convert(rows, name, kind)
        if unfit.any():
            _note(reasons, unfit, f"`{name}` is not {_OVERRIDE_NAME.get(kind, 'what it should be')}")
    if plan.images is not None and plan.images.path_column is not None:
        paths = columns.pop(plan.images.path_column)
        columns[IMAGE], unreadable = image_column(paths, path, plan.images.shape)
        reasons.update({row: reason for row, reason in unreadable.items() if row not in reasons})
    label_name = plan.label
    if plan.class_names:
        name = plan.assigner.label or ""
        texts = columns[name]
        columns[name], unknown = places_of_names(texts, plan.class_texts)
        for row in np.flatnonzero(unknown):
            reasons.setdefault(int(row), f"`{name}` is `{_shown(texts[int(row)].as_py())}`, none of data.class_names")
    if plan.expression is not None:
        name = plan.assigner.label or ""
        columns[name] = compute_label(plan.expression, columns)
    if label_name is not None:
        _note(reasons, _missing(columns[label_name]), f"no label: `{label_name}` {_why_no_label(plan)}")
    places = plan.assigner.assign(columns, rows.columns.num_rows, path)
    _note(
        reasons,
        places == UNASSIGNED,
        f"cannot be assigned to a split: `{plan.assigner.key_column}` is missing or no time",
    )
    if reasons:
        rejects += [_reject(rows, row, reason, path) for row, reason in sorted(reasons.items())]
        keep = np.ones(len(places), bool)
        keep[list(reasons)] = False
        columns = {name: column.filter(pa.array(keep)) for name, column in columns.items()}
        places = places[keep]
    columns.pop(plan.split_column or "", None)
    return Batch(_as_examples(columns, plan, len(places)), places, rejects)


def _convert(rows: Rows, name: str, kind: Kind) -> tuple[pa.Array, Mask]:
    place = rows.columns.schema.get_field_index(name)
    if place < 0:  # a tf.Example may leave a feature out
        return pa.nulls(rows.columns.num_rows, ARROW_TYPE[kind]), np.zeros(rows.columns.num_rows, bool)
    column = rows.columns.column(place)
    if rows.typed:
        return typed_to_kind(column, kind, name)
    return to_kind(column if kind is Kind.BYTES else rows.number_text(column), kind)


def _note(reasons: dict[int, str], rows: Mask, reason: str) -> None:
    """Notes the reason for rows that have none yet: the first reason of a row is reported."""
    for row in np.flatnonzero(rows):
        reasons.setdefault(int(row), reason)


def _missing(column: pa.Array) -> Mask:
    if pa.types.is_large_list(column.type):
        return np.diff(np.asarray(column.offsets)) == 0
    missing = np.asarray(column.is_null())
    if pa.types.is_floating(column.type):
        missing = missing | np.isnan(column.to_numpy(zero_copy_only=False))
    return missing


def _why_no_label(plan: Plan) -> str:
    return "is missing" if plan.expression is None else f"needs {', '.join(f'`{n}`' for n in plan.expression.names)}"


def _reject(rows: Rows, row: int, reason: str, path: str) -> Reject:
    cells = [_cell(column, row) for column in rows.columns.columns]
    text = ",".join("" if cell is None else _shown(cell) for cell in cells)
    return Reject(path, int(rows.lines[row]), reason, text)


def _cell(column: pa.Array, row: int) -> object:
    scalar = column[row]
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):  # a time that Python's types cannot hold
        return scalar.value


def _shown(cell: object) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _as_examples(columns: dict[str, pa.Array], plan: Plan, rows: int) -> pa.RecordBatch:
    lists = {
        name: untyped(rows) if plan.kinds.get(name) is Kind.NONE else as_lists(column)
        for name, column in columns.items()
    }
    return pa.RecordBatch.from_arrays(list(lists.values()), list(lists))
